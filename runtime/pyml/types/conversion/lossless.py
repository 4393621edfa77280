"""Conversions that lose nothing: a column of Arrow to the type that is declared for it.

Both paths, the client and the readers of files convert here and nowhere else, so that they agree. The table is in
docs/reference/types.md. The types decide whether there is a conversion; if the declared type does not hold every value
of the other one, each value is checked, and the first that would change is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyml.types.conversion.exact_numbers import in_dtype
from pyml.types.spark_types import ddl_type_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Conversion = Callable[[pa.Array], pa.Array]


class LossError(Exception):
    """A type cannot hold a value.

    Attributes:
        value: the value as plain Python.
        row: its row in the column, counted from 0; for a nested value the row that contains it.
    """

    def __init__(self, value: object, row: int) -> None:
        super().__init__(value, row)
        self.value = value
        self.row = row

    def __str__(self) -> str:
        """The value, as a message shows it."""
        if isinstance(self.value, str | bytes | list | tuple | dict):
            return f"{self.value!r:.80}"
        return f"{self.value!s:.80}"


class WrongKindError(LossError):
    """A value is not of the kind that a type holds, such as a string for a number."""

    def __str__(self) -> str:
        """The value and its Python type, as a message shows it."""
        return f"{self.value!r:.80} ({type(self.value).__name__})"


def is_convertible(found: pa.DataType, declared: pa.DataType) -> bool:
    """Whether columns of one type are converted to a different one, perhaps with a check of every value.

    Args:
        found: type of the column.
        declared: Arrow type of the declared Spark type.
    """
    return conversion(found, declared) is not None


@lru_cache(maxsize=1024)
def conversion(found: pa.DataType, declared: pa.DataType) -> Conversion | None:
    """The function that converts columns of one type to a different one; None if there is none.

    Args:
        found: type of the column.
        declared: Arrow type of the declared Spark type.

    Returns:
        A function that raises LossError for the first value that the declared type cannot hold. A column that has the
        declared type is returned as it is, without a look at its values.
    """
    types = pa.types
    if found == declared:
        return _same
    if types.is_dictionary(found):
        return _after(_decoded, conversion(_without_view(found.value_type), declared))
    if types.is_run_end_encoded(found):
        return _after(pc.run_end_decode, conversion(found.value_type, declared))
    if types.is_null(found) or ddl_type_of(found) == ddl_type_of(declared):
        return partial(_cast, declared=declared)
    if types.is_list(declared):
        return _of_lists(found, declared)
    if types.is_map(declared):
        return _of_maps(found, declared)
    if types.is_struct(declared):
        return _of_structs(found, declared)
    return _of_plain(found, declared)


def _same(column: pa.Array) -> pa.Array:
    return column


def _cast(column: pa.Array, declared: pa.DataType) -> pa.Array:
    return column.cast(declared)


def _decoded(column: pa.DictionaryArray) -> pa.Array:
    """The values of a dictionary-encoded column; Arrow itself cannot decode a dictionary of views, as Polars has it."""
    values = column.dictionary.cast(_without_view(column.type.value_type))
    return pa.DictionaryArray.from_arrays(column.indices, values).dictionary_decode()


def _without_view(arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(arrow):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(arrow) else arrow


def _after(decode: Conversion, rest: Conversion | None) -> Conversion | None:
    return None if rest is None else lambda column: rest(decode(column))


# --- plain types ------------------------------------------------------------------------------------------------------


def _of_plain(found: pa.DataType, declared: pa.DataType) -> Conversion | None:
    if _is_number(found) and _is_number(declared):
        return partial(_numbers, declared=declared)
    if pa.types.is_integer(found) and pa.types.is_decimal(declared):
        return partial(_integers_as_decimals, declared=declared)
    return partial(checked_cast, declared=declared) if _is_checked_by_arrow(found, declared) else None


def _is_number(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_integer(arrow) or pa.types.is_floating(arrow))


def _is_checked_by_arrow(found: pa.DataType, declared: pa.DataType) -> bool:
    """Whether Arrow's own cast refuses every value that it would change."""
    types = pa.types
    if types.is_decimal(found):
        return bool(types.is_decimal(declared) or types.is_integer(declared))
    if types.is_timestamp(found) and types.is_timestamp(declared):
        return (found.tz is None) == (declared.tz is None)
    if types.is_date(found):
        return bool(types.is_date(declared))
    if types.is_string(declared):
        return bool(types.is_string_view(found))
    return bool(types.is_binary(declared) and (types.is_fixed_size_binary(found) or types.is_binary_view(found)))


def _numbers(column: pa.Array, declared: pa.DataType) -> pa.Array:
    values, lost = in_dtype(_without_nulls(column), np.dtype(declared.to_pandas_dtype()))
    nulls = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    if lost is not None:
        _refuse_first(column, lost if nulls is None else lost & ~nulls)
    return pa.array(values, declared, mask=nulls)


def _without_nulls(column: pa.Array) -> NDArray[np.generic]:
    """The numbers of a column, with any value in place of a null: numpy has no null, and Arrow would make floats."""
    buffers = [None, column.buffers()[1]]
    values = pa.Array.from_buffers(column.type, len(column), buffers, null_count=0, offset=column.offset)
    found: NDArray[np.generic] = values.to_numpy(zero_copy_only=False)
    return found


