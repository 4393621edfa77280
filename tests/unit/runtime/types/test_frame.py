"""The type rule: each type x {plain, nulls, extremes, empty} reaches `predict` as documented and comes back exactly."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError
from pyml.types.conversion.row_source import RowSource
from pyml.types.declared_rows import conform
from pyml.types.dtypes import dtype_of
from pyml.types.frame import frame_from_arrow
from pyml.types.predictions import arrow_from_frame
from pyml.types.schema import Schema
from support.type_matrix import CASES, MATRIX, TypeCase


@pytest.mark.parametrize(("case", "kind", "not_null"), MATRIX)
def test_reaches_predict_in_the_documented_dtype_and_comes_back_exactly(
    case: TypeCase, kind: str, not_null: bool
) -> None:
    schema, batch = case.schema(not_null=not_null), case.batch(kind, not_null=not_null)
    frame = frame_from_arrow(batch, schema)
    assert str(frame["c"].dtype) == (case.dtype_not_null if not_null else case.dtype) == dtype_of(schema.fields[0])
    returned = arrow_from_frame(frame, schema, batch.num_rows)
    returned.validate(full=True)
    assert returned.schema == schema.arrow
    assert repr(returned.to_pylist()) == repr(batch.to_pylist())  # repr tells NaN, -0.0 and None apart


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
def test_objects_are_plain_python_values_with_none_for_null(case: TypeCase) -> None:
    frame = frame_from_arrow(case.batch("nulls"), case.schema())
    if case.dtype == "object":
        assert frame["c"].tolist() == [None, *case.plain, None]
    else:
        assert frame["c"].isna().tolist() == [True, *(False for _ in case.plain), True]


def test_nan_and_null_stay_apart() -> None:
    schema = Schema("c DOUBLE")
    frame = frame_from_arrow(pa.RecordBatch.from_pydict({"c": [float("nan"), None]}, schema=schema.arrow), schema)
    assert arrow_from_frame(frame, schema, 2).column(0).null_count == 1


def test_a_frame_owns_its_memory_and_its_index() -> None:
    schema = Schema("a DOUBLE NOT NULL, b BIGINT, s STRING")
    batch = pa.RecordBatch.from_pydict({"a": [1.0], "b": [1], "s": ["x"]}, schema=schema.arrow)
    first = frame_from_arrow(batch, schema)
    first["a"], first["b"], first["s"] = 9.0, 9, "changed"
    first["new"] = 1
    first.columns.name = "mine"
    second = frame_from_arrow(batch, schema)
    assert second.to_dict("records") == [{"a": 1.0, "b": 1, "s": "x"}]
    assert second.columns.name is None


@pytest.mark.parametrize("names", ["ab", "a"])
def test_a_model_that_writes_into_its_numbers_changes_no_row_of_its_caller(names: str) -> None:
    schema = Schema(", ".join(f"{name} DOUBLE NOT NULL" for name in names))
    batch = pa.RecordBatch.from_pydict({name: [1.0, 2.0] for name in names}, schema=schema.arrow)
    frame = frame_from_arrow(batch, schema)
    frame.iloc[:, :] = 9.0
    assert set(batch.to_pydict()["a"]) == {1.0, 2.0}


def test_columns_are_found_by_name_and_come_in_declared_order() -> None:
    schema = Schema("a DOUBLE NOT NULL, b BIGINT NOT NULL")
    frame = frame_from_arrow(pa.RecordBatch.from_pydict({"b": pa.array([1]), "a": [2.0]}), schema)
    assert frame.to_dict("records") == [{"a": 2.0, "b": 1}]


def test_every_column_that_does_not_fit_is_listed_with_its_fix() -> None:
    schema = Schema("a DOUBLE NOT NULL, b BIGINT, c STRING, d INT NOT NULL")
    batch = pa.RecordBatch.from_pydict({"a": ["1"], "c": ["x"], "d": pa.array([None], pa.int32()), "z": [0]})
    with pytest.raises(InputError) as raised:
        frame_from_arrow(batch, schema, RowSource.SQL)
    text = str(raised.value)
    for expected in (
        "`a` is STRING, declared DOUBLE",
        "CAST(a AS DOUBLE)",
        "`b` is missing",
        "`d` is declared NOT NULL and holds 1 nulls, the first in row 0",
        "`z` is not declared",
    ):
        assert expected in text
    assert len(raised.value.problems) == 4


def test_a_column_of_a_different_type_is_converted_where_no_value_changes() -> None:
    schema = Schema("a DOUBLE NOT NULL, b INT, c FLOAT, d ARRAY<BIGINT>")
    batch = pa.RecordBatch.from_pydict({"a": [1], "b": [None], "c": [0.5], "d": pa.array([[1]], pa.list_(pa.int8()))})
    assert conform(batch, schema).schema == schema.arrow
    assert conform(batch, schema).to_pylist() == [{"a": 1.0, "b": None, "c": 0.5, "d": [1]}]


def test_every_value_that_would_change_is_refused_with_its_row_and_column() -> None:
    schema = Schema("a DOUBLE, b INT, c FLOAT")
    batch = pa.RecordBatch.from_pydict({"a": [1, 2**53 + 1], "b": [1, 2**31], "c": [0.5, 0.1]})
    with pytest.raises(InputError) as raised:
        conform(batch, schema, RowSource.SQL)
    assert [(problem.message, problem.code) for problem in raised.value.problems] == [
        ("column `a` is declared DOUBLE, which cannot hold 9007199254740993 (row 1)", ErrorCode.COLUMN_VALUE),
        ("column `b` is declared INT, which cannot hold 2147483648 (row 1)", ErrorCode.COLUMN_VALUE),
        ("column `c` is declared FLOAT, which cannot hold 0.1 (row 1)", ErrorCode.COLUMN_VALUE),
    ]


def test_columns_of_the_declared_types_are_neither_copied_nor_looked_at() -> None:
    schema = Schema("a DOUBLE, b INT")
    same = pa.RecordBatch.from_arrays([pa.array([1.0]), pa.array([1], pa.int32())], schema=schema.arrow)
    assert conform(same, schema) is same
    one_differs = pa.RecordBatch.from_pydict({"a": pa.array([1.0]), "b": pa.array([1])})
    kept = conform(one_differs, schema).column("a")
    assert kept.buffers()[1].address == one_differs.column("a").buffers()[1].address


@pytest.mark.parametrize("encoding", [pa.large_string(), pa.string()])
def test_the_encoding_of_a_value_may_differ(encoding: pa.DataType) -> None:
    schema = Schema("s STRING NOT NULL")
    batch = pa.RecordBatch.from_arrays([pa.array(["x"], type=encoding)], names=["s"])
    assert frame_from_arrow(batch, schema)["s"].tolist() == ["x"]


def test_the_documented_table_is_this_one() -> None:
    documented = (Path(__file__).parents[4] / "docs" / "reference" / "types.md").read_text(encoding="utf-8")
    for case in CASES[:14]:
        name = case.ddl_type.split("(")[0]
        row = next(line for line in documented.splitlines() if line.startswith(f"| {name} |") or f"`{name}`" in line)
        assert f"`{case.dtype}`" in row
        assert f"`{case.dtype_not_null}`" in row
