"""Perturbations: each changes the dtype, the order or the names of a frame as it says, and never a value."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml.harness.perturbations import KINDS, Perturbation, changed
from pyml.types.frame import frame_from_arrow
from pyml.types.schema import Schema
from support.type_matrix import CASES, NAN, TypeCase

BY_TYPE = {case.ddl_type: case for case in CASES}
INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")
NUMBERS = (*INTEGERS, "FLOAT", "DOUBLE")
ROW_KINDS = ("plain", "nulls", "only nulls", "extremes beside null", "empty")


def frame_of(case: TypeCase, kind: str = "nulls", *, not_null: bool = False) -> pd.DataFrame:
    return frame_from_arrow(case.batch(kind, not_null=not_null), case.schema(not_null=not_null))


def series_of(ddl_type: str, perturbation: str, kind: str = "nulls", *, not_null: bool = False) -> pd.Series:
    frame = frame_of(BY_TYPE[ddl_type], kind, not_null=not_null)
    return changed(frame, Perturbation(perturbation, ("c",)))["c"]


def same(left: object, right: object) -> bool:
    """Equal values of equal types; NaN is itself."""
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return type(left) is type(right) and left == right


def three_columns() -> pd.DataFrame:
    schema = Schema("a DOUBLE, B BIGINT NOT NULL, cDe STRING")
    rows = pa.RecordBatch.from_pydict({"a": [0.5, None], "B": [1, 2], "cDe": ["x", None]}, schema=schema.arrow)
    return frame_from_arrow(rows, schema)


# ---- what every kind has in common


@pytest.mark.parametrize("kind", KINDS)
def test_the_given_frame_is_never_changed(kind: str) -> None:
    case = BY_TYPE["TIMESTAMP" if kind == "naive" else "STRING"]
    frame, untouched = frame_of(case), frame_of(case)
    changed(frame, Perturbation(kind, ("c",), 7))
    pd.testing.assert_frame_equal(frame, untouched, check_exact=True)


@pytest.mark.parametrize("kind", ["", "evaluation"])
def test_a_perturbation_that_changes_nothing_returns_the_same_frame(kind: str) -> None:
    frame = three_columns()
    assert changed(frame, Perturbation(kind)) is frame


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("extra", "other-case", "index")])
def test_a_column_that_is_not_there_is_an_error(kind: str) -> None:
    with pytest.raises(KeyError):
        changed(three_columns(), Perturbation(kind, ("z",)))


@pytest.mark.parametrize("kind", ["floats", "objects", "nan"])
def test_other_columns_stay_as_they_are(kind: str) -> None:
    frame = three_columns()
    found = changed(frame, Perturbation(kind, ("B",)))
    assert list(found.columns) == ["a", "B", "cDe"]
    pd.testing.assert_frame_equal(found[["a", "cDe"]], frame[["a", "cDe"]], check_exact=True)


def test_it_reads_as_a_call() -> None:
    assert str(Perturbation("order", ("b", "a"))) == "order(b, a)"


# ---- dtypes


@pytest.mark.parametrize("not_null", [True, False])
@pytest.mark.parametrize("ddl_type", NUMBERS)
def test_numbers_as_floats_are_float64_with_nan_for_null(ddl_type: str, not_null: bool) -> None:
    found = series_of(ddl_type, "floats", "plain" if not_null else "nulls", not_null=not_null)
    plain = [float(value) for value in BY_TYPE[ddl_type].plain]  # type: ignore[arg-type]  # numbers all
    assert found.dtype == np.dtype("float64")
    assert [value for value in found if not math.isnan(value)] == plain
    assert found.isna().sum() == (0 if not_null else 2)


def test_large_integers_as_floats_lose_digits_as_they_do_beside_a_null_in_pandas() -> None:
    found = series_of("BIGINT", "floats", "extremes beside null").tolist()
    assert found[2] == float(2**53)  # of 2**53 + 1
    assert math.isnan(found[4])


def test_decimals_as_floats_are_float64() -> None:
    found = series_of("DECIMAL(10, 2)", "floats")
    assert found.dtype == np.dtype("float64")
    assert found.tolist()[1:3] == [1.2, -3.0]
    assert found.isna().tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("ddl_type", "expected"),
    [
        ("ARRAY<BIGINT>", [None, [1.0, 2.0], None]),
        ("MAP<STRING, INT>", [None, {"a": 1.0}, None]),
        ("STRUCT<x: INT, y: STRING>", [None, {"x": 1.0, "y": "a"}, None]),
        ("ARRAY<ARRAY<STRING>>", [None, [["a"], []], None]),
    ],
)
def test_numbers_inside_nested_values_become_floats_and_nothing_else_does(
    ddl_type: str, expected: list[object]
) -> None:
    found = series_of(ddl_type, "floats")
    assert found.dtype == object
    assert [repr(value) for value in found] == [repr(value) for value in expected]


@pytest.mark.parametrize("kind", ROW_KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
@pytest.mark.parametrize(("perturbation", "missing"), [("objects", None), ("nan", NAN)])
def test_object_columns_hold_the_same_values_and_one_kind_of_missing(
    perturbation: str, missing: object, case: TypeCase, kind: str
) -> None:
    frame = frame_of(case, kind)
    is_null = case.batch(kind)["c"].is_null().to_pylist()
    found = changed(frame, Perturbation(perturbation, ("c",)))["c"]
    wanted = [missing if null else value for null, value in zip(is_null, frame["c"].astype(object), strict=True)]
    assert found.dtype == object
    assert all(same(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize(
    ("ddl_type", "perturbation", "expected"),
    [
        ("STRING", "bytes", [None, b"a", b"bc", None]),
        ("BINARY", "text", [None, "a", "bc", None]),
        ("BINARY", "bytes", [None, b"a", b"bc", None]),
        ("STRING", "text", [None, "a", "bc", None]),
    ],
)
def test_text_and_bytes_turn_into_each_other_alone(ddl_type: str, perturbation: str, expected: list[object]) -> None:
    found = series_of(ddl_type, perturbation)
    assert found.dtype == object
    assert found.tolist() == expected


def test_bytes_that_are_no_text_are_replaced_and_not_refused() -> None:
    assert series_of("BINARY", "text", "extremes").tolist() == ["", "\x00\ufffd"]


@pytest.mark.parametrize("ddl_type", ["ARRAY<DOUBLE>", "ARRAY<BIGINT>"])
def test_lists_become_arrays_of_the_same_values_and_null_stays(ddl_type: str) -> None:
    found = series_of(ddl_type, "arrays").tolist()
    assert found[0] is None
    assert found[-1] is None
    assert isinstance(found[1], np.ndarray)
    assert found[1].tolist() == BY_TYPE[ddl_type].plain[0]


def test_arrays_of_one_length_stay_one_column() -> None:
    frame = pd.DataFrame({"c": [[1, 2], [3, 4]]})
    found = changed(frame, Perturbation("arrays", ("c",)))["c"]
    assert [value.tolist() for value in found] == [[1, 2], [3, 4]]


@pytest.mark.parametrize("kind", ["plain", "nulls"])
def test_categories_are_those_of_the_batch(kind: str) -> None:
    found = series_of("STRING", "categories", kind)
    assert isinstance(found.dtype, pd.CategoricalDtype)
    assert found.cat.categories.tolist() == ["a", "bc"]
    assert found.dropna().tolist() == ["a", "bc"]


@pytest.mark.parametrize("ddl_type", ["TIMESTAMP", "TIMESTAMP_NTZ"])
def test_instants_without_a_zone_keep_the_clock_of_utc(ddl_type: str) -> None:
    found = series_of(ddl_type, "naive")
    (plain,) = BY_TYPE[ddl_type].plain
    assert found.dtype == np.dtype("datetime64[us]")
    assert found.isna().tolist() == [True, False, True]
    assert found[1].to_pydatetime() == plain.replace(tzinfo=None)  # type: ignore[attr-defined]  # a datetime


# ---- order, names, index


def test_another_order_keeps_each_column() -> None:
    frame = three_columns()
    found = changed(frame, Perturbation("order", ("cDe", "a", "B")))
    assert list(found.columns) == ["cDe", "a", "B"]
    pd.testing.assert_frame_equal(found[list(frame.columns)], frame, check_exact=True)


def test_a_missing_column_is_gone_and_no_other() -> None:
    assert list(changed(three_columns(), Perturbation("missing", ("B",))).columns) == ["a", "cDe"]


def test_an_extra_column_stands_last_and_is_a_number() -> None:
    found = changed(three_columns(), Perturbation("extra", ("extra",)))
    assert list(found.columns) == ["a", "B", "cDe", "extra"]
    assert found["extra"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("names", "expected"), [(("a",), ["A", "B", "cDe"]), (("a", "B", "cDe"), ["A", "b", "cde"])])
def test_names_in_another_case_hold_the_same_values(names: tuple[str, ...], expected: list[str]) -> None:
    frame = three_columns()
    found = changed(frame, Perturbation("other-case", names))
    assert list(found.columns) == expected
    assert found["A"].tolist() == frame["a"].tolist()


def test_an_index_begins_where_it_is_told_to_and_moves_no_row() -> None:
    frame = three_columns()
    found = changed(frame, Perturbation("index", value=5))
    assert found.index.tolist() == [5, 6]
    assert found["B"].tolist() == frame["B"].tolist()


@pytest.mark.parametrize(("perturbation", "ddl_type"), [("floats", "BIGINT"), ("objects", "STRING"), ("arrays", "ARRAY<DOUBLE>"), ("floats", "DECIMAL(10, 2)"), ("nan", "BOOLEAN")])  # fmt: skip
def test_the_index_of_a_frame_is_kept_by_a_change_of_dtype(perturbation: str, ddl_type: str) -> None:
    frame = changed(frame_of(BY_TYPE[ddl_type]), Perturbation("index", value=3))
    assert changed(frame, Perturbation(perturbation, ("c",))).index.tolist() == frame.index.tolist()


# ---- together


DOCUMENTED: dict[str, Callable[[pd.Series], bool]] = {
    "floats": lambda found: found.dtype == np.dtype("float64"),
    "objects": lambda found: found.dtype == object,
    "nan": lambda found: found.dtype == object,
}


@pytest.mark.parametrize("rows", ["plain", "nulls", "only nulls", "empty"])
@pytest.mark.parametrize("kind", DOCUMENTED)
@pytest.mark.parametrize("ddl_type", [*NUMBERS, "DECIMAL(10, 2)"])
def test_the_dtype_never_follows_from_the_values(ddl_type: str, kind: str, rows: str) -> None:
    assert DOCUMENTED[kind](series_of(ddl_type, kind, rows))
