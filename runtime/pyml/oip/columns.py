"""A frame as one tensor for each column: the protocol's own types, for clients without Arrow.

Such tensors have no null, dates, decimals or nested values. A number may have a different datatype than declared (an
INT64 for a TINYINT column or a DOUBLE) as long as every value is kept exactly: the columns of a query are converted by
the same rule (`pyml.types.conversion.lossless`). A column that would lose something is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem
from pyml.oip.tensor import datatype_of
from pyml.types.conversion.declared_column import UnfitError, as_declared, fitted, missing_problem, undeclared_problems
from pyml.types.conversion.lossless import is_convertible
from pyml.types.conversion.row_source import RowSource
from pyml.types.spark_types import ddl_type_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyml.types.field import Field
    from pyml.types.schema import Schema

    Array = NDArray[np.generic]

_CARRIED = {
    pa.bool_(): "BOOL",
    pa.int8(): "INT8",
    pa.int16(): "INT16",
    pa.int32(): "INT32",
    pa.int64(): "INT64",
    pa.float32(): "FP32",
    pa.float64(): "FP64",
    pa.string(): "BYTES",
    pa.binary(): "BYTES",
}
_AS_THEY_ARE = {
    np.dtype(kind): pa.from_numpy_dtype(kind)
    for kind in (np.int8, np.int16, np.int32, np.int64, np.float32, np.float64)
}
"""Types whose values Arrow and numpy hold alike, by dtype."""
_FILLER = {"BOOL": False, "BYTES": b""}
_USE_ARROW = 'send the rows as one Arrow stream, content_type "arrow", which carries every type'


def datatype_of_column(arrow: pa.DataType) -> str | None:
    """Datatype of the protocol for a column of this type; None if no tensor carries it without loss."""
    return _CARRIED.get(arrow)


Nulls = Mapping[str, Sequence[int]]
"""Rows that hold null, by column; a column without any may be absent."""


def batch_from_columns(
    columns: Mapping[str, Array], schema: Schema, nulls: Nulls = MappingProxyType({})
) -> pa.RecordBatch:
    """Build rows of the declared types from one array for each column, given in any order.

    Args:
        columns: arrays of shape (n,) or (n, 1); BYTES as arrays of Python bytes.
        schema: the declared columns.
        nulls: rows in which a column holds null, whatever its array holds there.

    Raises:
        InputError: lists each column that is missing, unknown, of a different length, or not exactly as declared.
    """
    problems = [*_name_problems(columns, schema), *_shape_problems(columns)]
    arrays, unfit = fitted(
        schema.fields if not problems else (),
        lambda field: _declared(field, columns[field.name].reshape(-1), nulls.get(field.name, ())),
    )
    problems += unfit
    if problems:
        raise InputError("the columns do not fit the model's inputs", problems)
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow)


def columns_from_batch(batch: pa.RecordBatch, *, are_nulls_marked: bool = False) -> dict[str, Array]:
    """One array of shape (n,) for each column; STRING and BINARY as arrays of Python bytes.

    Args:
        batch: shape (n, columns).
        are_nulls_marked: whether the caller says elsewhere which rows hold null (`nulls_of`); the arrays then hold 0,
            False or no bytes there.

    Raises:
        InputError: lists each column that a tensor cannot carry, because of its type or a null in it.
    """
    problems = [
        problem
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        for problem in _loss(name, column, are_nulls_marked=are_nulls_marked)
    ]
    if problems:
        raise InputError("the rows cannot be sent as one tensor for each column", problems)
    return {name: _plain(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def nulls_of(batch: pa.RecordBatch) -> dict[str, list[int]]:
    """The rows in which each column holds null; only columns with any."""
    return {
        name: np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).tolist()
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        if column.null_count
    }


def _name_problems(columns: Mapping[str, Array], schema: Schema) -> Iterator[Problem]:
    names = list(columns)
    for name in schema.names:
        if name not in columns:
            yield missing_problem(names, name, RowSource.TENSORS)
    yield from undeclared_problems(names, schema.names, RowSource.TENSORS)


def _shape_problems(columns: Mapping[str, Array]) -> Iterator[Problem]:
    lengths = {array.shape[0] for array in columns.values() if array.ndim}
    for name, array in columns.items():
        if array.ndim not in (1, 2) or array.shape[1:] not in ((), (1,)):
            message = f"column `{name}` has the shape {list(array.shape)}"
            yield Problem(message, "send a column with the shape [n] or [n, 1]", ErrorCode.TENSOR_SHAPE)
        elif len(lengths) > 1:
            message = f"column `{name}` has {array.shape[0]} rows, other columns have a different number"
            yield Problem(message, "send the same number of values in each column", ErrorCode.TENSOR_SHAPE)


def _declared(field: Field, array: Array, nulls: Sequence[int]) -> pa.Array:
    """The column in its declared type, with every value unchanged."""
    declared = field.arrow.type
    if not nulls and _AS_THEY_ARE.get(array.dtype) == declared and array.flags.c_contiguous:
        # What pa.array does, without its many questions.
        return pa.Array.from_buffers(declared, len(array), [None, pa.py_buffer(array)], 0)
    sent, column = datatype_of(array), _with_nulls(array, nulls)
    if sent == "BYTES" == datatype_of_column(declared):
        return as_declared(_strings(field, column, declared), field, RowSource.TENSORS)
    if datatype_of_column(declared) is None and not is_convertible(column.type, declared):
        message = f"column `{field.name}` is declared {field.ddl_type}, which no tensor carries without loss"
        raise UnfitError(Problem(message, _USE_ARROW, ErrorCode.CANNOT_CARRY))
    return as_declared(column, field, RowSource.TENSORS, sent)


def _with_nulls(array: Array, nulls: Sequence[int]) -> pa.Array:
    mask = None
    if nulls:
        mask = np.zeros(len(array), bool)
        mask[list(nulls)] = True
    return pa.array(array, pa.binary() if array.dtype.kind in "OSU" else None, mask=mask)


def _strings(field: Field, elements: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        return elements.cast(target)
    except pa.ArrowInvalid as error:
        message = f"column `{field.name}` is declared STRING and holds bytes that are not UTF-8"
        raise UnfitError(Problem(message, "encode it as UTF-8", ErrorCode.COLUMN_VALUE)) from error


def _loss(name: str, column: pa.Array, *, are_nulls_marked: bool) -> Iterator[Problem]:
    if datatype_of_column(column.type) is None:
        message = f"column `{name}` is {ddl_type_of(column.type)}, which no tensor carries without loss"
        yield Problem(message, _USE_ARROW, ErrorCode.CANNOT_CARRY)
    elif column.null_count and not are_nulls_marked:
        row = column.is_null().index(True).as_py()
        message = f"column `{name}` holds null (row {row}), which no tensor carries"
        yield Problem(message, _USE_ARROW, ErrorCode.CANNOT_CARRY)


def _plain(column: pa.Array) -> Array:
    if column.null_count:
        column = column.fill_null(pa.scalar(_FILLER.get(datatype_of_column(column.type) or "", 0), column.type))
    if datatype_of_column(column.type) == "BYTES":
        array = np.empty(len(column), dtype=object)
        array[:] = column.cast(pa.binary()).to_pylist()
        return array
    values: Array = column.to_numpy(zero_copy_only=False)
    return values
