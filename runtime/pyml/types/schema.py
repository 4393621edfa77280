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
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from pyml.errors import SchemaError
from pyml.types.ddl import DDL_HINT, is_not_null, parse_columns

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

TensorFields = Sequence[tuple[str, str, Sequence[int]]]


@dataclass(frozen=True)
class TensorKind:
    """One element type of a tensor: its names in numpy, in the Open Inference Protocol and in Spark."""

    dtype: str
    datatype: str
    ddl_type: str


# Spark has no unsigned or 16-bit float types: the next wider type carries them without loss.
TENSOR_KINDS = (
    TensorKind("bool", "BOOL", "BOOLEAN"),
    TensorKind("int8", "INT8", "TINYINT"),
    TensorKind("int16", "INT16", "SMALLINT"),
    TensorKind("int32", "INT32", "INT"),
    TensorKind("int64", "INT64", "BIGINT"),
    TensorKind("uint8", "UINT8", "SMALLINT"),
    TensorKind("uint16", "UINT16", "INT"),
    TensorKind("uint32", "UINT32", "BIGINT"),
    TensorKind("float16", "FP16", "FLOAT"),
    TensorKind("float32", "FP32", "FLOAT"),
    TensorKind("float64", "FP64", "DOUBLE"),
    TensorKind("bytes", "BYTES", "BINARY"),
)
_KIND_BY_NAME = {name: kind for kind in TENSOR_KINDS for name in (kind.dtype, kind.datatype)}


@dataclass(frozen=True)
class TensorSpec:
    """Element type and shape of a tensor.

    Attributes:
        datatype: name in the Open Inference Protocol, such as ``FP32``.
        shape: length of each dimension, -1 if it is free; the first is the batch and always free.
    """

    datatype: str
    shape: tuple[int, ...]

    @property
    def dtype(self) -> str:
        """Name of the numpy dtype; ``object`` for BYTES, whose elements are Python bytes."""
        dtype = _KIND_BY_NAME[self.datatype].dtype
        return "object" if dtype == "bytes" else dtype


@dataclass(frozen=True)
class Field:
    """One column: its name, its Spark type in canonical spelling, and whether it may hold null."""

    name: str
    ddl_type: str
    nullable: bool = True
    tensor: TensorSpec | None = None

    @property
    def base_type(self) -> str:
        """The Spark type without its parameters: DECIMAL for `DECIMAL(10,2)`, ARRAY for `ARRAY<INT>`."""
        return self.ddl_type.partition("(")[0].partition("<")[0]

    @property
    def arrow(self) -> pa.Field:
        """The Arrow field that carries this column."""
        import pyarrow as pa

        return pa.field(self.name, arrow_type(self.ddl_type), self.nullable)

    def __str__(self) -> str:
        return f"{quoted(self.name)} {self.ddl_type}{'' if self.nullable else ' NOT NULL'}"


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
        _refuse_repeated_names([field.name for field in self.fields])

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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __repr__(self) -> str:
        return f"Schema({self.declaration!r})"


def quoted(name: str) -> str:
    """A column name for Spark SQL: bare if it is a plain identifier, else in back-ticks."""
    return name if name.isidentifier() and name.isascii() else "`" + name.replace("`", "``") + "`"


