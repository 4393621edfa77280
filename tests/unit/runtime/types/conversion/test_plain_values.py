"""Plain Python values as a column: every type as it is documented, numbers by the rule of columns, the rest refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.types.conversion.lossless import LossError, WrongKindError, conversion
from pyml.types.conversion.plain_values import column_of
from pyml.types.spark_types import arrow_type
from support.type_matrix import CASES, KINDS, TypeCase

D = Decimal
NAN = float("nan")
MATRIX = [pytest.param(case, kind, id=f"{case.ddl_type}, {kind}") for case in CASES for kind in KINDS]


@pytest.mark.parametrize(("case", "kind"), MATRIX)
def test_values_of_the_declared_type_arrive_exactly(case: TypeCase, kind: str) -> None:
    column = column_of(case.values(kind), arrow_type(case.ddl_type))
    column.validate(full=True)
    assert column.type == arrow_type(case.ddl_type)
    assert repr(column.to_pylist()) == repr(case.batch(kind).column(0).to_pylist())


CONVERTED = [
    ("DOUBLE", [1, 2.5, None, np.int8(3), np.float32(0.5)], [1.0, 2.5, None, 3.0, 0.5]),
    ("DOUBLE", [2**70], [2.0**70]),
    ("INT", [8.0, 7, pd.NA, D("6.00")], [8, 7, None, 6]),
    ("FLOAT", [16_777_216, NAN], [16_777_216.0, NAN]),
    ("DECIMAL(5, 2)", [1, D("1.5"), None, D("2.500")], [D("1.00"), D("1.50"), None, D("2.50")]),
    ("DECIMAL(38, 0)", [10**37], [D(10**37)]),
    ("BOOLEAN", [np.True_, False], [True, False]),
    ("TIMESTAMP_NTZ", [pd.Timestamp("2024-01-01T01:00"), pd.NaT], [dt.datetime(2024, 1, 1, 1), None]),
    ("ARRAY<DOUBLE>", [[1, 2.5, None], None, np.array([1, 2]), ()], [[1.0, 2.5, None], None, [1.0, 2.0], []]),
    ("MAP<BIGINT, DOUBLE>", [{1: 2}, None, {}], [[(1, 2.0)], None, []]),
    ("STRUCT<a: DOUBLE, b: ARRAY<INT>>", [{"b": [1.0], "a": 1}, None], [{"a": 1.0, "b": [1]}, None]),
]


@pytest.mark.parametrize(("ddl_type", "values", "expected"), CONVERTED)
def test_numbers_are_converted_wherever_they_are(ddl_type: str, values: list[object], expected: list[object]) -> None:
    assert repr(column_of(values, arrow_type(ddl_type)).to_pylist()) == repr(expected)


LOST = [
    ("DOUBLE", [1, None, 2**53 + 1], 2),
    ("FLOAT", [0.5, 0.1], 1),
    ("FLOAT", [16_777_217, 0.1], 0),
    ("INT", [None, 1.5], 1),
    ("INT", [2**70], 0),
    ("INT", [NAN], 0),
    ("INT", [D("0.5")], 0),
    ("DECIMAL(5, 2)", [1, D("1.255")], 1),
    ("DECIMAL(5, 2)", [D("NaN")], 0),
    ("DECIMAL(5, 2)", [1000], 0),
    ("DECIMAL(38, 0)", [10**80], 0),
    ("TIMESTAMP_NTZ", [pd.Timestamp("2024-01-01T00:00:00.000000001")], 0),
    ("ARRAY<INT>", [[1], None, [], [2, 0.5]], 3),
    ("ARRAY<ARRAY<INT>>", [None, [[], [0.5]]], 1),
    ("MAP<INT, STRING>", [{1: "a"}, {2**40: "b"}], 1),
    ("STRUCT<a: INT>", [None, {"a": 1}, {"a": 2.5}], 2),
]


@pytest.mark.parametrize(("ddl_type", "values", "row"), LOST)
def test_a_number_that_would_change_is_refused_with_its_row(ddl_type: str, values: list[object], row: int) -> None:
    with pytest.raises(LossError) as caught:
        column_of(values, arrow_type(ddl_type))
    assert caught.value.row == row


WRONG = [
    ("DOUBLE", ["1"], "'1' (str)"),
    ("INT", [True], "True (bool)"),
    ("DOUBLE", [D("0.5")], "Decimal('0.5') (Decimal)"),
    ("DECIMAL(5, 2)", [0.5], "0.5 (float)"),
    ("BOOLEAN", [1], "1 (int)"),
    ("STRING", [1], "1 (int)"),
    ("STRING", [b"x"], "b'x' (bytes)"),
    ("BINARY", ["x"], "'x' (str)"),
    ("DATE", [dt.datetime(2024, 1, 1)], "datetime.datetime(2024, 1, 1, 0, 0) (datetime)"),
    ("TIMESTAMP", [dt.datetime(2024, 1, 1)], "datetime.datetime(2024, 1, 1, 0, 0) (datetime)"),
    ("TIMESTAMP_NTZ", [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], "tzinfo=datetime.timezone.utc) (datetime)"),
    ("TIMESTAMP", [dt.date(2024, 1, 1)], "datetime.date(2024, 1, 1) (date)"),
    ("DOUBLE", [object], "<class 'object'> (type)"),
    ("ARRAY<INT>", [1], "1 (int)"),
    ("ARRAY<INT>", ["12"], "'12' (str)"),
    ("ARRAY<INT>", [np.zeros((1, 1))], "(ndarray)"),
    ("MAP<STRING, INT>", [[("a", 1)]], "[('a', 1)] (list)"),
    ("STRUCT<a: INT>", [{"a": 1, "b": 2}], "{'a': 1, 'b': 2} (dict)"),
    ("STRUCT<a: INT>", [{}], "{} (dict)"),
]


@pytest.mark.parametrize(("ddl_type", "values", "shown"), WRONG)
def test_a_value_of_a_different_kind_is_refused_with_its_python_type(
    ddl_type: str, values: list[object], shown: str
) -> None:
    with pytest.raises(WrongKindError) as caught:
        column_of([None, *values], arrow_type(ddl_type))
    assert shown in str(caught.value)
    assert caught.value.row == 1


NUMBERS = ("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(38, 0)", "DECIMAL(20, 3)")


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()) | st.lists(st.floats() | st.none()),
    st.sampled_from(NUMBERS),
    st.sampled_from(["{}", "ARRAY<{}>"]),
)
def test_values_and_columns_follow_one_rule(values: list[object], ddl_type: str, nesting: str) -> None:
    """The values as a caller has them, and the column that Arrow makes of them, end alike."""
    given_values = values if nesting == "{}" else [[value] for value in values]
    declared = arrow_type(nesting.format(ddl_type))
    natural = pa.array(given_values)
    convert = conversion(natural.type, declared)
    if convert is None:
        with pytest.raises(WrongKindError):
            column_of(given_values, declared)
        return
    assert outcome(lambda: column_of(given_values, declared)) == outcome(lambda: convert(natural))


def outcome(make: Callable[[], pa.Array]) -> str:
    """The values of a column, or the value that it cannot hold and its row."""
    try:
        return repr(make().to_pylist())
    except LossError as loss:
        return f"{loss.value!r} in row {loss.row}"
