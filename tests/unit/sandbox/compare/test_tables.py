"""Whole tables: schemas, worst rows, sources, limits and what a reader is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.errors import PymlError, UsageError
from pyml_sandbox.compare import Comparison, Limits, compare
from pyml_sandbox.compare.comparator import DIGEST_ROWS


def table(**columns: object) -> pa.Table:
    return pa.table({"id": list(range(len(next(iter(columns.values()))))), **columns})  # type: ignore[arg-type]


def compared(left: pa.Table, right: pa.Table) -> Comparison:
    return compare(left, right, ["id"])


def test_columns_of_one_side_only_are_named_and_the_others_still_compared() -> None:
    found = compared(table(p=[1.0], q=[1], Fare=[1]), table(p=[2.0], r=["x"], fare=[1]))
    assert found.schema.missing == ("q", "Fare")
    assert found.schema.extra == ("r", "fare")
    assert [column.name for column in found.columns] == ["p"]
    assert found.columns[0].differing == 1
    assert not found.schema.agrees
    assert not found.agrees


def test_columns_are_matched_by_name_whatever_their_order() -> None:
    found = compared(table(p=[1.0], q=[2.0]), table(q=[2.0], p=[1.0]))
    assert found.schema.order_differs
    assert found.agrees


def test_names_that_differ_in_case_are_two_columns() -> None:
    both = table(A=[1, 2], a=[3, 4])
    found = compared(both, table(A=[1, 2], a=[3, 5]))
    assert [(column.name, column.differing) for column in found.columns] == [("A", 0), ("a", 1)]


@pytest.mark.parametrize("name", ['say "hi"', "drop table x; --", "it's", "k0", "v0", "l", "ünïcode", "select", " "])
def test_columns_may_have_any_name(name: str) -> None:
    found = compared(table(**{name: [1.0, 2.0]}), table(**{name: [1.0, 3.0]}))
    assert [(column.name, column.differing) for column in found.columns] == [(name, 1)]


def test_a_key_column_may_have_any_name() -> None:
    left = pa.table({'"id"; --': [1, 2], "p": [1, 2]})
    assert compare(left, left, ['"id"; --']).agrees


def test_tables_of_keys_alone_are_compared_by_key() -> None:
    found = compare(pa.table({"id": [1, 2]}), pa.table({"id": [2, 3]}), ["id"])
    assert (found.matched, found.columns, found.keys.missing.keys) == (1, (), 1)


def test_the_worst_rows_come_first_and_those_without_a_distance_before_all_others() -> None:
    left = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, None, math.nan]
    right = [0.3, 0.1, 0.5, 0.2, 0.4, 0.0, math.inf, 1.0, 1.0]
    worst = compared(table(p=left), table(p=right)).columns[0].worst
    assert [(row.key, row.left, row.right) for row in worst] == [
        (("6",), "1.0", "inf"),
        (("7",), None, "1.0"),
        (("8",), "nan", "1.0"),
        (("2",), "0.0", "0.5"),
        (("4",), "0.0", "0.4"),
    ]
    assert [row.abs_difference for row in worst] == [None, None, None, 0.5, 0.4]


def test_equally_bad_rows_are_shown_by_key() -> None:
    worst = compared(table(s=["a"] * 50), table(s=["b"] * 50)).columns[0].worst
    assert [row.key for row in worst] == [(str(key),) for key in range(5)]


def test_the_largest_distance_counts_noise_as_well() -> None:
    found = compared(table(p=[1.0, 2.0]), table(p=[1.0 + 2.0**-52, 2.0])).columns[0]
    assert (found.max_abs, found.max_ulps, found.differing, found.worst) == (2.0**-52, 1, 0, ())


def test_long_values_are_cut() -> None:
    worst = compared(table(s=["x" * 1000]), table(s=["x" * 999 + "y"])).columns[0].worst
    assert worst[0].left == "x" * 200 + "…"


def test_half_floats_are_compared_as_floats() -> None:
    halves = pa.array([0.5, 1.0], pa.float16())
    assert compared(table(p=halves), table(p=halves)).agrees


def write_file(folder: Path, rows: pa.Table) -> str:
    pq.write_table(rows, folder / "one.parquet")
    return str(folder / "one.parquet")


def write_parts(folder: Path, rows: pa.Table) -> str:
    """As Spark leaves a table: parts without a suffix, a marker and checksums."""
    for part in range(3):
        pq.write_table(rows.slice(part * 4, 4), folder / f"part-0000{part}-c000")
    (folder / "_SUCCESS").touch()
    (folder / ".part-00000-c000.crc").write_bytes(b"crc")
    return str(folder)


def write_glob(folder: Path, rows: pa.Table) -> str:
    write_parts(folder, rows)
    return str(folder / "part-*")


def write_odd_name(folder: Path, rows: pa.Table) -> str:
    pq.write_table(rows, folder / "it's [1]?.parquet")
    return str(folder / "it's [1]?.parquet")


@pytest.mark.parametrize("write", [write_file, write_parts, write_glob, write_odd_name])
def test_a_side_is_a_file_a_folder_or_a_glob(write: Callable[[Path, pa.Table], str], tmp_path: Path) -> None:
    rows = table(p=[float(number) for number in range(10)])
    found = compare(write(tmp_path, rows), rows, ["id"])
    assert found.agrees
    assert found.matched == 10


def test_several_files_make_one_side(tmp_path: Path) -> None:
    rows = table(p=[1.0, 2.0, 3.0])
    for number in range(3):
        pq.write_table(rows.slice(number, 1), tmp_path / f"{number}.parquet")
    assert compare([tmp_path / f"{number}.parquet" for number in range(3)], rows, ["id"]).agrees


def test_an_empty_parquet_file_has_columns_and_no_rows(tmp_path: Path) -> None:
    pq.write_table(table(p=[1.0]).slice(1), tmp_path / "none.parquet")
    found = compare(tmp_path / "none.parquet", table(p=[1.0]), ["id"])
    assert (found.rows_left, found.keys.extra.keys) == (0, 1)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Parquet file at"):
        compare(tmp_path / "none.parquet", table(p=[1.0]), ["id"])


def test_a_file_of_another_kind_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,p\n1,2\n")
    with pytest.raises(UsageError, match="the online side cannot be read as Parquet"):
        compare(table(p=[1.0]), tmp_path / "rows.csv", ["id"])


def test_parts_of_unlike_types_are_refused_not_cast(tmp_path: Path) -> None:
    pq.write_table(table(p=[1]), tmp_path / "a.parquet")
    pq.write_table(table(p=[1.5]), tmp_path / "b.parquet")
    with pytest.raises(UsageError, match=r"(?s)p int64.*p double"):
        compare(tmp_path, table(p=[1.0]), ["id"])


def test_two_columns_of_one_name_are_refused() -> None:
    twice = pa.table([pa.array([1]), pa.array([1]), pa.array([2])], names=["id", "p", "p"])
    with pytest.raises(UsageError, match="more than one column `p`"):
        compared(twice, table(p=[1]))


def test_more_than_fits_into_memory_goes_to_the_scratch_folder_which_is_left_empty(tmp_path: Path) -> None:
    rows, scratch = 500_000, tmp_path / "scratch"
    scratch.mkdir()
    texts = pa.array([f"{'x' * 80}{number}" for number in range(rows)])
    pq.write_table(table(s=texts), tmp_path / "rows.parquet")
    limits = Limits(memory_mb=96, threads=2, scratch=scratch)
    found = compare(tmp_path / "rows.parquet", tmp_path / "rows.parquet", ["id"], limits=limits)
    assert found.agrees
    assert found.matched == rows
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("changed", [0, 100, DIGEST_ROWS])
@pytest.mark.parametrize("lost", [0, 3])
def test_large_tables_are_counted_as_small_ones(changed: int, lost: int) -> None:
    numbers = np.arange(DIGEST_ROWS)
    left = pa.table({"id": numbers, "p": numbers * 1.0, "s": numbers.astype("U")})
    right = pa.table({"id": numbers, "p": numbers + 1.0 * (numbers < changed), "s": numbers.astype("U")})
    found = compared(left, right.slice(lost))
    differing = max(0, changed - lost)
    assert (found.keys.missing.rows, found.matched) == (lost, DIGEST_ROWS - lost)
    assert [column.differing for column in found.columns] == [differing, 0]
    assert [column.equal for column in found.columns] == [found.matched - differing, found.matched]
    assert [row.key for row in found.columns[0].worst] == [(str(lost + i),) for i in range(min(5, differing))]


def test_too_little_memory_is_an_error_that_says_so(tmp_path: Path) -> None:
    texts = pa.array([f"{'x' * 2000}{number}" for number in range(20_000)])
    with pytest.raises(PymlError, match="memory") as raised:
        compare(table(s=texts), table(s=texts), ["id"], limits=Limits(memory_mb=1))
    assert raised.value.hint