def _refuse_first(column: pa.Array, lost: NDArray[np.bool_]) -> None:
    if lost.any():
        row = int(lost.argmax())
        raise LossError(_plain(column[row]), row)


def _integers_as_decimals(column: pa.Array, declared: pa.DataType) -> pa.Array:
    digits = 20 if column.type == pa.uint64() else 19
    return checked_cast(column.cast(pa.decimal128(digits, 0)), declared)


def checked_cast(column: pa.Array, declared: pa.DataType) -> pa.Array:
    """Cast a column with Arrow's own check of every value.

    Args:
        column: the values.
        declared: the type to cast to; Arrow must refuse every value that would change.

    Raises:
        LossError: Arrow refuses a value; the first one.
    """
    try:
        return column.cast(declared)
    except pa.ArrowInvalid as error:
        row = _first_refused(column, declared)
        raise LossError(_plain(column[row]), row) from error


def _first_refused(column: pa.Array, declared: pa.DataType) -> int:
    """The first row that Arrow's cast refuses, by bisection: its own message does not name it."""
    first, beyond = 0, len(column)
    while beyond - first > 1:
        middle = (first + beyond) // 2
        try:
            column.slice(first, middle - first).cast(declared)
        except pa.ArrowInvalid:
            beyond = middle
        else:
            first = middle
    return first


def days_of(stamps: pa.Array) -> pa.Array:
    """Timestamps as dates: pandas has no dtype for days, so that a frame holds them as midnights.

    Args:
        stamps: timestamps without a zone.

    Raises:
        LossError: one of them is not a midnight.
    """
    days = stamps.cast(pa.date32())
    kept = pc.equal(days.cast(stamps.type), stamps).fill_null(True)
    _refuse_first(stamps, ~kept.to_numpy(zero_copy_only=False))
    return days


def _plain(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):  # an instant that Python's datetime cannot hold
        return scalar.value


# --- nested types -----------------------------------------------------------------------------------------------------


def _of_lists(found: pa.DataType, declared: pa.DataType) -> Conversion | None:
    if not _is_list(found):
        return None
    inner = conversion(found.value_type, declared.value_type)

    def convert(column: pa.Array, inner: Conversion) -> pa.Array:
        offsets = offsets_of(pc.list_value_length(column))
        with in_rows_of(offsets):
            elements = inner(column.flatten())
        return pa.ListArray.from_arrays(offsets, elements, type=declared)

    return None if inner is None else partial(convert, inner=inner)


def _is_list(arrow: pa.DataType) -> bool:
    types = pa.types
    tests = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view, types.is_large_list_view)
    return any(is_one(arrow) for is_one in tests)


def _of_maps(found: pa.DataType, declared: pa.DataType) -> Conversion | None:
    if not pa.types.is_map(found):
        return None
    entry = pa.struct([found.key_field, found.item_field])
    of_keys = conversion(found.key_type, declared.key_type)
    of_items = conversion(found.item_type, declared.item_type)

    def convert(column: pa.Array, of_keys: Conversion, of_items: Conversion) -> pa.Array:
        lists = column.cast(pa.list_(entry))
        offsets = offsets_of(pc.list_value_length(lists))
        keys, items = lists.flatten().flatten()
        with in_rows_of(offsets):
            return pa.MapArray.from_arrays(offsets, of_keys(keys), of_items(items), type=declared)

    return None if of_keys is None or of_items is None else partial(convert, of_keys=of_keys, of_items=of_items)


def _of_structs(found: pa.DataType, declared: pa.DataType) -> Conversion | None:
    """Members are found by name, as columns are; a struct with a different set of names is a different type."""
    if not pa.types.is_struct(found) or sorted(_names(found)) != sorted(_names(declared)):
        return None
    members = [
        (found.get_field_index(each.name), conversion(found.field(each.name).type, each.type)) for each in declared
    ]

    def convert(column: pa.Array) -> pa.Array:
        parts = column.flatten()
        arrays = [inner(parts[position]) for position, inner in members if inner is not None]
        return pa.StructArray.from_arrays(arrays, fields=list(declared), mask=column.is_null())

    return convert if all(inner is not None for _, inner in members) else None


def _names(struct: pa.DataType) -> list[str]:
    return [field.name for field in struct]


def offsets_of(lengths: pa.Array) -> pa.Array:
    """Where each list begins among the values of all, and where the last one ends; null for a list that is null.

    Args:
        lengths: integers of shape (n,); null for a list that is null.
    """
    nulls = np.append(lengths.is_null().to_numpy(zero_copy_only=False), False)
    ends = np.cumsum(lengths.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int32)
    return pa.array(np.concatenate([np.zeros(1, np.int32), ends]), mask=nulls)


@contextmanager
def in_rows_of(offsets: pa.Array) -> Iterator[None]:
    """Say of an inner value that is lost in which list it was.

    Args:
        offsets: where each list begins, and where the last one ends; null for a list that is null.
    """
    try:
        yield
    except LossError as loss:
        begins = np.array([begin for begin in offsets.to_pylist() if begin is not None])
        rows = np.flatnonzero(offsets.is_valid().to_numpy(zero_copy_only=False))
        raise type(loss)(loss.value, int(rows[np.searchsorted(begins, loss.row, side="right") - 1])) from loss
