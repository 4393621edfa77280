"""A frame as one tensor for each column: what arrives exactly, and what is refused by column and reason."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.error_code import ErrorCode
from pyml.errors import InputError
from pyml.oip.columns import batch_from_columns, columns_from_batch, datatype_of_column
from pyml.types.schema import Schema
from pyml.types.spark_types import ddl_type_of

NAN = float("nan")


def texts(*values: bytes) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def read(ddl: str, **columns: np.ndarray) -> dict[str, list[object]]:
    found: dict[str, list[object]] = batch_from_columns(columns, Schema(ddl)).to_pydict()
    return found


def refused(ddl: str, **columns: np.ndarray) -> list[tuple[ErrorCode | None, str]]:
    with pytest.raises(InputError) as caught:
        batch_from_columns(columns, Schema(ddl))
    return [(problem.code, problem.message) for problem in caught.value.problems]


KEPT = [
    ("a BOOLEAN", np.array([True, False]), [True, False]),
    ("a TINYINT", np.array([-128, 127], "int8"), [-128, 127]),
    ("a TINYINT", np.array([-128, 127], "int64"), [-128, 127]),
    ("a BIGINT", np.array([1, 2], "int8"), [1, 2]),
    ("a BIGINT", np.array([2**63 - 1], "uint64"), [2**63 - 1]),
    ("a INT", np.array([7], "uint8"), [7]),
    ("a DOUBLE", np.array([0.5, np.inf], "float32"), [0.5, np.inf]),
    ("a FLOAT", np.array([0.5, -np.inf], "float64"), [0.5, -np.inf]),
    ("a DOUBLE", np.array([0.5], "float16"), [0.5]),
    ("a STRING", texts(b"", "é".encode(), b"a\0"), ["", "é", "a\0"]),
    ("a BINARY", texts(b"", b"\xff\0"), [b"", b"\xff\0"]),
    ("a DOUBLE", np.array([[1.0], [2.0]]), [1.0, 2.0]),
    ("a DOUBLE", np.array([], "float64"), []),
    ("a DOUBLE", np.array([1, 2]), [1.0, 2.0]),
    ("a BIGINT", np.array([1.0]), [1]),
    ("a DECIMAL(4, 1)", np.array([7]), [Decimal("7.0")]),
]


@pytest.mark.parametrize(("ddl", "array", "values"), KEPT)
def test_values_arrive_exactly_whatever_width_of_their_kind_they_come_in(
    ddl: str, array: np.ndarray, values: list[object]
) -> None:
    assert read(ddl, a=array) == {"a": values}
    assert batch_from_columns({"a": array}, Schema(ddl)).schema == Schema(ddl).arrow


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_stays_nan_and_the_sign_of_zero_stays(dtype: str) -> None:
    nan, zero = read("a DOUBLE", a=np.array([NAN, -0.0], dtype))["a"]
    assert isinstance(nan, float)
    assert np.isnan(nan)
    assert np.signbit(zero)  # type: ignore[call-overload]


LOST = [
    ("a TINYINT", np.array([1, 128], "int64"), "cannot hold 128 (row 1)"),
    ("a BIGINT", np.array([2**63], "uint64"), "cannot hold 9223372036854775808 (row 0)"),
    ("a INT", np.array([-(2**31) - 1], "int64"), "cannot hold -2147483649"),
    ("a FLOAT", np.array([0.1], "float64"), "cannot hold 0.1"),
    ("a FLOAT", np.array([1e300], "float64"), "cannot hold 1e+300"),
    ("a DOUBLE", np.array([2**53 + 1]), "cannot hold 9007199254740993 (row 0)"),
    ("a BIGINT", np.array([1.0, 1.5]), "cannot hold 1.5 (row 1)"),
]


@pytest.mark.parametrize(("ddl", "array", "words"), LOST)
def test_a_value_that_the_declared_type_cannot_hold_is_refused_with_its_row(
    ddl: str, array: np.ndarray, words: str
) -> None:
    ((code, message),) = refused(ddl, a=array)
    assert code is ErrorCode.COLUMN_VALUE
    assert words in message


OTHER_KINDS = [
    ("a BOOLEAN", np.array([1], "int8"), "is INT8, declared BOOLEAN"),
    ("a INT", np.array([True]), "is BOOL, declared INT"),
    ("a STRING", np.array([1.0]), "is FP64, declared STRING"),
    ("a DOUBLE", texts(b"1.0"), "is BYTES, declared DOUBLE"),
]


@pytest.mark.parametrize(("ddl", "array", "words"), OTHER_KINDS)
def test_a_column_of_another_kind_is_refused_and_never_converted(ddl: str, array: np.ndarray, words: str) -> None:
    ((code, message),) = refused(ddl, a=array)
    assert code is ErrorCode.COLUMN_TYPE
    assert words in message


def test_bytes_that_are_no_text_are_refused() -> None:
    ((code, message),) = refused("a STRING", a=texts(b"fine", b"\xff"))
    assert code is ErrorCode.COLUMN_VALUE
    assert "not UTF-8" in message


@pytest.mark.parametrize("ddl", ["a DATE", "a DECIMAL(3, 1)", "a ARRAY<DOUBLE>", "a TIMESTAMP", "a STRUCT<x: INT>"])
def test_types_that_no_tensor_carries_are_refused_on_either_side(ddl: str) -> None:
    ((code, message),) = refused(ddl, a=np.array([1.0]))
    assert code is ErrorCode.CANNOT_CARRY
    assert "which no tensor carries" in message
    with pytest.raises(InputError, match="which no tensor carries"):
        columns_from_batch(pa.RecordBatch.from_arrays([pa.nulls(1, Schema(ddl).arrow.field("a").type)], ["a"]))


def test_every_column_that_is_missing_or_unknown_is_listed_and_nothing_else_then() -> None:
    found = refused("a DOUBLE, b BIGINT, c STRING", b=np.array([1.0]), d=np.array([1.0]))
    assert found == [
        (ErrorCode.COLUMN_MISSING, "column `a` is missing"),
        (ErrorCode.COLUMN_MISSING, "column `c` is missing"),
        (ErrorCode.COLUMN_UNDECLARED, "column `d` is not declared"),
    ]


def test_every_column_that_does_not_fit_is_listed() -> None:
    found = refused("a BIGINT, b TINYINT", a=np.array([True]), b=np.array([300]))
    assert [code for code, _ in found] == [ErrorCode.COLUMN_TYPE, ErrorCode.COLUMN_VALUE]


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.zeros((1, 1, 1)), np.array(1.0)])
def test_a_column_of_another_shape_is_refused(array: np.ndarray) -> None:
    ((code, message),) = refused("a DOUBLE", a=array)
    assert code is ErrorCode.TENSOR_SHAPE
    assert str(list(array.shape)) in message


def test_columns_of_several_lengths_are_refused_each_with_its_own() -> None:
    found = refused("a DOUBLE, b DOUBLE", a=np.zeros(2), b=np.zeros(3))
    assert [message for _, message in found] == [
        "column `a` has 2 rows, other columns have a different number",
        "column `b` has 3 rows, other columns have a different number",
    ]


def test_columns_come_in_any_order_and_leave_in_the_declared_one() -> None:
    assert list(read("a DOUBLE, b BIGINT", b=np.array([1]), a=np.array([0.5]))) == ["a", "b"]


# ---- the way back


@pytest.mark.parametrize(
    ("values", "arrow"),
    [
        ([True, False], pa.bool_()),
        ([-128, 127], pa.int8()),
        ([2**63 - 1], pa.int64()),
        ([0.5], pa.float32()),
        ([0.1], pa.float64()),
        (["é", ""], pa.string()),
        ([b"\xff"], pa.binary()),
        ([], pa.float64()),
    ],
)
def test_what_goes_out_comes_back(values: list[object], arrow: pa.DataType) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(values, arrow)], ["a"])
    array = columns_from_batch(batch)["a"]
    assert batch_from_columns({"a": array}, Schema(f"a {ddl_type_of(arrow)}")).column("a").to_pylist() == values


def test_a_null_is_refused_with_the_first_row_that_has_one() -> None:
    with pytest.raises(InputError, match=r"column `a` holds null \(row 1\), which no tensor carries") as caught:
        columns_from_batch(pa.RecordBatch.from_pydict({"a": [1.0, None, None], "b": [1, 2, 3]}))
    assert [problem.code for problem in caught.value.problems] == [ErrorCode.CANNOT_CARRY]


def test_every_column_that_cannot_go_is_listed() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"a": [None, 1], "b": [datetime.date(2024, 1, 1)] * 2, "c": [Decimal("0.1")] * 2}
    )
    with pytest.raises(InputError) as caught:
        columns_from_batch(batch)
    assert [problem.message.split("`")[1] for problem in caught.value.problems] == ["a", "b", "c"]


@given(st.lists(st.floats(width=32)))
def test_every_single_goes_through_a_double_and_back(values: list[float]) -> None:
    single = np.array(values, "float32")
    (column,) = batch_from_columns({"a": single.astype("float64")}, Schema("a FLOAT")).columns
    assert np.array_equal(column.to_numpy(zero_copy_only=False), single, equal_nan=True)


def test_what_a_tensor_carries_is_known_by_type() -> None:
    assert datatype_of_column(pa.string()) == "BYTES"
    assert datatype_of_column(pa.date32()) is None
