"""The comparator over a table of values, every pair of them at once: all types in one column each, and files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml_sandbox.compare import ColumnComparison, Comparison, Tolerances, comparator, compare
from support.compare_values import OTHER_VALUE, SAME_VALUE, UNLIKE, Across, Unlike

pytestmark = pytest.mark.usefixtures("one_database")


def compared(left: pa.Array, right: pa.Array) -> Comparison:
    """Two columns of values, row by row, to the last bit."""
    key = pa.array(range(len(left)), pa.int64())
    there, here = (pa.table({"key": key, "value": values}) for values in (left, right))
    return compare(there, here, ["key"], tolerances=Tolerances.exact())


def column(left: pa.Array, right: pa.Array) -> ColumnComparison:
    return compared(left, right).columns[0]


@pytest.fixture(params=["values", "digests"])
def joined_first(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables join their values; here they join digests first as well, as large tables do."""
    if request.param == "digests":
        monkeypatch.setattr(comparator, "DIGEST_ROWS", 0)
        monkeypatch.setattr(comparator, "MOST_UNLIKE", 1.0)


def test_the_table_holds_enough_pairs() -> None:
    assert sum(len(unlike.pairs) for unlike in UNLIKE.values()) >= 1500


@pytest.mark.parametrize("unlike", UNLIKE.values(), ids=UNLIKE.keys())
def test_every_value_equals_itself(unlike: Unlike) -> None:
    values = pa.array(unlike.values, unlike.type)
    found = compared(values, values)
    assert found.agrees
    assert found.columns[0].equal == len(unlike.values)


@pytest.mark.usefixtures("joined_first")
@pytest.mark.parametrize("unlike", UNLIKE.values(), ids=UNLIKE.keys())
def test_every_value_differs_from_every_other(unlike: Unlike) -> None:
    left, right = (pa.array(side, unlike.type) for side in zip(*unlike.pairs, strict=True))
    found = column(left, right)
    assert (found.equal, found.within_tolerance, found.differing) == (0, 0, len(unlike.pairs))


@pytest.mark.parametrize("unlike", UNLIKE.values(), ids=UNLIKE.keys())
def test_values_stay_apart_in_parquet_files(unlike: Unlike, tmp_path: Path) -> None:
    pairs = [(value, value) for value in unlike.values] + unlike.pairs
    for name, side in zip(("left", "right"), zip(*pairs, strict=True), strict=True):
        table = pa.table({"key": range(len(pairs)), "value": pa.array(side, unlike.type)})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    found = compare(tmp_path / "left.parquet", tmp_path / "right.parquet", ["key"], tolerances=Tolerances.exact())
    assert (found.columns[0].equal, found.columns[0].differing) == (len(unlike.values), len(unlike.pairs))


@pytest.mark.usefixtures("joined_first")
@pytest.mark.parametrize("unlike", UNLIKE.values(), ids=UNLIKE.keys())
def test_null_against_a_value_is_a_null_mismatch_and_nothing_else(unlike: Unlike) -> None:
    values = pa.array([value for value in unlike.values if value is not None], unlike.type)
    nulls = pa.nulls(len(values), unlike.type)
    for found in (column(values, nulls), column(nulls, values)):
        assert found.null_mismatches == found.differing == len(values)
        assert found.nan_mismatches == found.infinity_mismatches == 0


@pytest.mark.parametrize("across", SAME_VALUE, ids=str)
def test_one_value_in_two_types_differs_in_representation_only(across: Across) -> None:
    found = compared(pa.array([across.left], across.left_type), pa.array([across.right], across.right_type))
    assert found.columns[0].differing == 0
    assert [difference.column for difference in found.schema.types] == ["value"]
    assert not found.columns[0].has_same_type
    assert not found.agrees


@pytest.mark.parametrize("across", OTHER_VALUE, ids=str)
def test_other_values_in_two_types_differ_both_ways_round(across: Across) -> None:
    left, right = pa.array([across.left], across.left_type), pa.array([across.right], across.right_type)
    assert column(left, right).differing == column(right, left).differing == 1


@pytest.mark.parametrize(
    ("left", "right", "mismatch"),
    [
        (1.0, None, "null"),
        (float("nan"), None, "null"),
        (float("nan"), 1.0, "NaN"),
        (float("nan"), float("inf"), "NaN"),
        (float("inf"), float("-inf"), "infinity"),
        (float("inf"), 1.7976931348623157e308, "infinity"),
        (1.0, 2.0, "value"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_null_nan_and_infinity_are_counted_apart(
    left: float | None, right: float | None, mismatch: str, nested: bool
) -> None:
    kind = pa.list_(pa.float64()) if nested else pa.float64()
    found = column(*(pa.array([[0.0, value] if nested else value], kind) for value in (left, right)))
    counts = {
        "null": found.null_mismatches,
        "NaN": found.nan_mismatches,
        "infinity": found.infinity_mismatches,
        "value": found.differing - found.null_mismatches - found.nan_mismatches - found.infinity_mismatches,
    }
    assert {name for name, count in counts.items() if count} == {mismatch}


@pytest.mark.usefixtures("joined_first")
def test_negative_zero_is_the_same_value_and_counted_apart() -> None:
    found = column(pa.array([0.0, -0.0, 0.0, 1.0]), pa.array([-0.0, 0.0, 0.0, 1.0]))
    assert (found.equal, found.signed_zeros, found.max_abs, found.agrees) == (4, 2, None, True)


@pytest.mark.usefixtures("joined_first")
def test_maps_with_entries_in_another_order_are_equal() -> None:
    kind = pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.map_(pa.int64(), pa.float64())))]))
    left = [{"m": [("a", [(1, 1.0), (2, float("nan"))]), ("b", [])]}]
    right = [{"m": [("b", []), ("a", [(2, float("nan")), (1, 1.0)])]}]
    assert compared(pa.array([left], kind), pa.array([right], kind)).agrees


def test_maps_whose_keys_differ_have_different_values_whatever_their_entries_hold() -> None:
    kind = pa.map_(pa.string(), pa.float64())
    left, right = (pa.array([entries], kind) for entries in ([("x", 1.0), ("y", None)], [("x", None), ("z", None)]))
    found = column(left, right)
    assert (found.differing, found.null_mismatches) == (1, 0)
    same_keys = column(left, pa.array([[("x", None), ("y", None)]], kind))
    assert (same_keys.differing, same_keys.null_mismatches) == (1, 1)
