"""Points for the plots: rows that differ and rows that agree, evenly spread, from files of any size."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml_sandbox.parity.report.samples import MAX_POINTS, points_of
from pyml_sandbox.parity.rows import parts_by_key


def files(folder: Path, left: pa.Table, right: pa.Table) -> tuple[Path, Path]:
    for name, rows in (("left", left), ("right", right)):
        pq.write_table(rows, folder / f"{name}.parquet")
    return folder / "left.parquet", folder / "right.parquet"


def test_rows_that_differ_come_first_and_both_kinds_are_spread(tmp_path: Path) -> None:
    values = [float(number) for number in range(1000)]
    changed = [value + 0.5 if value % 2 else value for value in values]
    left = pa.table({"id": range(1000), "x": values, "s": ["a"] * 1000})
    right = pa.table({"id": list(range(1000))[::-1], "x": changed[::-1], "s": ["a"] * 1000})
    (points,) = points_of(*files(tmp_path, left, right), ["id"])
    half = MAX_POINTS // 2
    assert (points.column, len(points.offline)) == ("x", MAX_POINTS)
    assert [points.offline[0], points.offline[half - 1]] == [1.0, 999.0]
    assert [points.offline[half], points.offline[-1]] == [0.0, 998.0]
    assert set(points.offline[:half]) <= set(values[1::2])
    assert set(points.online[:half]) <= set(changed[1::2])
    assert points.offline[half:] == points.online[half:]


def test_many_parts_give_as_many_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_by_key, "PART_ROWS", 7)
    left = pa.table({"id": range(100), "x": [float(number) for number in range(100)]})
    right = left.take(list(range(99, -1, -1))).set_column(1, "x", pa.array([math.nan, *map(float, range(98, -1, -1))]))
    (points,) = points_of(*files(tmp_path, left, right), ["id"])
    assert (points.offline[0], points.online[0]) == (99.0, None)
    assert sorted(filter(None, points.online[1:])) == [float(number) for number in range(1, 99)]


def test_files_of_different_size_or_keys_and_missing_files_give_none(tmp_path: Path) -> None:
    left = pa.table({"id": [1, 2], "x": [0.5, 1.5]})
    assert points_of(*files(tmp_path, left, left.slice(1)), ["id"]) == ()
    assert points_of(tmp_path / "none.parquet", tmp_path / "left.parquet", ["id"]) == ()
