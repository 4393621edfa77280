"""Samples of the number columns of both paths, for plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyml_sandbox.parity.report.document import Points

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

MAX_POINTS = 400


def points_of(offline: Path, online: Path, key: Sequence[str]) -> tuple[Points, ...]:
    """Values of both paths for each number column, rows that differ first; empty if a path failed.

    Args:
        offline: predictions in a Parquet file.
        online: predictions in a Parquet file, with the same keys.
        key: the key columns.
    """
    import pyarrow.parquet as pq

    if not (offline.exists() and online.exists()):
        return ()
    order = [(name, "ascending") for name in key]
    left, right = pq.read_table(offline).sort_by(order), pq.read_table(online).sort_by(order)
    if left.num_rows != right.num_rows:
        return ()
    return tuple(
        _points(name, left[name], right[name])
        for name in left.column_names
        if name not in key and _is_number(left[name]) and name in right.column_names and _is_number(right[name])
    )


def _is_number(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _points(name: str, left: pa.ChunkedArray, right: pa.ChunkedArray) -> Points:
    import numpy as np

    a, b = (column.to_numpy().astype("float64") for column in (left, right))
    differing = np.flatnonzero(~((a == b) | (np.isnan(a) & np.isnan(b))))
    same = np.setdiff1d(np.arange(len(a)), differing)
    chosen = np.concatenate([_spread(differing, MAX_POINTS // 2), _spread(same, MAX_POINTS // 2)])
    return Points(name, tuple(_finite(value) for value in a[chosen]), tuple(_finite(value) for value in b[chosen]))


def _spread(positions: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    import numpy as np

    found: NDArray[np.int64] = positions[np.linspace(0, len(positions) - 1, min(size, len(positions))).astype(int)]
    return found


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
