"""Arrow columns to named tensors and back: the type rule for `TensorModel`.

A tensor is a column whose first dimension is the row; each further dimension is one level of list. Nothing is padded or
truncated: rows of different lengths are an error that names the column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyml.error_code import ErrorCode
from pyml.errors import InputError, OutputError, Problem
from pyml.types.field import Field, TensorSpec
from pyml.types.frame import conform

if TYPE_CHECKING:
    from pyml.types.schema import Schema

Tensors = dict[str, np.ndarray]


def tensors_from_arrow(batch: pa.RecordBatch, schema: Schema) -> Tensors:
    """Convert a batch to the tensors that `predict` gets.

    Args:
        batch: one column for each tensor of `schema`.
        schema: the model's declared inputs.

    Returns:
        One writable array for each tensor, of its declared dtype and of shape (rows, …).

    Raises:
        InputError: a column does not fit, holds null, is ragged, or holds a number that the declared dtype cannot hold.
    """
    batch = conform(batch, schema)
    tensors: Tensors = {}
    problems: list[Problem] = []
    for field, column in zip(schema.fields, batch.columns, strict=True):
        try:
            tensors[field.name] = _tensor(column, _spec(field))
        except ValueError as error:
            problems.append(
                Problem(
                    f"column `{field.name}` is not a tensor of shape {_spec(field).shape}: {error}",
                    "",
                    ErrorCode.TENSOR_SHAPE,
                )
            )
    if problems:
        raise InputError("the rows do not fit the model's inputs", problems)
    return tensors


def arrow_from_tensors(tensors: Mapping[str, np.ndarray], schema: Schema) -> pa.RecordBatch:
    """Convert checked tensors to a batch, one column for each tensor.

    Args:
        tensors: arrays that :func:`check_outputs` or :func:`check_inputs` has accepted.
        schema: their declaration.
    """
    columns = [_column(tensors[field.name], field) for field in schema.fields]
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def check_inputs(tensors: Mapping[str, np.ndarray], schema: Schema) -> None:
    """Refuse tensors that are not exactly the declared ones.

    Raises:
        InputError: a name, dtype or shape differs; lists every difference.
    """
    problems = list(_problems(tensors, schema))
    if problems:
        raise InputError("the tensors do not fit the model's inputs", problems)


def check_outputs(tensors: object, schema: Schema, rows: int) -> Tensors:
    """Refuse predictions that are not exactly the declared ones, with one row for each input row.

    Args:
        tensors: what `predict` returned.
        schema: the model's declared outputs.
        rows: number of rows that `predict` was given.

    Raises:
        OutputError: it is not a dict, or a name, dtype or shape differs; lists every difference.
    """
    summary = "the predictions do not fit the model's outputs"
    if not isinstance(tensors, dict):
        raise OutputError(summary, [Problem(f"got {type(tensors).__name__}", "return a dict of names to numpy arrays")])
    problems = list(_problems(tensors, schema))
    for field in schema.fields:
        array = tensors.get(field.name)
        if isinstance(array, np.ndarray) and array.ndim and array.shape[0] != rows:
            problems.append(
                Problem(f"tensor `{field.name}`: {rows} rows in, {array.shape[0]} rows out", "", ErrorCode.ROW_COUNT)
            )
    if problems:
        raise OutputError(summary, problems)
    return tensors


def rows_of(tensors: Mapping[str, np.ndarray]) -> int:
    """Length of the batch dimension, which all tensors share; 0 if there are no tensors."""
    return next((int(array.shape[0]) for array in tensors.values()), 0)


def _problems(tensors: Mapping[str, np.ndarray], schema: Schema) -> Iterator[Problem]:
    for field in schema.fields:
        yield from _problems_of(field, tensors)
    for name in tensors:
        if name not in schema.names:
            yield Problem(
                f"tensor `{name}` is not declared", f"declared: {', '.join(schema.names)}", ErrorCode.COLUMN_UNDECLARED
            )
    lengths = {name: array.shape[0] for name, array in tensors.items() if isinstance(array, np.ndarray) and array.ndim}
    if len(set(lengths.values())) > 1:
        yield Problem(f"the tensors differ in their first dimension, the batch: {lengths}", "", ErrorCode.TENSOR_SHAPE)


def _problems_of(field: Field, tensors: Mapping[str, np.ndarray]) -> Iterator[Problem]:
    """How one tensor differs from its declaration: at most one problem, the most fundamental."""
    spec = _spec(field)
    declared = f"declared {spec.dtype} {spec.shape}"
    array = tensors.get(field.name)
    if array is None:
        yield Problem(
            f"tensor `{field.name}` is missing; {declared}",
            f"given: {', '.join(tensors) or 'none'}",
            ErrorCode.COLUMN_MISSING,
        )
    elif not isinstance(array, np.ndarray):
        yield Problem(
            f"tensor `{field.name}` is a {type(array).__name__}, not a numpy array; {declared}",
            "",
            ErrorCode.TENSOR_TYPE,
        )
    elif array.dtype != np.dtype(spec.dtype):
        yield Problem(
            f"tensor `{field.name}` is {array.dtype}; {declared}", f'.astype("{spec.dtype}")', ErrorCode.TENSOR_TYPE
        )
    elif not _fits(array.shape, spec.shape):
        yield Problem(f"tensor `{field.name}` has the shape {array.shape}; {declared}", "", ErrorCode.TENSOR_SHAPE)
    elif array.dtype == object and not all(isinstance(item, bytes) for item in array.flat):
        yield Problem(f"tensor `{field.name}` holds elements that are not bytes; {declared}", "", ErrorCode.TENSOR_TYPE)


def _fits(shape: tuple[int, ...], declared: tuple[int, ...]) -> bool:
    return len(shape) == len(declared) and all(want in (-1, size) for size, want in zip(shape, declared, strict=True))


def _spec(field: Field) -> TensorSpec:
    if field.tensor is None:
        raise InputError("a TensorModel declares tensors", [Problem(f"`{field.name}` is declared as a column")])
    return field.tensor


def _tensor(column: pa.Array, spec: TensorSpec) -> np.ndarray:
    shape = [len(column)]
    for want in spec.shape[1:]:
        shape.append(_common_length(column, want))
        column = column.flatten()
    if column.null_count:
        raise ValueError("it holds null")
    values = column.to_numpy(zero_copy_only=False)
    return _narrowed(values, spec).reshape(shape)


def _common_length(column: pa.Array, want: int) -> int:
    """The common length of all lists."""
    if column.null_count:
        raise ValueError("it holds null")
    lengths = pc.unique(pc.list_value_length(column)).to_pylist()
    if len(lengths) > 1:
        raise ValueError(f"its rows have different lengths: {sorted(lengths)[:5]}")
    length = lengths[0] if lengths else max(want, 0)
    if want not in (-1, length):
        raise ValueError(f"its rows have the length {length}, not {want}")
    return int(length)


def _narrowed(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """The values in the tensor's dtype, which may be narrower than the Spark type that carries it."""
    with np.errstate(over="ignore"):
        narrow = values.astype(spec.dtype)
    if values.dtype != narrow.dtype and not np.array_equal(
        narrow.astype(values.dtype), values, equal_nan=values.dtype.kind == "f"
    ):
        raise ValueError(f"it holds a value that {spec.dtype} cannot hold")
    return narrow


def _column(array: np.ndarray, field: Field) -> pa.Array:
    leaf = field.arrow.type
    for _ in array.shape[1:]:
        leaf = leaf.value_type
    flat = np.ascontiguousarray(array).reshape(-1)
    column = pa.array(flat, type=leaf) if array.dtype == object else pa.array(flat).cast(leaf)
    for depth in range(array.ndim - 1, 0, -1):
        lists = int(np.prod(array.shape[:depth]))
        offsets = pa.array(np.arange(lists + 1, dtype=np.int32) * array.shape[depth])
        column = pa.ListArray.from_arrays(offsets, column)
    return column.cast(field.arrow.type)
