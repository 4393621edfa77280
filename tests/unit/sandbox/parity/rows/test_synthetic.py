"""Synthesised rows: each legal, each one value away from a row of the fixture, and the ones that models stumble over."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.types.declared_rows import conform
from pyml.types.field import TENSOR_KINDS
from pyml.types.schema import Schema
from pyml.types.tensors import tensors_from_arrow
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import (
    DST_INSTANTS,
    MAX_INPUT_ROWS,
    InputRow,
    batch_of,
    fixture_rows,
    kind_of,
    kinds_of,
    synthetic_rows,
)
from support.type_matrix import CASES, TypeCase

NULL_PLACES = pytest.mark.parametrize("not_null", [True, False], ids=["NOT NULL", "nullable"])
TYPES = pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)


def bases_of(case: TypeCase, *, not_null: bool) -> tuple[list[InputRow], Schema]:
    """The case's values beside a column that must stay as it is."""
    schema = Schema(f"c {case.ddl_type}{' NOT NULL' if not_null else ''}, other STRING NOT NULL")
    values = [*case.plain, *case.extremes, *([] if not_null else [None])]
    return [InputRow({"c": value, "other": "same"}, row) for row, value in enumerate(values)], schema


def of_type(case: TypeCase, *, not_null: bool) -> list[InputRow]:
    bases, schema = bases_of(case, not_null=not_null)
    return [each for each in synthetic_rows(bases, schema) if each.column == "c"]


def made(ddl: str, value: object) -> list[InputRow]:
    """What is made from one row of one column."""
    return synthetic_rows([InputRow({"c": value}, 0)], Schema(ddl))


def values_of(kind: Kind, rows: list[InputRow]) -> list[object]:
    return [row.values["c"] for row in rows if row.kind == kind]


# ---- every type


@NULL_PLACES
@TYPES
def test_every_row_fits_the_schema(case: TypeCase, not_null: bool) -> None:
    bases, schema = bases_of(case, not_null=not_null)
    rows = synthetic_rows(bases, schema)
    assert conform(batch_of(rows, schema), schema).num_rows == len(rows) > 0


@NULL_PLACES
@TYPES
def test_every_row_differs_from_its_base_in_exactly_its_column(case: TypeCase, not_null: bool) -> None:
    bases, schema = bases_of(case, not_null=not_null)
    for row in synthetic_rows(bases, schema):
        base = bases[row.base]
        assert [name for name in base.values if repr(base.values[name]) != repr(row.values[name])] == [row.column]
        assert row.values.keys() == base.values.keys()


@NULL_PLACES
@TYPES
def test_no_row_is_made_twice(case: TypeCase, not_null: bool) -> None:
    found = [repr(row.values) for row in of_type(case, not_null=not_null)]
    assert len(found) == len(set(found))


@NULL_PLACES
@TYPES
def test_a_null_stands_in_nullable_columns_and_there_alone(case: TypeCase, not_null: bool) -> None:
    kinds = [row.kind for row in of_type(case, not_null=not_null) if row.values["c"] is None]
    assert kinds == ([] if not_null else ["null"])


@NULL_PLACES
@TYPES
def test_rows_come_back_from_a_batch_as_they_were(case: TypeCase, not_null: bool) -> None:
    bases, schema = bases_of(case, not_null=not_null)
    rows = synthetic_rows(bases, schema)
    again = fixture_rows(batch_of(rows, schema))
    assert [_shown(row.values["c"]) for row in again] == [_shown(row.values["c"]) for row in rows]


def _shown(value: object) -> str:
    """Arrow's UTC is of another class than that of `datetime`."""
    return repr(value).replace("zoneinfo.ZoneInfo(key='UTC')", "datetime.timezone.utc")


@TYPES
def test_other_values_of_the_fixture_are_lent(case: TypeCase) -> None:
    plain = list(case.plain) + list(case.extremes)
    lent = [
        repr(row.values["c"])
        for row in of_type(case, not_null=True)
        if row.kind in (Kind.OTHER, Kind.ZERO, Kind.EMPTY, Kind.NAN, Kind.INNER_NULL)
    ]
    wanted = [repr(value) for value in plain[1:5] if repr(value) != repr(plain[0])]
    assert set(wanted) <= set(lent)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([1, None], Kind.INNER_NULL),
        ({"x": 1, "y": None}, Kind.INNER_NULL),
        ([("key", None)], Kind.INNER_NULL),
        ([{"x": [1, None]}], Kind.INNER_NULL),
        ([], Kind.EMPTY),
        ({}, Kind.EMPTY),
        ([1, 2], Kind.OTHER),
        ({"x": 0}, Kind.OTHER),
    ],
)
def test_a_null_within_a_value_of_the_fixture_is_known_as_one(value: object, kind: Kind) -> None:
    assert kind_of(value) is kind


