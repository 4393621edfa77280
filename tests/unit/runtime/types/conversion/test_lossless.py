"""Conversions that lose nothing: by type, by value, and in every nested place; held against plain Python."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.types.conversion.lossless import LossError, conversion, is_convertible
from pyml.types.spark_types import arrow_type
from support.type_matrix import CASES, KINDS, TypeCase

NAN = float("nan")
D = Decimal


def convert(column: pa.Array, ddl_type: str) -> pa.Array:
    function = conversion(column.type, arrow_type(ddl_type))
    assert function is not None
    made = function(column)
    made.validate(full=True)
    assert made.type == arrow_type(ddl_type)
    return made


def lost(column: pa.Array, ddl_type: str) -> tuple[object, int]:
    function = conversion(column.type, arrow_type(ddl_type))
    assert function is not None
    with pytest.raises(LossError) as caught:
        function(column)
    return caught.value.value, caught.value.row


WIDER = [
    ("TINYINT", "SMALLINT"),
    ("SMALLINT", "INT"),
    ("INT", "BIGINT"),
    ("TINYINT", "FLOAT"),
    ("SMALLINT", "FLOAT"),
    ("INT", "DOUBLE"),
    ("FLOAT", "DOUBLE"),
    ("INT", "DECIMAL(10, 0)"),
    ("BIGINT", "DECIMAL(21, 2)"),
    ("DECIMAL(10, 2)", "DECIMAL(12, 4)"),
    ("ARRAY<INT>", "ARRAY<DOUBLE>"),
    ("MAP<INT, FLOAT>", "MAP<BIGINT, DOUBLE>"),
    ("STRUCT<x: INT, y: STRING>", "STRUCT<x: DOUBLE, y: STRING>"),
]


@pytest.mark.parametrize(("found", "declared"), WIDER, ids=str)
def test_a_wider_type_takes_every_value_of_a_narrower_one(found: str, declared: str) -> None:
    for case in (case for case in CASES if case.ddl_type == found):
        for kind in KINDS:
            column = case.batch(kind).column(0)
            assert same(convert(column, declared).to_pylist(), column.to_pylist())


def same(left: object, right: object) -> bool:
    """Equal as numbers, with NaN equal to itself and -0.0 to nothing else."""
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float) and isinstance(right, float):
        return repr(left) == repr(right)
    return left == right


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
def test_a_column_of_the_declared_type_is_the_same_object(case: TypeCase) -> None:
    column = case.batch("extremes").column(0)
    function = conversion(column.type, arrow_type(case.ddl_type))
    assert function is not None
    assert function(column) is column


FITTING = [
    (pa.array([2**53, None, -5]), "DOUBLE", [2.0**53, None, -5.0]),
    (pa.array([2**31 - 1, None]), "INT", [2**31 - 1, None]),
    (pa.array([0.5, NAN, -0.0, math.inf, None]), "FLOAT", [0.5, NAN, -0.0, math.inf, None]),
    (pa.array([8.0, None]), "INT", [8, None]),
    (pa.array([1], pa.uint64()), "BIGINT", [1]),
    (pa.array([255], pa.uint8()), "SMALLINT", [255]),
    (pa.array([np.float16(0.5), None], pa.float16()), "DOUBLE", [0.5, None]),
    (pa.array([D("5.00"), None]), "TINYINT", [5, None]),
    (pa.array([D("1.50")]), "DECIMAL(2, 1)", [D("1.5")]),
    (pa.array([7, None]), "DECIMAL(3, 2)", [D("7.00"), None]),
    (pa.array([1], pa.decimal256(40, 0)), "DECIMAL(1, 0)", [D(1)]),
    (pa.nulls(2), "ARRAY<INT>", [None, None]),
    (pa.nulls(1), "STRING", [None]),
    (pa.array(["a", None, "a"]).dictionary_encode(), "STRING", ["a", None, "a"]),
    (pa.array([1, 2]).dictionary_encode(), "DOUBLE", [1.0, 2.0]),
    (pc.run_end_encode(pa.array([1, 1])), "DOUBLE", [1.0, 1.0]),
    (pa.array(["a"], pa.large_string()), "STRING", ["a"]),
    (pa.array(["a"], pa.string_view()), "STRING", ["a"]),
    (pa.DictionaryArray.from_arrays([0, None], pa.array(["a"], pa.string_view())), "STRING", ["a", None]),
    (pa.DictionaryArray.from_arrays([0, None], pa.array([b"a"], pa.binary_view())), "BINARY", [b"a", None]),
    (pa.array([["a", None], None], pa.list_(pa.string_view())), "ARRAY<STRING>", [["a", None], None]),
    (pa.array([{"s": "a"}, None], pa.struct([("s", pa.string_view())])), "STRUCT<s: STRING>", [{"s": "a"}, None]),
    (pa.array([[("a", "b")], None], pa.map_(pa.string_view(), pa.string_view())), "MAP<STRING, STRING>", [[("a", "b")], None]),
    (pa.array([b"ab"], pa.binary(2)), "BINARY", [b"ab"]),
    (pa.array([0, None], pa.timestamp("s")), "TIMESTAMP_NTZ", [dt.datetime(1970, 1, 1), None]),
    (pa.array([1000], pa.timestamp("ns", "Europe/Berlin")), "TIMESTAMP", [dt.datetime(1970, 1, 1, 0, 0, 0, 1, dt.UTC)]),
    (pa.array([dt.date(2024, 2, 29)], pa.date64()), "DATE", [dt.date(2024, 2, 29)]),
    (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), "ARRAY<DOUBLE>", [[1.0, 2.0]]),
    (pa.array([[1], None], pa.large_list(pa.int64())), "ARRAY<INT>", [[1], None]),
    (pa.array([[1], None], pa.list_view(pa.int64())), "ARRAY<INT>", [[1], None]),
    (pa.array([{"b": 1, "a": 2}, None]), "STRUCT<a: DOUBLE, b: INT>", [{"a": 2.0, "b": 1}, None]),
]  # fmt: skip


@pytest.mark.parametrize(("column", "ddl_type", "expected"), FITTING, ids=lambda value: str(value)[:30].split("\n")[0])
def test_values_that_fit_are_converted(column: pa.Array, ddl_type: str, expected: list[object]) -> None:
    assert same(convert(column, ddl_type).to_pylist(), expected)
    assert same(convert(pa.concat_arrays([column, column]).slice(len(column)), ddl_type).to_pylist(), expected)


LOST = [
    (pa.array([1, None, 2**53 + 1]), "DOUBLE", (2**53 + 1, 2)),
    (pa.array([None, 16_777_217, 0], pa.int32()), "FLOAT", (16_777_217, 1)),
    (pa.array([0.5, 0.1]), "FLOAT", (0.1, 1)),
    (pa.array([1e-46]), "FLOAT", (1e-46, 0)),
    (pa.array([1e300]), "FLOAT", (1e300, 0)),
    (pa.array([1, 2**31]), "INT", (2**31, 1)),
    (pa.array([1.0, -0.0]), "BIGINT", (-0.0, 1)),
    (pa.array([1.0, 1.5]), "BIGINT", (1.5, 1)),
    (pa.array([math.inf]), "BIGINT", (math.inf, 0)),
    (pa.array([2**63], pa.uint64()), "BIGINT", (2**63, 0)),
    (pa.array([D("5.00"), D("5.10")]), "INT", (D("5.10"), 1)),
    (pa.array([D("1.25")]), "DECIMAL(5, 1)", (D("1.25"), 0)),
    (pa.array([None, 7, 10]), "DECIMAL(3, 2)", (D(10), 2)),
    (pa.array([0, 1], pa.timestamp("ns")), "TIMESTAMP_NTZ", ("1970-01-01 00:00:00.000000001", 1)),
    (pa.array([2**62], pa.timestamp("s")), "TIMESTAMP_NTZ", (2**62, 0)),
    (pa.array([0, 86_400_001]).view(pa.date64()), "DATE", (dt.date(1970, 1, 2), 1)),
    (pa.array([[1], None, [], [2, 2**40]]), "ARRAY<INT>", (2**40, 3)),
    (pa.array([None, [[1], [2, 0.5]]]), "ARRAY<ARRAY<INT>>", (0.5, 1)),
    (pa.array([[("a", 1)], None, [("b", 2**40)]], pa.map_(pa.string(), pa.int64())), "MAP<STRING, INT>", (2**40, 2)),
    (pa.array([[(1, "a")], [], [(2**40, "b")]], pa.map_(pa.int64(), pa.string())), "MAP<INT, STRING>", (2**40, 2)),
    (pa.array([{"a": 1.0}, None, {"a": 1.5}]), "STRUCT<a: INT>", (1.5, 2)),
]


@pytest.mark.parametrize(("column", "ddl_type", "expected"), LOST, ids=lambda value: str(value)[:30].split("\n")[0])
def test_the_first_value_that_would_change_is_refused_with_its_row(
    column: pa.Array, ddl_type: str, expected: tuple[object, int]
) -> None:
    value, row = lost(column, ddl_type)
    assert (str(value), row) == (str(expected[0]), expected[1])
    assert lost(pa.concat_arrays([column, column]).slice(len(column)), ddl_type)[1] == expected[1]


REFUSED = [
    ("STRING", "INT"),
    ("STRING", "BINARY"),
    ("BINARY", "STRING"),
    ("BOOLEAN", "INT"),
    ("INT", "BOOLEAN"),
    ("DECIMAL(3, 1)", "DOUBLE"),
    ("DOUBLE", "DECIMAL(3, 1)"),
    ("DATE", "TIMESTAMP"),
    ("DATE", "TIMESTAMP_NTZ"),
    ("TIMESTAMP_NTZ", "DATE"),
    ("TIMESTAMP", "TIMESTAMP_NTZ"),
    ("TIMESTAMP_NTZ", "TIMESTAMP"),
    ("TIMESTAMP", "BIGINT"),
    ("INT", "DATE"),
    ("INT", "STRING"),
    ("ARRAY<STRING>", "ARRAY<INT>"),
    ("INT", "ARRAY<INT>"),
    ("STRUCT<a: INT>", "STRUCT<a: INT, b: INT>"),
    ("STRUCT<a: INT, b: INT>", "STRUCT<a: INT>"),
    ("STRUCT<A: INT>", "STRUCT<a: INT>"),
    ("STRUCT<a: STRING>", "STRUCT<a: INT>"),
    ("MAP<STRING, STRING>", "MAP<STRING, INT>"),
    ("MAP<STRING, INT>", "STRUCT<key: INT>"),
    ("STRUCT<key: INT>", "MAP<STRING, INT>"),
]


@pytest.mark.parametrize(("found", "declared"), REFUSED, ids=str)
def test_types_that_mean_something_different_are_never_converted(found: str, declared: str) -> None:
    assert not is_convertible(arrow_type(found), arrow_type(declared))


@pytest.mark.parametrize("found", [pa.time64("us"), pa.duration("s"), pa.month_day_nano_interval()], ids=str)
def test_types_that_spark_lacks_are_never_converted(found: pa.DataType) -> None:
    assert not any(is_convertible(found, arrow_type(case.ddl_type)) for case in CASES)


def test_a_value_under_a_null_is_not_looked_at() -> None:
    column = pa.array([2**40, 1]).filter(pa.array([True, True]))
    hidden = pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\x02"), column.buffers()[1]])
    assert convert(hidden, "INT").to_pylist() == [None, 1]
    assert convert(pa.ListArray.from_arrays([0, 2], hidden), "ARRAY<INT>").to_pylist() == [[None, 1]]


# Types between which values are converted, as Python's own numbers see them.
NUMBERS = ("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE")
DECIMALS = ("DECIMAL(5, 0)", "DECIMAL(5, 2)", "DECIMAL(38, 0)", "DECIMAL(38, 10)", "DECIMAL(20, 20)")
INTEGERS = NUMBERS[:4]
PAIRS = [
    *[(found, declared) for found in NUMBERS for declared in NUMBERS if found != declared],
    *[(found, declared) for found in INTEGERS for declared in DECIMALS],
    *[(found, declared) for found in DECIMALS for declared in (*INTEGERS, *DECIMALS) if found != declared],
]
LIMITS = [sign * (2**power + step) for power in (7, 15, 24, 31, 53, 63) for step in (-1, 0, 1) for sign in (1, -1)]


def values_of(ddl_type: str) -> st.SearchStrategy[object]:
    arrow = arrow_type(ddl_type)
    if pa.types.is_floating(arrow):
        limits = st.sampled_from([float(np.float32(limit)) for limit in LIMITS])
        return st.floats(width=arrow.bit_width) | limits
    if pa.types.is_decimal(arrow):
        most = 10**arrow.precision - 1
        with_point = st.integers(-most, most) | st.sampled_from(
            [v * 10**arrow.scale for v in LIMITS if abs(v) * 10**arrow.scale <= most] or [0]
        )
        return with_point.map(lambda unscaled: D(f"{unscaled}E{-arrow.scale}"))
    bits = arrow.bit_width - 1
    return st.integers(-(2**bits), 2**bits - 1) | st.sampled_from([v for v in LIMITS if -(2**bits) <= v < 2**bits])


@given(st.data(), st.sampled_from(PAIRS))
def test_a_conversion_comes_back_exactly_and_is_refused_only_where_it_cannot(
    data: st.DataObject, pair: tuple[str, str]
) -> None:
    found, declared = map(arrow_type, pair)
    value = data.draw(values_of(pair[0]))
    column = pa.array([None, value], found)
    function, back = conversion(found, declared), conversion(declared, found)
    assert function is not None
    assert back is not None
    if is_in(value, declared):
        assert same(back(function(column)).to_pylist(), column.to_pylist())
    else:
        assert same(lost(column, pair[1]), (value, 1))


def is_in(value: object, arrow: pa.DataType) -> bool:
    """Whether a type holds a Python number, decided by fractions of integers."""
    if isinstance(value, float) and not math.isfinite(value):
        return bool(pa.types.is_floating(arrow))
    assert isinstance(value, int | float | Decimal)
    if pa.types.is_floating(arrow):
        with np.errstate(over="ignore"):
            return float(np.dtype(arrow.to_pandas_dtype()).type(float(value))) == value
    if pa.types.is_decimal(arrow):
        unscaled = _scaled(D(value), arrow.scale)
        return unscaled is not None and abs(unscaled) < 10**arrow.precision
    is_negative_zero = isinstance(value, float) and value == 0 and math.copysign(1, value) < 0
    return (
        value == int(value)
        and not is_negative_zero
        and -(2 ** (arrow.bit_width - 1)) <= value < 2 ** (arrow.bit_width - 1)
    )


def _scaled(value: Decimal, scale: int) -> int | None:
    """The value times a power of ten if that is whole; with integers, since a Decimal's context would round."""
    numerator, denominator = value.as_integer_ratio()
    return numerator * 10**scale // denominator if numerator * 10**scale % denominator == 0 else None
