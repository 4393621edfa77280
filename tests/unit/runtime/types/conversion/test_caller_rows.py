"""Rows of a Python program: the dtypes that a frame may have, what is refused, and the hint for Python."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError
from pyml.types.conversion.caller_rows import batch_from_frame, batch_from_values
from pyml.types.frame import frame_from_arrow
from pyml.types.schema import Schema
from support.type_matrix import MATRIX, TypeCase

NAN = float("nan")


@pytest.mark.parametrize(("case", "kind", "not_null"), MATRIX)
def test_the_frame_that_predict_gets_is_taken_back_exactly(case: TypeCase, kind: str, not_null: bool) -> None:
    schema, batch = case.schema(not_null=not_null), case.batch(kind, not_null=not_null)
    again = batch_from_frame(frame_from_arrow(batch, schema), schema)
    again.validate(full=True)
    assert again.schema == schema.arrow
    assert repr(again.to_pylist()) == repr(batch.to_pylist())


TAKEN = [
    (np.array([1, 2]), "DOUBLE", [1.0, 2.0]),
    (np.array([1.0, 2.0]), "INT", [1, 2]),
    (np.array([1], ">i4"), "INT", [1]),
    (np.array([0.5], np.float16), "FLOAT", [0.5]),
    (np.array([NAN, 1.0]), "DOUBLE", [NAN, 1.0]),
    (pd.array([1, None], "Int64"), "DOUBLE", [1.0, None]),
    (pd.array([1.5, None], "Float64"), "DOUBLE", [1.5, None]),
    (pd.Series([1, None], dtype=pd.ArrowDtype(pa.int64())), "INT", [1, None]),
    (pd.Series([1, 2.5, None], dtype=object), "DOUBLE", [1.0, 2.5, None]),
    (pd.Series([1, 2], dtype=object), "BIGINT", [1, 2]),
    (pd.Series(["a", None, NAN, pd.NA], dtype=object), "STRING", ["a", None, None, None]),
    (pd.Series(["a", None], dtype="string"), "STRING", ["a", None]),
    (pd.Series(["a", None]), "STRING", ["a", None]),
    (pd.Series(["a", None, "a"], dtype="category"), "STRING", ["a", None, "a"]),
    (pd.Series([1, 2], dtype="category"), "DOUBLE", [1.0, 2.0]),
    (pd.Series([Decimal("1.5"), NAN], dtype=object), "DECIMAL(5, 2)", [Decimal("1.50"), None]),
    (pd.to_datetime(pd.Series(["2024-02-29", None])), "DATE", [pd.Timestamp("2024-02-29").date(), None]),
    (pd.Series([[1, 2], None], dtype=object), "ARRAY<DOUBLE>", [[1.0, 2.0], None]),
]


@pytest.mark.parametrize(("column", "ddl_type", "expected"), TAKEN, ids=lambda value: str(value)[:30].split("\n")[0])
def test_every_dtype_that_loses_nothing_is_taken(column: object, ddl_type: str, expected: list[object]) -> None:
    batch = batch_from_frame(pd.DataFrame({"c": column}), Schema(f"c {ddl_type}"))
    assert repr(batch.column(0).to_pylist()) == repr(expected)


REFUSED = [
    (np.array([1, 2**53 + 1]), "DOUBLE", "cannot hold 9007199254740993 (row 1)", 'change it on purpose: frame["c"].astype("Float64")'),
    (np.array([0.1]), "FLOAT", "cannot hold 0.1 (row 0)", 'frame["c"].astype("Float32")'),
    (np.array([1.0, NAN]), "INT", "cannot hold nan (row 1)", 'NaN is a value, not null; for null: frame["c"].astype("Int32")'),
    (pd.Series(["1"]), "DOUBLE", "is str, declared DOUBLE", 'in Python: frame["c"].astype("Float64")'),
    (pd.Series(["1"], dtype=object), "DOUBLE", "cannot hold '1' (str) (row 0)", 'frame["c"].astype("Float64")'),
    (np.array([1]), "STRING", "is int64, declared STRING", 'in Python: frame["c"].astype("string")'),
    (np.array([True]), "INT", "is bool, declared INT", 'frame["c"].astype("Int32")'),
    (pd.to_datetime(["2024-01-01"]), "TIMESTAMP", "declared TIMESTAMP", 'frame["c"].dt.tz_localize("UTC")'),
    (pd.to_datetime(["2024-01-01"], utc=True), "TIMESTAMP_NTZ", "declared TIMESTAMP_NTZ", ".dt.tz_localize(None)"),
    (pd.to_datetime(["2024-01-01 05:00"]), "DATE", "cannot hold 2024-01-01 05:00:00 (row 0)", 'frame["c"].dt.floor("D")'),
    (pd.Series(["2024-01-01"], dtype=object), "DATE", "cannot hold '2024-01-01' (str) (row 0)", 'pd.to_datetime(frame["c"])'),
    (pd.to_timedelta(["1s"]), "DOUBLE", "is timedelta64", "astype"),
    (np.array([1 + 2j]), "DOUBLE", "is complex128, declared DOUBLE", "astype"),
    (pd.Series([0.0], dtype="Sparse[float]"), "DOUBLE", "is Sparse[float64, nan], declared DOUBLE", "astype"),
    (pd.Series([None, "x"], dtype=object), "STRING NOT NULL", "the first in row 0", 'fill the nulls: frame["c"].fillna(…)'),
    (pd.Series([1], dtype=object), "ARRAY<INT>", "cannot hold 1 (int) (row 0)", "give a list in each row"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "ddl", "words", "hint"), REFUSED)
def test_what_loses_is_refused_with_row_and_column_and_a_hint_for_pandas(
    column: object, ddl: str, words: str, hint: str
) -> None:
    with pytest.raises(InputError) as caught:
        batch_from_frame(pd.DataFrame({"c": column}), Schema(f"c {ddl}"))
    (problem,) = caught.value.problems
    assert "column `c`" in problem.message
    assert words in problem.message
    assert hint in problem.hint
    assert "SQL" not in problem.hint


def test_every_wrong_column_of_a_frame_is_listed() -> None:
    frame = pd.DataFrame([[1, 1, 2, 3]], columns=["a", "b", "b", "z"])
    with pytest.raises(InputError) as caught:
        batch_from_frame(frame, Schema("a STRING, b INT, c INT"))
    assert [problem.code for problem in caught.value.problems] == [
        ErrorCode.COLUMN_TYPE,
        ErrorCode.COLUMN_REPEATED,
        ErrorCode.COLUMN_MISSING,
        ErrorCode.COLUMN_UNDECLARED,
    ]
    assert "the frame has: a, b, b, z" in str(caught.value)
    assert "keep frame[['a', 'b', 'c']]" in str(caught.value)


def test_columns_of_plain_values_are_rows() -> None:
    schema = Schema("distance DOUBLE NOT NULL, hour INT NOT NULL, who STRING")
    columns: dict[str, Sequence[object] | np.ndarray] = {
        "hour": np.array([8, 9]),
        "distance": [3, 2.5],
        "who": (None, "x"),
    }
    assert batch_from_values(columns, schema).to_pylist() == [
        {"distance": 3.0, "hour": 8, "who": None},
        {"distance": 2.5, "hour": 9, "who": "x"},
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [1.5], "b": ["x"]}, "column `a` is declared INT, which cannot hold 1.5 (row 0)"),
        ({"a": [None], "b": ["x"]}, "give every row a value"),
        ({"a": ["1"], "b": ["x"]}, "give an int"),
        ({"a": np.array(["1"]), "b": ["x"]}, "give an int"),
        ({"a": [1], "b": [2]}, "give a str"),
        ({"a": [1]}, "the dict has: a"),
        ({"a": [1, 2], "b": ["x"]}, "the columns have different lengths: {'a': 2, 'b': 1}"),
    ],
)
def test_plain_values_that_do_not_fit_are_refused_with_a_hint_for_plain_values(
    columns: dict[str, list[object]], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        batch_from_values(columns, Schema("a INT NOT NULL, b STRING"))
    assert words in str(caught.value)
    assert "frame" not in str(caught.value)
