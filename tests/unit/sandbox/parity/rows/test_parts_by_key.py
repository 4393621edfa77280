"""Two files in pairs of parts: each key is in one pair, and where both sides have the same keys, at the same place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyml_sandbox.parity.paths.digests_seen import unmatched_keys_in
from pyml_sandbox.parity.rows.parts_by_key import paired_parts
from pyml_sandbox.parity.rows.stored_rows import StoredRows

KEYS: dict[str, Callable[[int], object]] = {
    "integers": lambda number: number,
    "strings": lambda number: f"key {number}",
    "floats": lambda number: number / 7,
    "decimals": lambda number: Decimal(number) / 4,
    "times": lambda number: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(microseconds=number),
}


def table(numbers: list[int], kind: str = "integers") -> pa.Table:
    keys = [KEYS[kind](number) for number in numbers]
    return pa.table({"k": keys, "v": pa.array(numbers, pa.int64())})


def pairs(left: pa.Table, right: pa.Table, folder: Path, part_rows: int = 5) -> list[tuple[pa.Table, pa.Table]]:
    for name, rows in (("left", left), ("right", right)):
        pq.write_table(rows, folder / f"{name}.parquet", row_group_size=3)
    sides = [StoredRows(folder / f"{name}.parquet") for name in ("left", "right")]
    with paired_parts(sides[0], sides[1], ["k"], part_rows) as parts:
        return list(parts)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("rows", [4, 40])
def test_rows_of_one_key_meet_at_one_place_in_any_order(kind: str, rows: int, tmp_path: Path) -> None:
    order = [number * 7 % rows if rows % 7 else number for number in range(rows)]
    found = pairs(table(list(range(rows)), kind), table(order, kind), tmp_path)
    assert [here["v"].to_pylist() for here, _ in found] == [there["v"].to_pylist() for _, there in found]
    assert sorted(value for here, _ in found for value in here["v"].to_pylist()) == list(range(rows))
    assert len(found) == (1 if rows == 4 else 8)


def test_rows_in_one_order_are_not_moved(tmp_path: Path) -> None:
    numbers = [3, 1, 2, 0, 9, 7, 8]
    found = pairs(table(numbers), table(numbers), tmp_path)
    assert [here["v"].to_pylist() for here, _ in found] == [numbers[:5], numbers[5:]]
    assert [there["v"].to_pylist() for _, there in found] == [numbers[:5], numbers[5:]]


small = st.lists(st.integers(0, 30), min_size=1, max_size=30)


@given(left=small, right=small)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_unmatched_keys_are_as_many_in_parts_as_in_the_whole(left: list[int], right: list[int], tmp_path: Path) -> None:
    parts = pairs(table(left), table(right), tmp_path)
    whole = unmatched_keys_in(table(sorted(left)), table(sorted(right)), ["k"])
    assert sum(unmatched_keys_in(here, there, ["k"]) for here, there in parts) == whole
