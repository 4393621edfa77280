"""Arrow columns to named tensors and back: the type rule for `TensorModel`.

A tensor is a column whose first dimension is the row; each further dimension is one level of list. Nothing is padded or
truncated: rows of different lengths are an error that names the column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyml.error_code import ErrorCode
from pyml.errors import InputError, OutputError, Problem
from pyml.types.conversion.declared_column import UnfitError
from pyml.types.conversion.exact_numbers import in_dtype
from pyml.types.conversion.row_source import RowSource
from pyml.types.declared_rows import conform
from pyml.types.field import Field, TensorSpec

if TYPE_CHECKING:
    from pyml.types.schema import Schema

Tensors = dict[str, np.ndarray]


def tensors_from_arrow(batch: pa.RecordBatch, schema: Schema, source: RowSource = RowSource.ARROW) -> Tensors:
    """Convert a batch to the tensors that `predict` gets.

    Args:
        batch: one column for each tensor of `schema`.
        schema: the model's declared inputs.
        source: where the rows come from, for the hints of an error.

    Returns:
        One writable array for each tensor, of its declared dtype and of shape (rows, …).

    Raises:
        InputError: a column does not fit, holds null, is ragged, or holds a number that the declared dtype cannot hold;
            lists every such column.
    """
    batch = conform(batch, schema, source)
    tensors: Tensors = {}
    problems: list[Problem] = []
    for field, column in zip(schema.fields, batch.columns, strict=True):
        try:
            tensors[field.name] = _tensor(column, field)
        except UnfitError as unfit:
            problems.append(unfit.problem)
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
        tensors: arrays that :func:`check_outputs` accepted, or :func:`as_declared_tensors` returned.
        schema: their declaration.
    """
    columns = [_column(tensors[field.name], field) for field in schema.fields]
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def arrays_of(tensors: Mapping[str, object]) -> dict[str, np.ndarray]:
    """Tensors as arrays, each in the dtype that numpy finds for its elements.

    Args:
        tensors: arrays, or nested lists of numbers, by name.

    Raises:
        InputError: a list is ragged; names every such tensor.
    """
    arrays: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    for name, tensor in tensors.items():
        try:
            array = np.asarray(tensor)
            is_of_bytes = array.dtype.kind == "S" and not isinstance(tensor, np.ndarray)
            arrays[name] = np.asarray(tensor, dtype=object) if is_of_bytes else array
        except (ValueError, OverflowError) as error:
            hint = "give rows of equal lengths"
            problems.append(Problem(f"tensor `{name}` is not an array: {error}", hint, ErrorCode.TENSOR_SHAPE))
    if problems:
        raise InputError("the tensors do not fit the model's inputs", problems)
    return arrays


def as_declared_tensors(
    tensors: Mapping[str, np.ndarray], schema: Schema, source: RowSource = RowSource.VALUES
) -> Tensors:
    """Convert tensors to the declared dtypes, where no value changes.

    Args:
        tensors: arrays of shape (rows, …), by name.
        schema: the model's declared inputs.
        source: where the tensors come from, for the hints of an error: Python, or a request.

    Returns:
        The tensors by name; an array that has its declared dtype is not copied.

    Raises:
        InputError: a name or shape differs, a dtype is not converted, or a number would change; lists every one.
    """
    problems = list(_problems(tensors, schema, converts_from=source))
    converted: Tensors = {}
    for field in schema.fields if not problems else ():
        try:
            converted[field.name] = _in_declared_dtype(tensors[field.name], field)
        except UnfitError as unfit:
            problems.append(unfit.problem)
    if problems:
        raise InputError("the tensors do not fit the model's inputs", problems)
    return converted


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


def _problems(
    tensors: Mapping[str, np.ndarray], schema: Schema, *, converts_from: RowSource | None = None
) -> Iterator[Problem]:
    for field in schema.fields:
        yield from _problems_of(field, tensors, converts_from)
    for name in tensors:
        if name not in schema.names:
            yield Problem(
                f"tensor `{name}` is not declared", f"declared: {', '.join(schema.names)}", ErrorCode.COLUMN_UNDECLARED
            )
    lengths = {name: array.shape[0] for name, array in tensors.items() if isinstance(array, np.ndarray) and array.ndim}
    if len(set(lengths.values())) > 1:
        yield Problem(f"the tensors differ in their first dimension, the batch: {lengths}", "", ErrorCode.TENSOR_SHAPE)


def _problems_of(field: Field, tensors: Mapping[str, np.ndarray], converts_from: RowSource | None) -> Iterator[Problem]:
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
    elif array.dtype != np.dtype(spec.dtype) and not (
        converts_from and _are_numbers(array.dtype, np.dtype(spec.dtype))
    ):
        is_sent = converts_from is RowSource.TENSORS
        hint = f"send it as {spec.datatype}" if is_sent else f'.astype("{spec.dtype}")'
        yield Problem(f"tensor `{field.name}` is {array.dtype}; {declared}", hint, ErrorCode.TENSOR_TYPE)
    elif not _fits(array.shape, spec.shape):
        yield Problem(f"tensor `{field.name}` has the shape {array.shape}; {declared}", "", ErrorCode.TENSOR_SHAPE)
    elif array.dtype == object and not all(isinstance(item, bytes) for item in array.flat):
        yield Problem(f"tensor `{field.name}` holds elements that are not bytes; {declared}", "", ErrorCode.TENSOR_TYPE)


def _are_numbers(*dtypes: np.dtype[np.generic]) -> bool:
    return all(dtype.kind in "iuf" for dtype in dtypes)


def _fits(shape: tuple[int, ...], declared: tuple[int, ...]) -> bool:
    return len(shape) == len(declared) and all(want in (-1, size) for size, want in zip(shape, declared, strict=True))


def _spec(field: Field) -> TensorSpec:
    if field.tensor is None:
        raise InputError("a TensorModel declares tensors", [Problem(f"`{field.name}` is declared as a column")])
    return field.tensor


def _tensor(column: pa.Array, field: Field) -> np.ndarray:
    spec = _spec(field)
    shape = [len(column)]
    for want in spec.shape[1:]:
        shape.append(_common_length(column, want))
        column = column.flatten()
    if column.null_count:
        raise ValueError("it holds null")
    values = _in_declared_dtype(column.to_numpy(zero_copy_only=False).reshape(shape), field)
    return values if values.flags.writeable else values.copy()


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


def _in_declared_dtype(array: np.ndarray, field: Field) -> np.ndarray:
    """The array in the tensor's dtype, which may be narrower than the Spark type that carries it."""
    spec = _spec(field)
    if array.dtype == np.dtype(spec.dtype):
        return array
    values, lost = in_dtype(array.reshape(-1), np.dtype(spec.dtype))
    if lost is not None and lost.any():
        first = int(lost.argmax())
        found = f"{array.reshape(-1)[first]} (row {first // max(prod(array.shape[1:]), 1)})"
        message = f"tensor `{field.name}` is declared {spec.dtype}, which cannot hold {found}"
        raise UnfitError(Problem(message, "declare a dtype that holds it", ErrorCode.COLUMN_VALUE))
    return values.reshape(array.shape)


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
