"""The comparator against a naive one in plain Python, and what must hold whatever the tables are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyml_sandbox.compare import (
    ColumnComparison,
    Comparison,
    KeyComparison,
    SchemaComparison,
    Tolerance,
    Tolerances,
    TypeDifference,
    WorstRow,
    comparator,
    compare,
)

pytestmark = pytest.mark.usefixtures("one_database")

SCHEMA = pa.schema(
    [("id", pa.int64()), ("day", pa.string()), ("p", pa.float64()), ("f", pa.float32()), ("n", pa.int64()),
     ("s", pa.string()), ("v", pa.list_(pa.float64())), ("t", pa.struct([("a", pa.float64()), ("b", pa.string())])),
     ("m", pa.map_(pa.string(), pa.list_(pa.float64())))]
)  # fmt: skip
KEY = ("id", "day")
Row = tuple[object, ...]

few_floats = st.sampled_from([0.0, 1.0, 1.0 + 1e-15, 1.0 + 1e-7, -1.0, 1e-14, math.inf, -math.inf, math.nan, None])
few_singles = st.sampled_from([0.0, 1.0, 1.0 + 2.0**-23, 1.0 + 2.0**-10, 2.0**-30, math.inf, math.nan, None])
few_texts = st.sampled_from(["", "a", "NaN", None])
few_lists = st.none() | st.lists(few_floats, max_size=2)
rows = st.tuples(
    st.one_of(st.integers(0, 6), st.none()),
    st.sampled_from(["mo", "tu", ""]),
    few_floats,
    few_singles,
    st.sampled_from([0, 2**53, 2**53 + 1, None]),
    few_texts,
    few_lists,
    st.none() | st.fixed_dictionaries({"a": few_floats, "b": few_texts}),
    st.none() | st.dictionaries(st.sampled_from("xyz"), few_lists, max_size=2),
)
tables = st.lists(rows, max_size=12)


def unique(table: list[Row]) -> list[Row]:
    """The first row of each key, without null keys."""
    return list({row[:2]: row for row in reversed(table) if None not in row[:2]}.values())


unique_tables = tables.map(unique)
sizes = st.sampled_from([0.0, 1e-14, 1e-7, 1e-3, 0.5, 10.0])
ulps = st.sampled_from([0, 1, 10, 2**40, 2**63])
allowances = st.builds(Tolerance, sizes, sizes, ulps)
tolerances = st.builds(
    Tolerances, allowances, allowances, st.dictionaries(st.sampled_from("pfvtm"), allowances, max_size=2)
)
some_columns = st.sets(st.sampled_from(SCHEMA.names[len(KEY) :])).map(frozenset)


def compared(left: list[Row], right: list[Row], allowed: Tolerances | None = None) -> Comparison:
    return compare(arrow(left), arrow(right), KEY, tolerances=allowed)


def arrow(table: list[Row]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in table], SCHEMA)


@dataclass(frozen=True)
class Oracle:
    """What a naive comparator finds for one column."""

    equal: int
    within: int
    differing: int
    null: int
    nan: int
    infinity: int


ORDER = ("equal", "within", "value", "infinity", "nan", "null")


def kind_of(left: object, right: object, allowed: Tolerance) -> str:
    """One of `ORDER`, which goes by severity; of a nested value, that of its worst part."""
    if left is None or right is None:
        return "equal" if left is right else "null"
    if isinstance(left, list) and isinstance(right, list):
        return worst_kind(zip(left, right, strict=False), allowed) if len(left) == len(right) else "value"
    if isinstance(left, dict) and isinstance(right, dict):
        return (
            worst_kind(((left[name], right[name]) for name in left), allowed)
            if left.keys() == right.keys()
            else "value"
        )
    if isinstance(left, float) and isinstance(right, float):
        return kind_of_floats(left, right, allowed)
    return "equal" if left == right else "value"


def worst_kind(parts: Iterable[tuple[object, object]], allowed: Tolerance) -> str:
    return max((kind_of(left, right, allowed) for left, right in parts), key=ORDER.index, default="equal")


def kind_of_floats(left: float, right: float, allowed: Tolerance) -> str:
    if left == right or (math.isnan(left) and math.isnan(right)):
        return "equal"
    if math.isnan(left) or math.isnan(right):
        return "nan"
    if math.isinf(left) or math.isinf(right):
        return "infinity"
    bound = max(allowed.atol, allowed.rtol * max(abs(left), abs(right)))
    return "within" if abs(left - right) <= bound else "value"


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


@settings(max_examples=40)
@given(left=tables, right=tables)
def test_counts_and_keys_agree_with_a_naive_comparator(left: list[Row], right: list[Row]) -> None:
    found = compared(left, right)
    for place, column in enumerate(found.columns, start=2):
        allowed = Tolerances().of(column.name, is_double=column.name != "f")
        assert as_oracle(column) == naive(left, right, place, allowed), column.name
    assert_keys_agree(found.keys, left, right)


def assert_keys_agree(found: KeyComparison, left: list[Row], right: list[Row]) -> None:
    keys = [Counter(row[:2] for row in side if None not in row[:2]) for side in (left, right)]
    assert found.missing.keys == len(keys[0].keys() - keys[1].keys())
    assert found.extra.keys == len(keys[1].keys() - keys[0].keys())
    assert found.missing.rows == sum(keys[0][key] for key in keys[0].keys() - keys[1].keys())
    repeated = [{key for key, times in side.items() if times > 1} for side in keys]
    assert (found.repeated_left.keys, found.repeated_right.keys) == (len(repeated[0]), len(repeated[1]))
    assert found.repeated_both == len(repeated[0] & repeated[1])
    assert found.null_left == sum(row[0] is None for row in left)
    assert found.null_right == sum(row[0] is None for row in right)


@settings(max_examples=20)
@given(table=unique_tables, allowed=tolerances)
def test_a_table_agrees_with_itself_whatever_is_allowed(table: list[Row], allowed: Tolerances) -> None:
    found = compared(table, table, allowed)
    assert found.agrees
    assert [column.equal for column in found.columns] == [len(table)] * len(found.columns)
    assert compared(table, table, Tolerances.exact()).agrees


@settings(max_examples=20)
@given(left=tables, right=tables, allowed=tolerances, without=st.tuples(some_columns, some_columns))
def test_swapped_sides_give_the_mirrored_result(
    left: list[Row], right: list[Row], allowed: Tolerances, without: tuple[frozenset[str], frozenset[str]]
) -> None:
    there, here = (arrow(side).drop_columns([*lost]) for side, lost in zip((left, right), without, strict=True))
    found = compare(there, here, KEY, left_name="l", right_name="r", tolerances=allowed)
    assert compare(here, there, KEY, left_name="r", right_name="l", tolerances=allowed) == mirrored(found)


def mirrored(found: Comparison) -> Comparison:
    """The same result seen from the other side."""
    return Comparison(
        found.name, found.right_name, found.left_name, found.key, found.rows_right, found.rows_left, found.matched,
        mirrored_keys(found.keys), mirrored_schema(found.schema), tuple(map(mirrored_column, found.columns)),
    )  # fmt: skip


def mirrored_keys(keys: KeyComparison) -> KeyComparison:
    return KeyComparison(
        keys.extra, keys.missing, keys.repeated_right, keys.repeated_left, keys.repeated_both, keys.null_right, keys.null_left
    )  # fmt: skip


def mirrored_schema(schema: SchemaComparison) -> SchemaComparison:
    types = tuple(TypeDifference(found.column, found.right, found.left) for found in schema.types)
    return SchemaComparison(schema.extra, schema.missing, schema.order_differs, types)


def mirrored_column(column: ColumnComparison) -> ColumnComparison:
    worst = tuple(WorstRow(row.key, row.right, row.left, row.abs_difference) for row in column.worst)
    return replace(column, left_type=column.right_type, right_type=column.left_type, worst=worst)


@settings(max_examples=25)
@given(left=unique_tables, right=unique_tables, base=allowances, more=allowances)
def test_a_larger_tolerance_never_finds_more(
    left: list[Row], right: list[Row], base: Tolerance, more: Tolerance
) -> None:
    wider = Tolerance(base.rtol + more.rtol, base.atol + more.atol, base.max_ulps + more.max_ulps)
    small, large = (compared(left, right, Tolerances(allowed, allowed)) for allowed in (base, wider))
    for more_found, less_found in zip(small.columns, large.columns, strict=True):
        assert less_found.differing <= more_found.differing
        assert less_found.within_tolerance >= more_found.within_tolerance
        assert less_found.equal == more_found.equal
        assert less_found.max_abs == more_found.max_abs


@settings(max_examples=20)
@given(left=tables, right=tables, data=st.data())
def test_the_order_of_rows_does_not_matter(left: list[Row], right: list[Row], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(left)), data.draw(st.permutations(right))
    assert compared(left, right) == compared(*shuffled)


@settings(max_examples=20)
@given(left=tables, right=tables)
def test_digests_change_nothing_but_the_time(left: list[Row], right: list[Row]) -> None:
    for other in (right, left, [tuple(map(with_negative_zeros, row)) for row in left]):
        whole = compared(left, other)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(comparator, "DIGEST_ROWS", 0)
            patch.setattr(comparator, "MOST_UNLIKE", 1.0)
            assert compared(left, other) == whole


def with_negative_zeros(value: object) -> object:
    """The same value with every 0.0 as -0.0."""
    if isinstance(value, float):
        return -0.0 if value == 0 else value
    if isinstance(value, dict):
        return {name: with_negative_zeros(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(with_negative_zeros, value))
    return value
