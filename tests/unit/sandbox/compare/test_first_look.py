"""What the first rows tell of all rows changes nothing but the time."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.compare import Comparison, SchemaComparison, comparator, compare
from pyml_sandbox.compare.comparison_plan import ColumnPair, ComparisonPlan
from pyml_sandbox.compare.queries import column_groups, digest, first_look
from pyml_sandbox.compare.queries.value_class import may_exceed, ulps
from pyml_sandbox.compare.tables.column_type import ColumnType
from pyml_sandbox.compare.tables.source import Column

pytestmark = pytest.mark.usefixtures("one_database")

ROWS = 3000
KEY = ["day", "id"]
FLOAT_TYPES = {"float": np.float32, "double": np.float64}


def side(random: np.random.Generator, order: np.ndarray) -> pa.Table:
    """Rows of which most differ from those of any other side: with ties, null, NaN, infinity, texts and lists."""
    odd = np.array([math.nan, math.inf, -math.inf, 0.0, -0.0])
    floats = random.standard_normal(ROWS)
    some_odd = np.where(random.random(ROWS) < 0.002, random.choice(odd, ROWS), random.standard_normal(ROWS))
    columns = {
        "id": pa.array(np.arange(ROWS) // 3),
        "day": pa.array(["mo", "tu\0", 'we"\n'] * (ROWS // 3)),
        "floats": pa.array(floats),
        "singles": pa.array(floats.astype(np.float32)),
        "odd": pa.array(some_odd, mask=random.random(ROWS) < 0.002),
        "often_null": pa.array(floats, mask=random.random(ROWS) < 0.5),
        "ties": pa.array(random.integers(0, 4, ROWS)),
        "wide": pa.array(random.integers(-(2**63), 2**63, ROWS, dtype=np.int64)),
        "texts": pa.array([["é", "\0", '"\\', "x" * 300, None][at] for at in random.integers(0, 5, ROWS)]),
        "lists": pa.array([[1.0 * at, None] * (at % 3) for at in random.integers(0, 9, ROWS)], pa.list_(pa.float64())),
        "seldom": pa.array(random.random(ROWS) < 0.001),
    }
    return pa.table(columns).take(pa.array(order))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most_unlike", [-1.0, 1.0], ids=["values", "digests"])
def test_large_tables_give_the_same_result_as_small_ones(
    seed: int, most_unlike: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(seed)
    left, right = side(random, np.arange(ROWS)), side(random, random.permutation(ROWS))
    small = compare(left, right, KEY)
    assert all(column.differing for column in small.columns)
    monkeypatch.setattr(comparator, "DIGEST_ROWS", 0)
    monkeypatch.setattr(comparator, "MOST_UNLIKE", most_unlike)
    monkeypatch.setattr(first_look, "FIRST_ROWS", 600)
    assert compare(left, right, KEY) == small


@pytest.mark.parametrize("changed", [0, 1, 30, 2500], ids=lambda changed: f"{changed}-changed-later")
@pytest.mark.parametrize("memory_mb", [1, 850])
def test_columns_that_are_alike_in_the_first_rows_give_the_same_result_by_digests(
    changed: int, memory_mb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the columns differ; the others are the same, or differ in some later rows."""
    random = np.random.default_rng(changed)
    left, different = (side(random, np.arange(ROWS)) for _ in range(2))
    right = left
    for at, name in enumerate(left.column_names):
        later = pa.concat_arrays([left[name].chunk(0)[: ROWS - changed], different[name].chunk(0)[ROWS - changed :]])
        if name not in KEY:
            right = right.set_column(at, name, different[name] if at % 2 else later)
    small = compare(left, right.slice(3), KEY)
    monkeypatch.setattr(comparator, "DIGEST_ROWS", 0)
    monkeypatch.setattr(comparator, "MOST_UNLIKE", 0.2)
    monkeypatch.setattr(first_look, "FIRST_ROWS", 400)
    monkeypatch.setattr(column_groups, "MEMORY_SHARE", 0.75 if memory_mb > 1 else 1e-3)
    assert compare(left, right.slice(3), KEY) == small
    assert sum(column.differing > 0 for column in small.columns) >= 4


