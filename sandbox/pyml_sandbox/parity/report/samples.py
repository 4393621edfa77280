"""Samples of the number columns of both paths, for plots."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pyml_sandbox.parity.report.document import Points
from pyml_sandbox.parity.rows.parts_by_key import PairedParts, paired_parts
from pyml_sandbox.parity.rows.stored_rows import StoredRows, within

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Positions = NDArray[np.int64]

MAX_POINTS = 400


def points_of(offline: Path, online: Path, key: Sequence[str]) -> tuple[Points, ...]:
    """Values of both paths for each number column, rows that differ first; empty if a path failed.

    Args:
        offline: predictions in a Parquet file.
        online: predictions in a Parquet file, with the same keys.
        key: the key columns.
    """
    if not (offline.exists() and online.exists()):
        return ()
    left, right = StoredRows(offline), StoredRows(online)
    if left.num_rows != right.num_rows:
        return ()
    numbers = [{field.name for field in side.schema if _is_number(field.type)} for side in (left, right)]
    names = [name for name in left.column_names if name not in key and all(name in each for each in numbers)]
    columns = [*key, *names]
    with paired_parts(left.select(columns), right.select(columns), key) as parts:
        return tuple(_points(parts, names))


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _points(parts: PairedParts, names: Sequence[str]) -> Iterator[Points]:
    """The points of each column; none if the keys differ. The rows are read twice: to count them, and to choose."""
    counts = {name: np.zeros(2, np.int64) for name in names}
    for left, right in parts:
        if left.num_rows != right.num_rows:
            return
        for name in names:
            counts[name] += [len(positions) for positions in _positions(*_values(name, left, right))]
    chosen = {name: _Chosen([_spread(int(count), MAX_POINTS // 2) for count in counts[name]]) for name in names}
    for left, right in parts:
        for name in names:
            chosen[name].add(*_values(name, left, right))
    for name in names:
        yield chosen[name].points(name)


class _Chosen:
    """The points of one column.

    Args:
        wanted: numbers of the rows among those that differ, and among those that agree.
    """

    def __init__(self, wanted: Sequence[Positions]) -> None:
        self._wanted = wanted
        self._before = [0, 0]
        self._found: tuple[list[Numbers], list[Numbers]] = ([], [])

    def add(self, left: Numbers, right: Numbers) -> None:
        """Choose among the next rows."""
        for kind, positions in enumerate(_positions(left, right)):
            here = positions[within(self._wanted[kind], self._before[kind], len(positions))]
            self._before[kind] += len(positions)
            self._found[kind].append(np.stack([left[here], right[here]]))

    def points(self, name: str) -> Points:
        """All that were chosen, those that differ first."""
        left, right = np.concatenate([np.zeros((2, 0)), *self._found[0], *self._found[1]], axis=1)
        return Points(name, tuple(map(_finite, left)), tuple(map(_finite, right)))


def _values(name: str, left: pa.Table, right: pa.Table) -> tuple[Numbers, Numbers]:
    a, b = (table[name].to_numpy().astype("float64") for table in (left, right))
    return a, b


def _positions(left: Numbers, right: Numbers) -> tuple[Positions, Positions]:
    """The rows that differ, and those that agree."""
    agree = (left == right) | (np.isnan(left) & np.isnan(right))
    return np.flatnonzero(~agree), np.flatnonzero(agree)


def _spread(count: int, size: int) -> Positions:
    return np.linspace(0, count - 1, min(size, count)).astype(np.int64)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
