"""The declared columns or tensors of a model's inputs and outputs.

A schema is written in one of two ways::

    Schema("trip_id BIGINT NOT NULL, fare DOUBLE")            # columns of a frame, as Spark DDL
    Schema([("image", "float32", (-1, 28, 28))])              # named tensors; -1 is a free dimension

Either way every field has a Spark type, so that the same model runs over a table: a tensor whose first dimension is the
batch is a column, and each further dimension is one level of ARRAY.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pyml.errors import SchemaError
from pyml.types.ddl import DDL_HINT, is_not_null, parse_columns
from pyml.types.field import KIND_BY_NAME, TENSOR_KINDS, Field, TensorSpec
from pyml.types.spark_types import arrow_type_of, ddl_type_of, refuse_repeated_names

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from pyml.types.any_frame import AnyFrame

TensorFields = Sequence[tuple[str, str, Sequence[int]]]


class Schema:
    """An ordered set of columns or tensors.

    Args:
        fields: Spark DDL, or a list of (name, dtype, shape); a dtype is numpy's name or the Open Inference Protocol's.

    Raises:
        SchemaError: the DDL cannot be parsed, a name appears twice (Spark ignores case), or a type is not supported.
    """

    def __init__(self, fields: str | TensorFields) -> None:
        if not isinstance(fields, str | list | tuple):
            raise SchemaError(
                f"expected DDL or a list of tensors for a Schema, found {fields!r}", f"{DDL_HINT}; {_TENSOR_HINT}"
            )
        self.fields: tuple[Field, ...] = tuple(
            _parse_ddl(fields) if isinstance(fields, str) else map(_tensor_field, fields)
        )
        refuse_repeated_names([field.name for field in self.fields])

    @property
    def names(self) -> tuple[str, ...]:
        """Names in declared order."""
        return tuple(field.name for field in self.fields)

    @property
    def is_tensor(self) -> bool:
        """True if the fields were declared as tensors."""
        return any(field.tensor for field in self.fields)

    @property
    def ddl(self) -> str:
        """The schema as Spark DDL in canonical spelling."""
        return ", ".join(str(field) for field in self.fields)

    @property
    def declaration(self) -> str | list[tuple[str, str, list[int]]]:
        """The argument of `Schema` that gives an equal schema; it survives JSON."""
        if self.is_tensor:
            return [(f.name, f.tensor.datatype, list(f.tensor.shape)) for f in self.fields if f.tensor]
        return self.ddl

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema that carries these columns."""
        import pyarrow as pa

        return pa.schema([field.arrow for field in self.fields])

    def frame(self, frame: AnyFrame) -> pd.DataFrame:
        """The frame that `predict` would get for these rows: train on it, so that the model meets what it knows.

        A training frame often differs from what either path hands to `predict`: pandas reads a missing string as NaN,
        and integers of which one is missing as floats, while `predict` gets None, and `Int64` with `pd.NA`. This is the
        conversion of both paths::

            inputs = Schema("age DOUBLE NOT NULL, visits INT, city STRING")
            given = inputs.frame(pyarrow.parquet.read_table("train.parquet"))
            # given.dtypes: age float64, visits Int32 (null is pd.NA), city object (null is None)

        Args:
            frame: rows of shape (rows, columns), as a frame of pandas, Polars (not lazy), pyarrow or Spark, or of any
                library with the Arrow C stream interface. Columns that are not declared, such as the label, are left
                out. A column of a different type is converted if no value changes. In pandas, NaN among the objects of
                a column that is not of numbers is null; in a column of numbers it is a value, so that nulls of numbers
                need a nullable dtype. A frame of Spark is collected.

        Returns:
            A new frame with the declared columns in declared order, index 0 to n-1, and the dtypes of
            docs/reference/types.md: numpy's for NOT NULL numbers, nullable ones such as `Int32` for the others,
            datetime64 for dates and times, and object columns of plain Python values for the rest.

        Raises:
            InputError: a column is missing, has a type that is not converted, holds a value that its declared type
                cannot hold, or null though NOT NULL; names each such column, and the first row.
            UsageError: `frame` is not a frame, or this schema declares tensors.
        """
        from pyml.types.any_frame import predict_frame

        return predict_frame(frame, self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __repr__(self) -> str:
        return f"Schema({self.declaration!r})"


def _parse_ddl(text: str) -> Iterator[Field]:
    try:
        for column in parse_columns(text):
            ddl_type = ddl_type_of(arrow_type_of(column.kind))
            yield Field(column.name, ddl_type, nullable=not is_not_null(column))
    except RecursionError as error:
        raise SchemaError("a type is nested too deeply", "declare the inner parts as separate columns") from error


_TENSOR_HINT = 'write a tensor as ("image", "float32", (-1, 28, 28))'


def _tensor_field(field: object) -> Field:
    name, dtype, shape = _parts_of(field)
    kind = KIND_BY_NAME.get(dtype)
    if kind is None:
        raise SchemaError(
            f"tensor `{name}` has the unknown dtype {dtype!r}", f"use one of {', '.join(k.dtype for k in TENSOR_KINDS)}"
        )
    if not shape or shape[0] != -1 or any(size < -1 or size == 0 for size in shape):
        raise SchemaError(
            f"tensor `{name}` has the shape {shape}",
            "the first dimension is the batch, -1; each other dimension is -1 or a length",
        )
    depth = len(shape) - 1
    ddl_type = "ARRAY<" * depth + kind.ddl_type + ">" * depth
    return Field(name, ddl_type, nullable=False, tensor=TensorSpec(kind.datatype, shape))


def _parts_of(field: object) -> tuple[str, str, tuple[int, ...]]:
    """Name, dtype and shape of one tensor as an author wrote it, with the shape as Python integers."""
    match field:
        case [str(name), dtype, list() | tuple() as shape] if name:
            with contextlib.suppress(TypeError):  # a length that is not an integer
                return name, str(dtype), tuple(operator.index(size) for size in shape)
    raise SchemaError(f"expected a name, a dtype and a shape for a tensor, found {field!r}", _TENSOR_HINT)