@TYPES
def test_a_column_of_nulls_is_varied_too(case: TypeCase) -> None:
    schema = Schema(f"c {case.ddl_type}")
    rows = synthetic_rows([InputRow({"c": None}, 0)], schema)
    assert conform(batch_of(rows, schema), schema).num_rows == len(rows)
    assert Kind.NULL not in {row.kind for row in rows}
    assert rows or case.ddl_type.startswith("STRUCT")  # of which nothing can be made from nothing


# ---- kinds that must be there


@pytest.mark.parametrize(
    ("ddl", "value", "kind", "expected"),
    [
        ("c TINYINT", 5, "end", [127, -128]),
        ("c SMALLINT", 5, "end", [32767, -32768]),
        ("c INT", 5, "end", [2**31 - 1, -(2**31)]),
        ("c BIGINT", 5, "end", [2**63 - 1, -(2**63)]),
        ("c BIGINT", 5, "big", [2**53 + 1, 2**53, 2**53 - 1, 9223372036854775707]),
        ("c BIGINT", 5, "zero", [0]),
        ("c INT", 5, "near", [6, 4]),
        ("c INT", 5, "small", [1, -1, 2]),
        ("c DOUBLE", 5.0, "zero", [0.0, -0.0]),
        ("c FLOAT", 5.0, "zero", [0.0, -0.0]),
        ("c DOUBLE", 5.0, "infinite", [math.inf, -math.inf]),
        ("c DOUBLE", 5.0, "single", [0.1, 0.7, 5.0 * (1 + 2**-25)]),
        ("c DOUBLE", 5.0, "ulp", [math.nextafter(5.0, math.inf)]),
        ("c FLOAT", 5.0, "single", []),
        ("c DECIMAL(10, 2)", Decimal("5.00"), "end", [Decimal("99999999.99")]),
        ("c DECIMAL(10, 2)", Decimal("5.00"), "zero", [Decimal("0.00")]),
        ("c DECIMAL(10, 2)", Decimal("5.00"), "tenth", [Decimal("0.10")]),
        ("c DECIMAL(2, 2)", Decimal("0.05"), "end", [Decimal("0.99")]),
        ("c DECIMAL(38, 30)", Decimal(1), "end", [Decimal("99999999." + "9" * 30)]),
        ("c DECIMAL(38, 30)", Decimal(1), "small", [Decimal("1E-30"), Decimal("-1." + "0" * 30)]),
        ("c DECIMAL(38, 0)", Decimal(5), "end", [Decimal("9" * 38)]),
        ("c STRING", "Abc", "empty", [""]),
        ("c STRING", "Abc", "digits", ["007", "0", "12"]),
        ("c STRING", "Abc", "number", ["3.0"]),
        ("c STRING", "Abc", "date", ["2024-01-05"]),
        ("c STRING", "Abc", "other-case", ["ABC"]),
        ("c STRING", "ABC", "other-case", ["abc"]),
        ("c STRING", "Abc", "space", ["Abc "]),
        ("c BINARY", b"abc", "empty", [b""]),
        ("c BOOLEAN", True, "other", [False]),
        ("c DATE", date(2020, 5, 5), "end", [date(2024, 2, 29)]),
        ("c DATE", date(2020, 5, 5), "zero", [date(1970, 1, 1)]),
        ("c TIMESTAMP", datetime(2020, 5, 5, tzinfo=UTC), "dst", list(DST_INSTANTS)),
        ("c TIMESTAMP_NTZ", datetime(2020, 5, 5), "dst", [each.replace(tzinfo=None) for each in DST_INSTANTS]),
        ("c TIMESTAMP_NTZ", datetime(2020, 5, 5), "micro", [datetime(2020, 5, 5, microsecond=1)]),
        ("c ARRAY<INT>", [7, 8], "empty", [[]]),
        ("c ARRAY<INT>", [7, 8], "short", [[7]]),
        ("c ARRAY<INT>", [7, 8], "long", [[7, 8, 8, 8, 8, 8, 8]]),
        ("c ARRAY<INT>", [7, 8], "inner-null", [[None, 8]]),
        ("c MAP<STRING, INT>", {"a": 1, "b": 2}, "empty", [{}]),
        ("c MAP<STRING, INT>", {"a": 1, "b": 2}, "inner-null", [{"a": None, "b": 2}, {"a": 1, "b": None}]),
        ("c MAP<STRING, INT>", {"a": 1, "b": 2}, "short", [{"b": 2}, {"a": 1}]),
        ("c STRUCT<x: INT, y: INT>", {"x": 1, "y": 2}, "inner-null", [{"x": None, "y": 2}, {"x": 1, "y": None}]),
    ],
)  # fmt: skip
def test_values_that_models_stumble_over_are_made(ddl: str, value: object, kind: Kind, expected: list[object]) -> None:
    assert [repr(each) for each in values_of(kind, made(ddl, value))] == [repr(each) for each in expected]


@pytest.mark.parametrize("ddl", ["c FLOAT NOT NULL", "c DOUBLE NOT NULL"])
def test_nan_is_a_value_and_stands_in_not_null_columns_too(ddl: str) -> None:
    (value,) = values_of(Kind.NAN, made(ddl, 1.5))
    assert isinstance(value, float)
    assert math.isnan(value)


