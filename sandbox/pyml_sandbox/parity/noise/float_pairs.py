"""Two versions of one Arrow column, split into pairs of floats and all other differences, without a loop over rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class FloatPairs:
    """Where two arrays of one type and length differ, element by element, at any depth.

    Attributes:
        rows: int64, shape (n,): the row of each pair; a row of a list has a pair for each element that differs.
        left: float64, shape (n,): finite values that differ from `right`.
        right: float64, shape (n,).
        unlike: int64, shape (m,), sorted, distinct: rows with a difference that is not between finite floats: of nulls,
            NaN, infinities, lengths, strings, integers.
    """

    rows: np.ndarray
    left: np.ndarray
    right: np.ndarray
    unlike: np.ndarray

    @classmethod
    def between(cls, left: pa.Array, right: pa.Array) -> FloatPairs:
        """The differences between two arrays of one type and length.

        Args:
            left: of any type that a model can declare.
            right: of the same type and length.
        """
        parts = list(_parts(left, right, np.arange(len(left))))
        floats = [part for part in parts if isinstance(part, _Floats)]
        unlike = [part for part in parts if isinstance(part, np.ndarray)]
        return cls(
            _joined([part.rows for part in floats], np.int64),
            _joined([part.left for part in floats], np.float64),
            _joined([part.right for part in floats], np.float64),
            np.unique(_joined(unlike, np.int64)),
        )

    @classmethod
    def concatenated(cls, parts: list[FloatPairs]) -> FloatPairs:
        """The pairs of several comparisons of one column."""
        return cls(
            _joined([part.rows for part in parts], np.int64),
            _joined([part.left for part in parts], np.float64),
            _joined([part.right for part in parts], np.float64),
            np.unique(_joined([part.unlike for part in parts], np.int64)),
        )

    def in_rows(self, rows: np.ndarray) -> FloatPairs:
        """The same with other numbers for its rows: `rows[i]`, int64, in place of `i`."""
        return FloatPairs(rows[self.rows], self.left, self.right, np.unique(rows[self.unlike]))


def floats_in(array: pa.Array) -> np.ndarray:
    """Every finite float in an array, at any depth: float64, one dimension."""
    return _joined([values[np.isfinite(values)] for values in _leaves(array)], np.float64)


@dataclass(frozen=True)
class _Floats:
    rows: np.ndarray
    left: np.ndarray
    right: np.ndarray


def _parts(left: pa.Array, right: pa.Array, rows: np.ndarray) -> Iterator[_Floats | np.ndarray]:
    """Pairs of floats, and the numbers of rows with any other difference.

    Cases: null on one side; floats; lists and maps, by their lengths and then by their elements; structs, field by
    field; all other types, which are compared exactly.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    is_left, is_right = (_flags(each.is_valid()) for each in (left, right))
    yield rows[is_left != is_right]
    both = pa.array(is_left & is_right)
    left, right, rows = left.filter(both), right.filter(both), rows[is_left & is_right]
    kind = left.type
    if pa.types.is_floating(kind):
        yield from _of_floats(_numbers(left), _numbers(right), rows)
    elif pa.types.is_map(kind):
        yield from _parts(_entries(left), _entries(right), rows)
    elif _is_list(kind):
        sizes = [_flags(pc.list_value_length(each)) for each in (left, right)]
        same = sizes[0] == sizes[1]
        yield rows[~same]
        left, right, rows = left.filter(pa.array(same)), right.filter(pa.array(same)), rows[same]
        yield from _parts(pc.list_flatten(left), pc.list_flatten(right), np.repeat(rows, sizes[0][same]))
    elif pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            yield from _parts(pc.struct_field(left, [number]), pc.struct_field(right, [number]), rows)
    else:
        yield rows[_flags(pc.not_equal(left, right))]


def _of_floats(left: np.ndarray, right: np.ndarray, rows: np.ndarray) -> Iterator[_Floats | np.ndarray]:
    differ = (left != right) & ~(np.isnan(left) & np.isnan(right))
    finite = np.isfinite(left) & np.isfinite(right)
    yield rows[differ & ~finite]
    differ &= finite
    yield _Floats(rows[differ], left[differ], right[differ])


def _leaves(array: pa.Array) -> Iterator[np.ndarray]:
    import pyarrow as pa
    import pyarrow.compute as pc

    array = array.drop_null()
    if pa.types.is_floating(array.type):
        yield _numbers(array)
    elif pa.types.is_map(array.type):
        yield from _leaves(_entries(array))
    elif _is_list(array.type):
        yield from _leaves(pc.list_flatten(array))
    elif pa.types.is_struct(array.type):
        for number in range(array.type.num_fields):
            yield from _leaves(pc.struct_field(array, [number]))


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _entries(maps: pa.MapArray) -> pa.ListArray:
    """Maps without nulls as lists of their entries."""
    import pyarrow as pa

    kind = maps.type
    return maps.cast(pa.list_(pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])))


def _numbers(array: pa.Array) -> np.ndarray:
    return np.asarray(array.to_numpy(zero_copy_only=False), np.float64)


def _flags(array: pa.Array) -> np.ndarray:
    flags: np.ndarray = array.to_numpy(zero_copy_only=False)
    return flags


def _joined(arrays: list[np.ndarray], dtype: type[np.generic]) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *arrays])
