"""The comparator against a naive one in plain Python, and what must hold whatever the tables are."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pyml_sandbox.compare import ColumnComparison, Comparison, Tolerance, Tolerances, compare

SCHEMA = pa.schema(
    [("id", pa.int64()), ("day", pa.string()), ("p", pa.float64()), ("n", pa.int64()), ("s", pa.string()),
     ("v", pa.list_(pa.float64()))]
)  # fmt: skip
KEY = ("id", "day")
Row = tuple[object, ...]

few_floats = st.sampled_from([0.0, 1.0, 1.0 + 1e-15, 1.0 + 1e-7, -1.0, 1e-14, math.inf, -math.inf, math.nan, None])
rows = st.tuples(
    st.one_of(st.integers(0, 6), st.none()),
    st.sampled_from(["mo", "tu", ""]),
    few_floats,
    st.sampled_from([0, 2**53, 2**53 + 1, None]),
    st.sampled_from(["", "a", "NaN", None]),
    st.one_of(st.none(), st.lists(few_floats, max_size=2)),
)
tables = st.lists(rows, max_size=12)


def unique(table: list[Row]) -> list[Row]:
    """The first row of each key, without null keys."""
    return list({row[:2]: row for row in reversed(table) if None not in row[:2]}.values())


unique_tables = tables.map(unique)


def compared(left: list[Row], right: list[Row], allowed: Tolerances | None = None) -> Comparison:
    there, here = (
        pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in table], SCHEMA)
        for table in (left, right)
    )
    return compare(there, here, KEY, tolerances=allowed)


@dataclass(frozen=True)
class Oracle:
    """What a naive comparator finds for one column."""

    equal: int
    within: int
    differing: int
    null: int
    nan: int
    infinity: int


def kind_of(left: object, right: object, allowed: Tolerance) -> str:
    """One of: equal, within, value, infinity, NaN, null; in order of severity, the worst part of a list."""
    order = ["equal", "within", "value", "infinity", "nan", "null"]
    if left is None or right is None:
        return "equal" if left is right else "null"
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return "value"
        return max((kind_of(a, b, allowed) for a, b in zip(left, right, strict=True)), key=order.index, default="equal")
    if isinstance(left, float) and isinstance(right, float):
        if left == right or (math.isnan(left) and math.isnan(right)):
            return "equal"
        if math.isnan(left) or math.isnan(right):
            return "nan"
        if math.isinf(left) or math.isinf(right):
            return "infinity"
        bound = max(allowed.atol, allowed.rtol * max(abs(left), abs(right)))
        return "within" if abs(left - right) <= bound else "value"
    return "equal" if left == right else "value"


def naive(left: list[Row], right: list[Row], column: int, allowed: Tolerance) -> Oracle:
    once = [{row[:2]: row for row in side if None not in row[:2]} for side in (left, right)]
    counts = [Counter(row[:2] for row in side) for side in (left, right)]
    keys = [key for key in once[0] if key in once[1] and counts[0][key] == counts[1][key] == 1]
    kinds = Counter(kind_of(once[0][key][column], once[1][key][column], allowed) for key in keys)
    differing = kinds["value"] + kinds["infinity"] + kinds["nan"] + kinds["null"]
    return Oracle(kinds["equal"], kinds["within"], differing, kinds["null"], kinds["nan"], kinds["infinity"])


def as_oracle(column: ColumnComparison) -> Oracle:
    return Oracle(
        column.equal,
        column.within_tolerance,
        column.differing,
        column.null_mismatches,
        column.nan_mismatches,
        column.infinity_mismatches,
    )


@settings(max_examples=40, deadline=None)
@given(left=tables, right=tables)
def test_counts_agree_with_a_naive_comparator(left: list[Row], right: list[Row]) -> None:
    found = compared(left, right)
    for place, column in enumerate(found.columns, start=2):
        assert as_oracle(column) == naive(left, right, place, Tolerances().double), column.name


@settings(max_examples=25, deadline=None)
@given(left=tables, right=tables)
def test_keys_agree_with_a_naive_comparator(left: list[Row], right: list[Row]) -> None:
    found = compared(left, right).keys
    keys = [Counter(row[:2] for row in side if None not in row[:2]) for side in (left, right)]
    assert found.missing.keys == len(keys[0].keys() - keys[1].keys())
    assert found.extra.keys == len(keys[1].keys() - keys[0].keys())
    assert found.missing.rows == sum(keys[0][key] for key in keys[0].keys() - keys[1].keys())
    repeated = [{key for key, times in side.items() if times > 1} for side in keys]
    assert (found.repeated_left.keys, found.repeated_right.keys) == (len(repeated[0]), len(repeated[1]))
    assert found.repeated_both == len(repeated[0] & repeated[1])
    assert found.null_left == sum(row[0] is None for row in left)
    assert found.null_right == sum(row[0] is None for row in right)


@settings(max_examples=20, deadline=None)
@given(table=unique_tables)
def test_a_table_agrees_with_itself_to_the_last_bit(table: list[Row]) -> None:
    assert compared(table, table, Tolerances.exact()).agrees


@settings(max_examples=20, deadline=None)
@given(left=tables, right=tables)
def test_sides_can_be_swapped(left: list[Row], right: list[Row]) -> None:
    there, back = compared(left, right), compared(right, left)
    assert [as_oracle(column) for column in there.columns] == [as_oracle(column) for column in back.columns]
    assert (there.keys.missing, there.keys.extra) == (back.keys.extra, back.keys.missing)
    assert (there.keys.repeated_left, there.keys.null_left) == (back.keys.repeated_right, back.keys.null_right)
    assert there.agrees == back.agrees


@settings(max_examples=12, deadline=None)
@given(
    left=unique_tables, right=unique_tables, allowances=st.lists(st.floats(0, 10), min_size=2, max_size=2).map(sorted)
)
def test_a_larger_tolerance_never_finds_more(left: list[Row], right: list[Row], allowances: list[float]) -> None:
    for is_relative in (True, False):
        small, large = (
            compared(left, right, Tolerances(double=Tolerance(rtol=size) if is_relative else Tolerance(atol=size)))
            for size in allowances
        )
        for less, more in zip(large.columns, small.columns, strict=True):
            assert less.differing <= more.differing
            assert less.equal == more.equal


@settings(max_examples=20, deadline=None)
@given(left=tables, right=tables, data=st.data())
def test_the_order_of_rows_does_not_matter(left: list[Row], right: list[Row], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(left)), data.draw(st.permutations(right))
    assert compared(left, right) == compared(*shuffled)