def string_literal(text: str) -> str:
    """A string literal for Spark SQL: in single quotes, with its quotes and backslashes escaped."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@lru_cache(maxsize=1024)
def arrow_type(ddl_type: str) -> pa.DataType:
    """The Arrow type that carries a Spark type.

    Raises:
        SchemaError: the type is not supported.
    """
    return _arrow_of(parse_columns(f"c {ddl_type}")[0].kind)


def ddl_type_of(arrow: pa.DataType) -> str:
    """The Spark type of an Arrow type, in canonical spelling; its Arrow name if Spark has no such type."""
    import pyarrow as pa

    types = pa.types
    if types.is_decimal(arrow):
        return f"DECIMAL({arrow.precision}, {arrow.scale})"
    if types.is_timestamp(arrow) and arrow.unit == "us":
        return "TIMESTAMP_NTZ" if arrow.tz is None else "TIMESTAMP"
    if types.is_map(arrow):
        return f"MAP<{ddl_type_of(arrow.key_type)}, {ddl_type_of(arrow.item_type)}>"
    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        return f"ARRAY<{ddl_type_of(arrow.value_type)}>"
    if types.is_struct(arrow):
        inner = ", ".join(f"{quoted(field.name)}: {ddl_type_of(field.type)}" for field in arrow)
        return f"STRUCT<{inner}>"
    return _plain_ddl_types().get(arrow, str(arrow))


@lru_cache(maxsize=1)
def _plain_ddl_types() -> dict[pa.DataType, str]:
    import pyarrow as pa

    by_arrow = {pa_type: name for name, pa_type in _plain_arrow_types().items()}
    return by_arrow | {pa.large_string(): "STRING", pa.large_binary(): "BINARY"}


@lru_cache(maxsize=1)
def _plain_arrow_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "TINYINT": pa.int8(),
        "SMALLINT": pa.int16(),
        "INT": pa.int32(),
        "BIGINT": pa.int64(),
        "FLOAT": pa.float32(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "STRING": pa.string(),
        "BINARY": pa.binary(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us", "UTC"),
        "TIMESTAMP_NTZ": pa.timestamp("us"),
    }


def _parse_ddl(text: str) -> Iterator[Field]:
    try:
        for column in parse_columns(text):
            ddl_type = ddl_type_of(_arrow_of(column.kind))
            yield Field(column.name, ddl_type, nullable=not is_not_null(column))
    except RecursionError as error:
        raise SchemaError("a type is nested too deeply", "declare the inner parts as separate columns") from error


def _arrow_of(kind: exp.DataType | None) -> pa.DataType:
    import pyarrow as pa

    if kind is None:
        raise SchemaError("a type is missing", _TYPE_HINT)
    name = kind.this.value
    inner = kind.expressions
    if name == "DECIMAL" and len(inner) <= 2:
        precision, scale = ([int(size.name) for size in inner] + [10, 0][len(inner) :])[:2]
        return _decimal(precision, scale)
    if name == "ARRAY" and len(inner) == 1:
        return pa.list_(_arrow_of(inner[0]))
    if name == "MAP" and len(inner) == 2:
        return pa.map_(_map_key(inner[0]), _arrow_of(inner[1]))
    if name == "STRUCT" and inner:
        _refuse_repeated_names([field.name for field in inner])
        return pa.struct([_struct_field(field) for field in inner])
    plain = _SPARK_NAMES.get(name, name)
    if plain not in _plain_arrow_types() or inner:
        raise SchemaError(f"type {kind.sql('spark')} is not supported", _TYPE_HINT)
    return _plain_arrow_types()[plain]


# sqlglot's names where they are not Spark's.
_SPARK_NAMES = {
    "TIMESTAMPTZ": "TIMESTAMP",
    "TIMESTAMPLTZ": "TIMESTAMP",
    "TIMESTAMPNTZ": "TIMESTAMP_NTZ",
    "TEXT": "STRING",
}

_TYPE_HINT = (
    "use TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, DECIMAL(p, s), STRING, BINARY, BOOLEAN, DATE, TIMESTAMP, "
    "TIMESTAMP_NTZ, ARRAY<…>, MAP<…, …> or STRUCT<…> (for CHAR and VARCHAR, which Spark reads as STRING, write STRING)"
)


def _struct_field(column: exp.ColumnDef) -> pa.Field:
    import pyarrow as pa

    if is_not_null(column):
        raise SchemaError(
            f"NOT NULL inside a STRUCT (`{column.name}`) is not supported", "put NOT NULL on the column itself"
        )
    return pa.field(column.name, _arrow_of(column.kind))


def _decimal(precision: int, scale: int) -> pa.DataType:
    import pyarrow as pa

    if not (1 <= precision <= 38 and 0 <= scale <= precision):
        raise SchemaError(
            f"DECIMAL({precision}, {scale}) is out of Spark's range", "use a precision of 1 to 38, and a scale up to it"
        )
    return pa.decimal128(precision, scale)


def _map_key(kind: exp.DataType) -> pa.DataType:
    """Type of a MAP's key: `predict` gets a map as a dict, so that its keys must be hashable."""
    if kind.expressions and kind.this.value != "DECIMAL":
        raise SchemaError(
            f"a MAP key of type {kind.sql('spark')} is not supported", "use a plain type such as STRING as key"
        )
    return _arrow_of(kind)


_TENSOR_HINT = 'write a tensor as ("image", "float32", (-1, 28, 28))'


def _tensor_field(field: object) -> Field:
    name, dtype, shape = _parts_of(field)
    kind = _KIND_BY_NAME.get(dtype)
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


def _refuse_repeated_names(names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            raise SchemaError(
                f"`{seen[name.lower()]}` and `{name}` are the same name in Spark, which ignores case",
                "rename one of them",
            )
        seen[name.lower()] = name
