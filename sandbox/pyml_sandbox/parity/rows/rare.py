"""Rows with rare values, which faults often need: nulls, values that few rows have, and the ends of each column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

RARE = 0.02
"""A value is rare if at most this share of the rows has it."""
MOST_VALUES = 0.5
"""A column in which more than this share of the values is distinct has no rare values, only ends."""
OF_COLUMN = 8
"""Rows for each column."""


def rare_rows(rows: pa.Table | pa.RecordBatch) -> np.ndarray:
    """The numbers of rows with rare values, a few for each column: int64, distinct; the rarest of each column first.

    Args:
        rows: shape (rows, columns); nested columns count with their nulls alone.
    """
    if not rows.num_rows:
        return np.zeros(0, np.int64)
    by_column = [list(_of_column(rows.column(number)))[:OF_COLUMN] for number in range(rows.num_columns)]
    in_turns = [found[turn] for turn in range(OF_COLUMN) for found in by_column if turn < len(found)]
    return np.fromiter(dict.fromkeys(in_turns), np.int64)


def _of_column(column: pa.Array | pa.ChunkedArray) -> Iterator[int]:
    """The first row with a null, with each end, and with each rare value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if column.null_count:
        yield int(pc.index(column.is_null(), True).as_py())
    if pa.types.is_nested(column.type) or column.null_count == len(column):
        return
    codes = column.dictionary_encode()
    counts = np.bincount(codes.indices.drop_null().to_numpy(zero_copy_only=False), minlength=len(codes.dictionary))
    first = _first_rows(codes.indices.fill_null(len(counts)).to_numpy(zero_copy_only=False), len(counts))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        ends = pc.array_sort_indices(codes.dictionary).to_numpy()[[0, -1]]  # NaN is last
        yield from (int(first[end]) for end in ends)
    if len(counts) <= MOST_VALUES * len(column):
        rare = np.flatnonzero(counts <= max(RARE * len(column), 1))
        yield from (int(first[value]) for value in rare[np.argsort(counts[rare], kind="stable")])


def _first_rows(codes: np.ndarray, values: int) -> np.ndarray:
    """The first row of each value: int64, shape (values,)."""
    first = np.zeros(values + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first[:values]