@given(
    st.lists(st.sampled_from(["double", "varchar", "bigint", "decimal"]), min_size=1, max_size=30),
    st.integers(0, 10**8), st.integers(1, 4000), st.booleans(),
)  # fmt: skip
def test_every_column_is_in_one_group(kinds: list[str], rows: int, memory_mb: int, with_digest: bool) -> None:
    pairs = tuple(ColumnPair(*(Column(kind, kind, ColumnType(kind, kind)),) * 2) for kind in kinds)
    plan = ComparisonPlan(pairs[:1], pairs, SchemaComparison())
    groups = column_groups.column_groups(plan, range(len(pairs)), rows, memory_mb, with_digest=with_digest)
    assert [index for group in groups for index in group] == list(range(len(pairs)))
    assert all(groups)
    assert len(groups) <= column_groups.MOST_GROUPS


@pytest.mark.parametrize(("rows", "groups"), [(0, 1), (1_000_000, 1), (5_000_000, 3), (10_000_000, 6), (10**9, 6)])
def test_columns_make_as_many_groups_as_memory_makes_necessary(rows: int, groups: int) -> None:
    pairs = tuple(
        ColumnPair(*(Column(kind, kind, ColumnType(kind, kind)),) * 2) for kind in ["double"] * 15 + ["varchar"] * 5
    )
    plan = ComparisonPlan(pairs[:1], pairs, SchemaComparison())
    assert len(column_groups.column_groups(plan, range(20), rows, 850)) == groups


def test_rows_of_different_types_need_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    left = pa.table({"id": range(50), "value": pa.array(range(50), pa.int32())})
    right = pa.table({"id": range(50), "value": pa.array(range(1, 51), pa.float64())})
    small = compare(left, right, ["id"])
    monkeypatch.setattr(comparator, "DIGEST_ROWS", 0)
    assert compare(left, right, ["id"]) == small
    assert small.columns[0].differing == 50


@pytest.mark.parametrize("first", [0, 10])
def test_worse_rows_than_the_first_are_found_and_so_are_columns_that_first_agree(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sides differ the more the later the row, which no look at the first rows can tell."""
    monkeypatch.setattr(comparator, "DIGEST_ROWS", 0)
    monkeypatch.setattr(comparator, "MOST_UNLIKE", -1.0)
    monkeypatch.setattr(first_look, "FIRST_ROWS", first)
    monkeypatch.setattr(digest, "HEAD_ROWS", first)
    numbers = np.arange(100)
    left = pa.table({"id": numbers, "late": numbers * 0.0, "last": numbers * 0.0})
    right = pa.table({"id": numbers, "late": 1.0 * 2.0**numbers, "last": 1.0 * (numbers > 96)})
    found: Comparison = compare(left, right, ["id"])
    late, last = found.columns
    assert [row.key for row in late.worst] == [("99",), ("98",), ("97",), ("96",), ("95",)]
    assert late.max_ulps == (1023 + 99) * 2**52
    assert [row.key for row in last.worst] == [("97",), ("98",), ("99",)]


@pytest.mark.parametrize("kind", FLOAT_TYPES)
def test_no_pair_that_is_more_ulps_apart_is_left_out(kind: str) -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**62 if kind == "double" else 2**30, 4000)
    near = bits + random.integers(-(2**6), 2**6, 4000) * 2 ** random.integers(0, 56 if kind == "double" else 24, 4000)
    floats, width = FLOAT_TYPES[kind], "i8" if kind == "double" else "i4"
    left, right = (np.abs(side).astype(width).view(floats) for side in (bits, near))
    small = np.array([0.0, 5e-324, 2.2e-308, 2.3e-308, 1e-45, 1.1e-38, 1.2e-38, 1.0, 1e38]).astype(floats)
    pairs = pa.table({
        "l": np.concatenate([left, np.repeat(small, len(small)), left]),
        "r": np.concatenate([right, np.tile(small, len(small)), -right]),
    })  # fmt: skip
    types = (ColumnType(kind.upper(), kind),) * 2
    binade = 2**52 if kind == "double" else 2**23
    connection = duckdb.connect().register("pairs", pairs)
    for most in (0, 1, binade // 8, binade, 3 * binade + 5, 100 * binade):
        known = f"isfinite(l) AND isfinite(r) AND {ulps('l', 'r', types)} > {most}"
        missed = f"SELECT count(*), count(CASE WHEN NOT ({may_exceed('l', 'r', types, most)}) THEN 1 END) FROM pairs"
        above, left_out = connection.execute(f"{missed} WHERE {known}").fetchall()[0]
        assert above, most
        assert left_out == 0, most


def test_pairs_that_are_surely_nearer_are_left_out() -> None:
    types = (ColumnType("DOUBLE", "double"),) * 2
    query = f"SELECT {may_exceed('1.0::DOUBLE', '1.5::DOUBLE', types, 2**52)}"
    assert duckdb.execute(query).fetchall() == [(False,)]
