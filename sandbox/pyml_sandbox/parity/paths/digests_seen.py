"""Compares the inputs of `predict` on each path with the snapshot, and its outputs with the predictions that arrived.

Digests of exact values answer three questions. Did both paths pass the rows of the snapshot to `predict`? If not, they
differ at the boundary. Did it return the same for the same rows? If not, they differ in the computation. Did its
predictions arrive unchanged? If not, the paths differ in storage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyml.inference.digests import digests_of_batch
from pyml.types.declared_rows import one_batch

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from pyml.inference.describe import Signature


@dataclass(frozen=True)
class Mismatch:
    """A column whose values one path changed, before or after `predict`.

    Attributes:
        path: "offline" or "online".
        is_input: whether they changed on the way to `predict`; else on the way from it.
        column: name of the column.
        rows: numbers of the rows, in the order of the snapshot.
    """

    path: str
    is_input: bool
    column: str
    rows: tuple[int, ...]


def mismatches(
    path: str, signature: Signature, asked: pa.Table, answered: pa.Table, record: pa.Table
) -> Iterator[Mismatch]:
    """The columns whose values a path changed.

    Args:
        path: "offline" or "online".
        signature: of the model.
        asked: the rows of the snapshot, shape (rows, inputs or more).
        answered: predictions of those rows, in their order, shape (rows, outputs or more).
        record: the columns `__seen` and `__gave` of those rows, in their order.
    """
    for is_input, schema, rows, column in (
        (True, signature.inputs, asked, "__seen"),
        (False, signature.outputs, answered, "__gave"),
    ):
        expected = digests_of_batch(one_batch(rows.select(list(schema.names))), schema)
        found = _matrix(record[column], len(schema.names))
        yield from _differing(path, is_input, schema.names, expected, found)


def unmatched_keys_in(asked: pa.Table, answered: pa.Table, key: Sequence[str]) -> int:
    """How many keys have no match in the other table; a key that is repeated on one side only counts as well.

    Args:
        asked: sorted by key, shape (rows, key columns or more).
        answered: likewise.
        key: the key columns.
    """
    left, right = asked.select(list(key)), answered.select(list(key))
    if left.equals(right):
        return 0
    left_keys, right_keys = (Counter(map(repr, table.to_pylist())) for table in (left, right))
    return (left_keys - right_keys).total() + (right_keys - left_keys).total()


def _matrix(lists: pa.ChunkedArray, width: int) -> NDArray[np.int64]:
    flat: NDArray[np.int64] = lists.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, width)


def _differing(
    path: str,
    is_input: bool,
    names: Sequence[str],
    expected: Sequence[NDArray[np.int64]],
    found: NDArray[np.int64],
) -> Iterator[Mismatch]:
    for position, name in enumerate(names):
        rows = np.flatnonzero(expected[position] != found[:, position])
        if len(rows):
            yield Mismatch(path, is_input, name, tuple(int(row) for row in rows))
