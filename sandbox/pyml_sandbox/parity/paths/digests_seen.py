"""What `predict` saw and gave on each path, held against the rows that were frozen and the predictions that arrived.

The 2x2 of a cross-replay in three questions, answered by digests of exact values: did both paths hand `predict` the
frozen rows (else the boundary parts them), did it give the same for the same (else the computation does), and is what
arrived what it gave (else storing or sending does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyml.inference.digests import digests_of_batch
from pyml.types.frame import one_batch

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from pyml.inference.describe import Signature


@dataclass(frozen=True)
class Mismatch:
    """A column whose values changed on one stretch of one path.

    Attributes:
        path: "offline" or "online".
        is_input: on the way to `predict`; else on the way from it.
        column: its name.
        rows: numbers of the rows, in the order of the frozen ones.
    """

    path: str
    is_input: bool
    column: str
    rows: tuple[int, ...]


def mismatches(
    path: str, signature: Signature, asked: pa.Table, answered: pa.Table, record: pa.Table
) -> Iterator[Mismatch]:
    """What a path did to the values that it carried.

    Args:
        path: its name.
        contract: of the model.
        asked: the frozen rows: the model's inputs, at least.
        answered: predictions of those rows, in their order.
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
    """How many keys one of two sorted tables has and the other has not; those that come twice count as well."""
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
