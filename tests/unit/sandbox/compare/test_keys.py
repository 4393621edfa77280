"""Keys come before values: missing, extra, repeated and null ones, whatever their type."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from pyml.errors import UsageError
from pyml_sandbox.compare import Comparison, compare

pytestmark = pytest.mark.usefixtures("one_database")


def keyed(*keys: object, kind: pa.DataType | None = None) -> pa.Table:
    """A table with these keys, each with its own value."""
    return pa.table({"id": pa.array(keys, kind or pa.int64()), "value": [str(key) for key in keys]})


def compared(left: pa.Table, right: pa.Table) -> Comparison:
    return compare(left, right, ["id"])


def test_missing_and_extra_keys_are_told_apart_with_examples() -> None:
    found = compared(keyed(1, 2, 3, 4), keyed(3, 4, 5))
    assert (found.keys.missing.keys, found.keys.missing.examples) == (2, (("1",), ("2",)))
    assert (found.keys.extra.keys, found.keys.extra.examples) == (1, (("5",),))
    assert (found.rows_left, found.rows_right, found.matched) == (4, 3, 2)
    assert not found.agrees
    assert found.columns[0].equal == found.columns[0].rows == 2


def test_examples_are_the_five_smallest_keys() -> None:
    found = compared(keyed(*range(100, 0, -1)), keyed(0))
    assert found.keys.missing.keys == 100
    assert found.keys.missing.examples == tuple((str(key),) for key in (1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("left", "right", "keys_left", "keys_right", "both"),
    [
        ((1, 1, 2), (1, 2), 1, 0, 0),
        ((1, 2), (1, 2, 2, 2), 0, 1, 0),
        ((1, 1, 2, 2, 3), (1, 1, 2, 3), 2, 1, 1),
        ((1, 1, 2), (2, 3), 1, 0, 0),  # repeated and missing
        ((1, 1, 2, 3), (1, 1, 4, 5), 1, 1, 1),  # as many pairs as rows, though not one key is clean
    ],
)
def test_repeated_keys_are_counted_and_left_out(
    left: tuple[int, ...], right: tuple[int, ...], keys_left: int, keys_right: int, both: int
) -> None:
    found = compared(keyed(*left), keyed(*right))
    keys = found.keys
    assert (keys.repeated_left.keys, keys.repeated_right.keys, keys.repeated_both) == (keys_left, keys_right, both)
    once = {key for key in left if left.count(key) == 1} & {key for key in right if right.count(key) == 1}
    assert found.matched == found.columns[0].rows == len(once)
    assert found.columns[0].differing == 0
    assert not found.agrees


@pytest.mark.parametrize("swapped", [False, True])
def test_a_null_key_does_not_make_up_for_a_repeated_one(swapped: bool) -> None:
    sides = (keyed(None, 1), keyed(1, 1))  # two rows on each side, and two pairs
    found = compared(*(reversed(sides) if swapped else sides))
    assert found.keys.repeated_left.keys + found.keys.repeated_right.keys == 1
    assert found.keys.null_left + found.keys.null_right == 1
    assert not found.agrees


def test_a_missing_key_that_is_repeated_counts_its_rows() -> None:
    found = compared(keyed(1, 1, 1, 2), keyed(2))
    assert (found.keys.missing.keys, found.keys.missing.rows) == (1, 3)
    assert (found.keys.repeated_left.keys, found.keys.repeated_left.rows) == (1, 3)


def test_null_keys_match_nothing_and_are_counted_on_each_side() -> None:
    found = compared(keyed(1, None, None), keyed(1, None))
    assert (found.keys.null_left, found.keys.null_right, found.matched) == (2, 1, 1)
    assert not any((found.keys.missing, found.keys.extra, found.keys.has_repeated))
    assert not found.agrees


def test_a_key_of_several_columns_matches_on_all_of_them() -> None:
    left = pa.table({"day": ["mo", "mo", "tu"], "id": [1, 2, 1], "value": [1, 2, 3]})
    right = pa.table({"day": ["mo", "tu", "tu"], "id": [1, 1, 2], "value": [1, 3, 4]})
    found = compare(left, right, ["day", "id"])
    assert found.matched == 2
    assert found.keys.missing.examples == (("mo", "2"),)
    assert found.keys.extra.examples == (("tu", "2"),)


def test_one_null_among_several_key_columns_is_a_null_key() -> None:
    left = pa.table({"day": ["mo", "mo"], "id": [1, None], "value": [1, 2]})
    found = compare(left, left, ["day", "id"])
    assert (found.matched, found.keys.null_left, found.keys.null_right, found.keys.missing.keys) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (pa.string(), ["", " ", "a", "NULL", "é"]),
        (pa.binary(), [b"", b"\0", b"\xff"]),
        (pa.date32(), [dt.date(1970, 1, 1), dt.date(2024, 2, 29)]),
        (pa.timestamp("us", "UTC"), [dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 1, 2, tzinfo=dt.UTC)]),
        (pa.decimal128(38, 20), [Decimal("0.1"), Decimal("0.10000000000000000001")]),
        (pa.int64(), [2**53, 2**53 + 1, -(2**63)]),
        (pa.float64(), [float("nan"), float("inf"), 0.1]),
        (pa.bool_(), [True, False]),
        (pa.list_(pa.int64()), [[1], [1, 2], []]),
    ],
    ids=str,
)
def test_keys_of_any_type_match_exactly(kind: pa.DataType, keys: list[object]) -> None:
    table = keyed(*keys, kind=kind)
    found = compared(table, table.take(list(range(len(keys)))[::-1]))
    assert found.agrees
    assert found.matched == len(keys)


def test_integer_keys_of_different_widths_match_and_the_type_is_reported() -> None:
    found = compared(keyed(1, 2), keyed(1, 2, kind=pa.int32()))
    assert found.matched == 2
    assert [difference.column for difference in found.schema.types] == ["id"]


@pytest.mark.parametrize(
    ("left", "right", "key", "message"),
    [
        (keyed(1), keyed(1), [], "at least one key"),
        (keyed(1), keyed(1), ["id", "id"], "given twice"),
        (keyed(1), keyed(1), ["trip"], "the offline side has no column `trip`; it has id, value"),
        (keyed(1), keyed("1", kind=pa.string()), ["id"], "BIGINT on one side and VARCHAR on the other"),
        (keyed(1), keyed(1.0, kind=pa.float64()), ["id"], "cannot be matched"),
    ],
)
def test_keys_that_cannot_be_used_are_usage_errors(
    left: pa.Table, right: pa.Table, key: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        compare(left, right, key)


@pytest.mark.parametrize(("left", "right"), [((), ()), ((1,), ()), ((), (1, 2))])
def test_empty_sides_are_compared_too(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    found = compared(keyed(*left), keyed(*right))
    assert (found.rows_left, found.rows_right, found.matched) == (len(left), len(right), 0)
    assert (found.keys.missing.keys, found.keys.extra.keys) == (len(left), len(right))
    assert found.agrees == (left == right)


def test_a_key_repeated_hundreds_of_thousands_of_times_does_not_multiply() -> None:
    rows = 400_000
    table = pa.table({"id": pa.array([*range(rows // 2), *([-1] * (rows // 2))], pa.int64())})
    found = compare(table, table, ["id"])
    assert (found.matched, found.keys.repeated_both) == (rows // 2, 1)


def test_keys_repeated_too_seldom_for_a_sample_are_found() -> None:
    rows = 400_000
    table = pa.table({"id": pa.array([*range(rows), 7], pa.int64())})
    found = compare(table, table, ["id"])
    assert found.keys.repeated_left.examples == (("7",),)
    assert found.matched == rows - 1


def test_a_sample_of_keys_restricts_both_sides() -> None:
    sample = pa.table({"id": [2, 3, 3, 99]})
    found = compare(keyed(1, 2, 3), keyed(2, 4), ["id"], within=sample)
    assert (found.rows_left, found.rows_right, found.matched) == (2, 1, 1)
    assert found.keys.missing.examples == (("3",),)
    assert not found.keys.extra
