"""Plain Python values as an Arrow column of a declared type: lists, dicts and numbers as a caller or a file has them.

Arrow's own conversion is not strict enough: it turns 1.5 into the integer 1 and drops unknown keys of a dict. Here the
structure is taken apart by the declared type, and each leaf becomes an Arrow column of its own kind, which the rule for
columns (`pyml.types.conversion.lossless`) converts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa

from pyml.types.conversion.arrow_buffers import indices
from pyml.types.conversion.exact_numbers import in_dtype
from pyml.types.conversion.lossless import LossError, WrongKindError, conversion, in_rows_of, offsets_of
from pyml.types.exact_values import is_null

Leaves = Callable[[Sequence[object], pa.DataType], pa.Array]
"""Makes a column of a type without inner types from its values, of which none is null; raises LossError."""


def column_of(
    values: Sequence[object],
    declared: pa.DataType,
    leaves: Leaves | None = None,
    keys: Leaves | None = None,
) -> pa.Array:
    """Make a column of plain values: None, `pd.NA` and NaT are null; a map and a struct are a dict.

    Args:
        values: one for each row.
        declared: Arrow type of the declared Spark type.
        leaves: makes the columns of inner and outer plain types; by default from Python's own types.
        keys: the same for the keys of maps; `leaves` by default.

    Raises:
        LossError: the type cannot hold a value; its class is WrongKindError if the value is of a different kind.
    """
    leaves = leaves or plain_leaves
    keys = keys or leaves
    here = [None if is_null(value) else value for value in values]
    if pa.types.is_list(declared):
        return _lists(here, declared, leaves, keys)
    if pa.types.is_map(declared):
        return _maps(here, declared, leaves, keys)
    if pa.types.is_struct(declared):
        return _structs(here, declared, leaves, keys)
    rows = [row for row, value in enumerate(here) if value is not None]
    with in_these_rows(rows):
        column = leaves([here[row] for row in rows], declared)
    return column if len(rows) == len(here) else _spread(column, rows, len(here))


# --- structure --------------------------------------------------------------------------------------------------------


def _lists(values: Sequence[object], declared: pa.DataType, leaves: Leaves, keys: Leaves) -> pa.Array:
    lists = [_items(value, row) for row, value in enumerate(values)]
    offsets = offsets_of(_lengths(lists))
    with in_rows_of(offsets):
        elements = column_of([item for items in lists for item in items or ()], declared.value_type, leaves, keys)
    return pa.ListArray.from_arrays(offsets, elements, type=declared)


def _items(value: object, row: int) -> Sequence[object] | None:
    if value is None or isinstance(value, list | tuple):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return list(value)
    raise WrongKindError(value, row)


def _maps(values: Sequence[object], declared: pa.DataType, leaves: Leaves, keys: Leaves) -> pa.Array:
    dicts = [_dict(value, row) for row, value in enumerate(values)]
    offsets = offsets_of(_lengths(dicts))
    with in_rows_of(offsets):
        of_keys = column_of([key for entries in dicts for key in entries or ()], declared.key_type, keys)
        of_items = column_of(
            [item for entries in dicts for item in (entries or {}).values()], declared.item_type, leaves, keys
        )
    return pa.MapArray.from_arrays(offsets, of_keys, of_items, type=declared)


def _structs(values: Sequence[object], declared: pa.DataType, leaves: Leaves, keys: Leaves) -> pa.Array:
    names = {field.name for field in declared}
    dicts = [_dict(value, row) for row, value in enumerate(values)]
    for row, members in enumerate(dicts):
        if members is not None and members.keys() != names:
            raise WrongKindError(members, row)
    columns = [
        column_of([None if members is None else members[field.name] for members in dicts], field.type, leaves, keys)
        for field in declared
    ]
    nulls = pa.array([members is None for members in dicts], pa.bool_())
    return pa.StructArray.from_arrays(columns, fields=list(declared), mask=nulls)


def _dict(value: object, row: int) -> dict[object, object] | None:
    if value is None or isinstance(value, dict):
        return value
    raise WrongKindError(value, row)


def _lengths(values: Iterable[Sized | None]) -> pa.Array:
    return pa.array([None if value is None else len(value) for value in values], pa.int32())


def _spread(column: pa.Array, rows: Sequence[int], length: int) -> pa.Array:
    """The column with its values in these rows, and null in all others."""
    places = np.zeros(length, np.int64)
    places[rows] = np.arange(len(rows))
    is_there = np.zeros(length, bool)
    is_there[rows] = True
    return column.take(indices(places, is_there))


@contextmanager
def in_these_rows(rows: Sequence[int]) -> Iterator[None]:
    """Name the row of a LossError among all rows.

    Args:
        rows: numbers of the rows that the block converts, in its order.
    """
    try:
        yield
    except LossError as loss:
        raise type(loss)(loss.value, rows[loss.row]) from loss


# --- leaves -----------------------------------------------------------------------------------------------------------


def plain_leaves(values: Sequence[object], declared: pa.DataType) -> pa.Array:
    """A column of a plain type from Python's numbers, strings, bytes, dates and times.

    Raises:
        LossError: as :func:`column_of`.
    """
    kinds = [_kind(value, row) for row, value in enumerate(values)]
    parts, order = [], []
    for kind in dict.fromkeys(kinds):
        rows = [row for row, each in enumerate(kinds) if each == kind]
        with in_these_rows(rows):
            parts.append(_of_one_kind(kind, [values[row] for row in rows], declared))
        order += rows
    if not parts:
        return pa.array([], declared)
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts).take(pa.array(np.argsort(order)))


_KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("bool", (bool, np.bool_)),
    ("integer", (int, np.integer)),
    ("float", (float, np.floating)),
    ("decimal", (Decimal,)),
    ("string", (str,)),
    ("binary", (bytes,)),
    ("time", (datetime,)),
    ("date", (date,)),
)


def _kind(value: object, row: int) -> str:
    for kind, types in _KINDS:
        if isinstance(value, types):
            return _kind_of_time(value) if isinstance(value, datetime) else kind
    raise WrongKindError(value, row)


def _kind_of_time(value: datetime) -> str:
    return "instant" if value.tzinfo is not None else "local time"


# What a kind becomes before it is converted; for integers and decimals one type of many, which stands for all.
_ARROW = {
    "bool": pa.bool_(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "decimal": pa.decimal128(38, 0),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "instant": pa.timestamp("us", "UTC"),
    "local time": pa.timestamp("us"),
}


def _of_one_kind(kind: str, values: Sequence[object], declared: pa.DataType) -> pa.Array:
    convert = conversion(_ARROW[kind], declared)
    if convert is None:
        raise WrongKindError(values[0], 0)
    if kind == "decimal" or (kind == "integer" and pa.types.is_decimal(declared)):
        return _decimals(values, declared)
    if kind == "integer":
        return _integers(values, declared)
    if kind in ("instant", "local time"):
        return convert(_times(values, _ARROW[kind]))
    return convert(pa.array(list(values), _ARROW[kind]))


def _times(values: Sequence[object], arrow: pa.DataType) -> pa.Array:
    for row, value in enumerate(values):
        if getattr(value, "nanosecond", 0):
            raise LossError(value, row)
    return pa.array(list(values), arrow)


def _integers(values: Sequence[object], declared: pa.DataType) -> pa.Array:
    plain = [int(value) for value in values]  # type: ignore[call-overload]  # numpy's integers as well
    try:
        numbers = np.array(plain, np.int64)
    except OverflowError:
        numbers = np.array(plain, object)
    converted, lost = in_dtype(numbers, np.dtype(declared.to_pandas_dtype()))
    if lost is not None and lost.any():
        raise LossError(plain[int(lost.argmax())], int(lost.argmax()))
    return pa.array(converted, declared)


def _decimals(values: Sequence[object], declared: pa.DataType) -> pa.Array:
    """Decimals of any precision, one by one: Arrow infers one type for all, which may not exist."""
    return pa.concat_arrays([_decimal(value, row, declared) for row, value in enumerate(values)])


def _decimal(value: object, row: int, declared: pa.DataType) -> pa.Array:
    decimal = value if isinstance(value, Decimal) else Decimal(int(value))  # type: ignore[call-overload]
    try:
        column = pa.array([decimal])
        convert = conversion(column.type, declared)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:  # NaN, or more digits than any Arrow type
        raise LossError(value, row) from error
    if convert is None:
        raise LossError(value, row)
    with in_these_rows([row]):
        return convert(column)
