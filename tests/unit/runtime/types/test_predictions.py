from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml.errors import OutputError
from pyml.types.predictions import arrow_from_frame
from pyml.types.schema import Schema

NAN = float("nan")


def _refusal(column: object, ddl_type: str) -> str:
    with pytest.raises(OutputError) as raised:
        arrow_from_frame(pd.DataFrame({"p": column}), Schema(f"p {ddl_type}"), 1)
    return str(raised.value)


@pytest.mark.parametrize(
    ("column", "ddl_type", "words"),
    [
        (np.array([1]), "DOUBLE", "declared DOUBLE, found int64"),
        (np.array([1], np.int64), "INT", "found int64"),
        (np.array([1.0], np.float32), "DOUBLE", "found float32"),
        (np.array([1.0]), "FLOAT", "found float64"),
        (np.array([1.0]), "BIGINT", "found float64"),
        (np.array([True]), "INT", "found bool"),
        (pd.Series([1], dtype=object), "BIGINT", "found object"),
        (pd.Series([1.5], dtype=object), "STRING", "1.5 (float) in row 0"),
        (pd.Series([NAN], dtype=object), "STRING", "nan (float) in row 0"),
        (pd.Series([b"x"], dtype=object), "STRING", "b'x' (bytes)"),
        (pd.Series(["x"], dtype=object), "BINARY", "'x' (str)"),
        (pd.Series([1.5], dtype=object), "DECIMAL(10, 2)", "1.5 (float)"),
        (pd.Series([Decimal("1.234")], dtype=object), "DECIMAL(10, 2)", "data loss"),
        (pd.Series([Decimal("NaN")], dtype=object), "DECIMAL(10, 2)", "Decimal('NaN')"),
        (pd.Series([[1.5]], dtype=object), "ARRAY<BIGINT>", "[1.5] (list)"),
        (pd.Series([[1]], dtype=object), "ARRAY<DOUBLE>", "[1] (list)"),
        (pd.Series([[True]], dtype=object), "ARRAY<INT>", "[True]"),
        (pd.Series([[2**40]], dtype=object), "ARRAY<INT>", "declared ARRAY<INT>"),
        (pd.Series([[0.1]], dtype=object), "ARRAY<FLOAT>", "[0.1]"),
        (pd.Series([{"x": 1, "z": 2}], dtype=object), "STRUCT<x: INT>", "{'x': 1, 'z': 2}"),
        (pd.Series([{}], dtype=object), "STRUCT<x: INT>", "{}"),
        (pd.Series([[("a", 1)]], dtype=object), "MAP<STRING, INT>", "('a', 1)"),
        (pd.to_datetime(["2020-01-01"]), "TIMESTAMP", 'tz_localize("UTC")'),
        (pd.to_datetime(["2020-01-01"], utc=True), "TIMESTAMP_NTZ", "tz_localize(None)"),
        (pd.to_datetime(["2020-01-01 05:00"]), "DATE", "cannot hold 2020-01-01 05:00:00 (row 0)"),
        (
            pd.to_datetime(["2020-01-01 00:00:00.000000001"]),
            "TIMESTAMP_NTZ",
            "cannot hold 2020-01-01 00:00:00.000000001 (row 0)",
        ),
        (pd.Series(["a"], dtype="category"), "STRING", "found category"),
        (pd.array([pd.NA], "Float64"), "DOUBLE NOT NULL", "NOT NULL and holds 1 nulls, the first in row 0"),
    ],
)
def test_nothing_is_coerced(column: object, ddl_type: str, words: str) -> None:
    assert words in _refusal(column, ddl_type)


@pytest.mark.parametrize(
    ("column", "ddl_type", "expected"),
    [
        (np.array([NAN]), "DOUBLE", [NAN]),
        (pd.array([pd.NA], "Float64"), "DOUBLE", [None]),
        (pd.Series([1]).astype(pd.ArrowDtype(pa.int32())), "INT", [1]),
        (pd.array(["a"], dtype="string"), "STRING", ["a"]),
        (pd.array([pd.NA], dtype="string"), "STRING", [None]),
        (pd.Series([pd.NA], dtype=object), "STRING", [None]),
        (pd.Series([np.array([1.5])], dtype=object), "ARRAY<DOUBLE>", [[1.5]]),
        (pd.to_datetime(["2020-01-01"]).astype("datetime64[ns]"), "DATE", [pd.Timestamp("2020-01-01").date()]),
        (pd.DatetimeIndex(["NaT"]), "DATE", [None]),
        (pd.to_datetime(["2020-01-01"], utc=True).tz_convert("America/New_York"), "TIMESTAMP", [pd.Timestamp("2020-01-01", tz="UTC")]),
    ],
)  # fmt: skip
def test_every_dtype_that_can_hold_the_type_is_taken(column: object, ddl_type: str, expected: list[object]) -> None:
    batch = arrow_from_frame(pd.DataFrame({"p": column}), Schema(f"p {ddl_type}"), 1)
    assert repr(batch.column(0).to_pylist()) == repr(expected) or batch.column(0).to_pylist() == expected


def test_every_wrong_column_is_listed() -> None:
    frame = pd.DataFrame({"p": [1.0, 2.0], "extra": [1, 2], "q": [1, 2]})
    with pytest.raises(OutputError) as raised:
        arrow_from_frame(frame, Schema("p DOUBLE, q DOUBLE, r INT"), 3)
    text = str(raised.value)
    for words in (
        "`r` is missing",
        "`extra` is not declared",
        "3 rows in, 2 rows out",
        "`q` is declared DOUBLE",
    ):
        assert words in text
    assert len(raised.value.problems) == 4


@pytest.mark.parametrize("returned", [None, np.zeros(3), pd.Series([1.0]), {"p": [1.0]}])
def test_something_else_than_a_frame_is_refused(returned: object) -> None:
    with pytest.raises(OutputError, match=f"got {type(returned).__name__}"):
        arrow_from_frame(returned, Schema("p DOUBLE"), 3)


def test_order_of_columns_and_index_do_not_matter() -> None:
    frame = pd.DataFrame({"q": [1.0, 2.0], "p": [3.0, 4.0]}, index=[7, 3])
    batch = arrow_from_frame(frame, Schema("p DOUBLE, q DOUBLE"), 2)
    assert batch.to_pydict() == {"p": [3.0, 4.0], "q": [1.0, 2.0]}


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=["p", "p"])
    with pytest.raises(OutputError, match="more than once"):
        arrow_from_frame(frame, Schema("p DOUBLE"), 1)