def test_a_value_that_the_base_has_is_not_made() -> None:
    assert values_of(Kind.ZERO, made("c INT", 0)) == []
    assert values_of(Kind.EMPTY, made("c STRING", "")) == []


@given(st.integers(-(2**63), 2**63 - 1))
def test_what_lies_beside_an_integer_still_fits_its_type(value: int) -> None:
    schema = Schema("c BIGINT NOT NULL")
    rows = made("c BIGINT NOT NULL", value)
    assert conform(batch_of(rows, schema), schema).num_rows == len(rows)


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["DOUBLE", "FLOAT"]))
def test_any_float_can_be_a_base(value: float, ddl_type: str) -> None:
    schema = Schema(f"c {ddl_type} NOT NULL")
    rows = made(f"c {ddl_type} NOT NULL", value)
    assert conform(batch_of(rows, schema), schema).num_rows == len(rows)


# ---- tensors


def _item(dtype: str) -> object:
    return {"bool": True, "bytes": b"x"}.get(dtype, 2.5 if dtype.startswith("float") else 3)


@pytest.mark.parametrize("dtype", [kind.dtype for kind in TENSOR_KINDS])
@pytest.mark.parametrize(
    ("shape", "wrap"),
    [
        pytest.param((-1,), lambda item: item, id="(-1,)"),
        pytest.param((-1, 2), lambda item: [item] * 2, id="(-1, 2)"),
        pytest.param((-1, 2, 3), lambda item: [[item] * 3] * 2, id="(-1, 2, 3)"),
        pytest.param((-1, -1), lambda item: [item] * 4, id="(-1, -1)"),
    ],
)
def test_tensors_keep_their_shape(dtype: str, shape: tuple[int, ...], wrap: Callable[[object], object]) -> None:
    schema = Schema([("x", dtype, shape)])
    bases = [InputRow({"x": wrap(_item(dtype))}, 0)]
    rows = synthetic_rows(bases, schema)
    whole = tensors_from_arrow(batch_of([*bases, *rows], schema), schema)["x"]
    assert rows
    assert whole.shape == (1 + len(rows), *(4 if size == -1 else size for size in shape[1:]))
    assert [row.kind for row in rows] == (["zero", "nan"] if dtype.startswith("float") else ["zero"])


# ---- the limit


def wide(columns: int) -> tuple[list[InputRow], Schema]:
    schema = Schema(", ".join(f"c{number} DOUBLE" for number in range(columns)))
    return [InputRow({name: float(row) + 0.25 for name in schema.names}, row) for row in range(3)], schema


@pytest.mark.parametrize("columns", [1, 5, 30, 300])
def test_there_are_never_more_than_the_limit(columns: int) -> None:
    bases, schema = wide(columns)
    assert len(synthetic_rows(bases, schema)) <= MAX_INPUT_ROWS
    assert len(synthetic_rows(bases, schema, limit=7)) <= 7


def test_where_all_do_not_fit_every_column_keeps_the_most_telling_ones() -> None:
    bases, schema = wide(30)
    rows = synthetic_rows(bases, schema)
    assert {row.column for row in rows} == set(schema.names)
    assert {row.kind for row in rows} == {Kind.OTHER, Kind.NULL, Kind.ZERO, Kind.NAN}


@pytest.mark.parametrize("column", [0, 1, 2])
def test_the_simplest_row_is_the_base_of_all(column: int) -> None:
    bases, schema = wide(3)
    rows = [row for row in synthetic_rows(bases, schema) if row.column == f"c{column}"]
    assert {row.base for row in rows} == {0}


def test_the_rows_of_a_fixture_are_numbered_and_unchanged() -> None:
    schema = Schema("c MAP<STRING, INT>, d DOUBLE")
    rows = [InputRow({"c": {"a": 1}, "d": None}, 0), InputRow({"c": None, "d": 0.5}, 1)]
    assert fixture_rows(batch_of(rows, schema)) == rows


# ---- kinds of rows that show something


def _rows_of(*values: object, kind: Kind = Kind.FIXTURE) -> list[InputRow]:
    return [InputRow({"c": value, "d": 5}, 0, kind=kind) for value in values]


@pytest.mark.parametrize(
    ("found", "others", "kinds"),
    [
        (["", ""], ["a"], {"empty"}),
        ([0, 0.0], [1], {"zero"}),
        ([None], ["", 0], {"null"}),
        (["", "a"], ["b"], {"fixture"}),
        ([""], ["", "a"], {"fixture"}),
        ([False], [True], {"fixture"}),
    ],
)
def test_rows_are_of_the_kind_of_what_they_alone_have(
    found: list[object], others: list[object], kinds: set[str]
) -> None:
    assert kinds_of(_rows_of(*found), _rows_of(*others)) == kinds


def test_rows_that_have_nothing_in_common_are_of_their_own_kinds() -> None:
    assert kinds_of([*_rows_of(1, kind=Kind.SMALL), *_rows_of(2, kind=Kind.NEAR)], []) == {Kind.SMALL, Kind.NEAR}
