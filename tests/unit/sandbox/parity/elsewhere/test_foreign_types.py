"""A table and a server have their own numbers and texts: what is made one type, and what stays different."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from pyml.errors import UsageError
from pyml_sandbox.parity.elsewhere.foreign_check import _as, _as_key, _asked_rows


@pytest.mark.parametrize(
    ("values", "found", "wanted", "becomes"),
    [
        ([1, None], pa.int32(), pa.int64(), pa.int64()),
        ([1, 300], pa.int64(), pa.int8(), pa.int64()),
        ([1.0, 2.0], pa.float64(), pa.int64(), pa.int64()),
        ([1.5, 2.0], pa.float64(), pa.int64(), pa.float64()),
        ([1, 2], pa.int64(), pa.float64(), pa.float64()),
        ([2**53 + 1], pa.int64(), pa.float64(), pa.int64()),
        ([0.1, None, math.inf, math.nan], pa.float64(), pa.float32(), pa.float32()),
        ([1e300], pa.float64(), pa.float32(), pa.float64()),
        ([0.5], pa.float32(), pa.float64(), pa.float64()),
        (["1"], pa.string(), pa.int64(), pa.string()),
        ([True], pa.bool_(), pa.int64(), pa.bool_()),
    ],
)
def test_numbers_get_the_type_of_the_answers_where_that_holds_them(
    values: list[Any], found: pa.DataType, wanted: pa.DataType, becomes: pa.DataType
) -> None:
    assert _as(pa.chunked_array([values], found), wanted).type == becomes


@pytest.mark.parametrize(
    ("values", "found", "wanted"),
    [([1], pa.int32(), pa.int64()), ([1], pa.int64(), pa.int32()), (["a"], pa.large_string(), pa.string())],
)
def test_keys_get_the_type_of_the_query(values: list[Any], found: pa.DataType, wanted: pa.DataType) -> None:
    assert _as_key(pa.chunked_array([values], found), pa.field("k", wanted), "t").type == wanted


@pytest.mark.parametrize(
    ("values", "found", "wanted"),
    [([2**40], pa.int64(), pa.int32()), (["1"], pa.string(), pa.int64()), ([1.0], pa.float64(), pa.int64())],
)
def test_keys_of_different_kinds_are_a_fault_of_the_command(
    values: list[Any], found: pa.DataType, wanted: pa.DataType
) -> None:
    with pytest.raises(UsageError, match="key column k is"):
        _as_key(pa.chunked_array([values], found), pa.field("k", wanted), "t")


def test_rows_of_the_query_are_kept_whatever_else_the_table_holds() -> None:
    whole = pa.table({"k": [3, 1, 2, 9], "p": [[3.0], [1.0], [2.0], [9.0]]})
    asked = pa.table({"k": [1, 2, 3, 4]})
    assert _asked_rows(whole, asked).to_pydict() == {"k": [3, 1, 2], "p": [[3.0], [1.0], [2.0]]}
    assert _asked_rows(whole, asked.slice(0, 0)).num_rows == 0
