"""Schema.frame: any frame as `predict` would get it, by the conversions of both paths."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml.errors import InputError, UsageError
from pyml.types.any_frame import AnyFrame
from pyml.types.frame import frame_from_arrow
from pyml.types.schema import Schema
from support.type_matrix import CASES, KINDS, TypeCase

SCHEMA = Schema("age DOUBLE NOT NULL, visits INT, city STRING, seen TIMESTAMP_NTZ")
COLUMNS = {
    "label": pa.array([0, 1]),
    "city": pa.array([None, "Rome"]),
    "visits": pa.array([None, 2]),
    "age": pa.array([31, 44]),
    "seen": pa.array([0, None], pa.timestamp("ns")),
}
TABLE = pa.table(COLUMNS)


class Stream:
    """A frame of a library that pyml does not know, with Arrow's view types, as Polars has them."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        table = pa.table({**COLUMNS, "city": COLUMNS["city"].cast(pa.string_view())})
        return table.__arrow_c_stream__(requested_schema)


class Collected:
    """A DataFrame of Spark, as far as it is asked: its own stream fails on timestamps over Spark Connect."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        raise AssertionError

    def toArrow(self) -> pa.Table:  # noqa: N802 - Spark's own name for it
        return TABLE


PANDAS = pd.DataFrame(
    {
        "age": [31, 44],
        "visits": pd.array([None, 2], "Int64"),
        "city": pd.Series([np.nan, "Rome"], dtype=object),
        "seen": pd.to_datetime(pd.Series(["1970-01-01", None])),
        "label": [0, 1],
    }
).set_axis([7, 7])
FRAMES: dict[str, AnyFrame] = {
    "a table": TABLE,
    "a batch": TABLE.to_batches()[0],
    "a reader": TABLE.to_reader(),
    "a stream": Stream(),
    "Spark": Collected(),
    "pandas": PANDAS,
    "pandas on Arrow": TABLE.to_pandas(types_mapper=pd.ArrowDtype),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_of_any_library_becomes_the_frame_that_predict_gets(name: str) -> None:
    found = SCHEMA.frame(FRAMES[name])
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {
        "age": "float64",
        "visits": "Int32",
        "city": "object",
        "seen": "datetime64[us]",
    }
    assert found.index.tolist() == [0, 1]
    assert found["age"].tolist() == [31.0, 44.0]
    assert found["visits"].tolist() == [pd.NA, 2]
    assert found["city"].tolist() == [None, "Rome"]
    assert found["seen"].tolist() == [pd.Timestamp(0), pd.NaT]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
def test_every_type_arrives_as_on_both_paths(case: TypeCase, kind: str) -> None:
    schema, batch = case.schema(), case.batch(kind)
    expected = frame_from_arrow(batch, schema)
    pd.testing.assert_frame_equal(schema.frame(pa.Table.from_batches([batch])), expected)
    pd.testing.assert_frame_equal(schema.frame(expected), expected)


def test_the_frame_owns_its_memory() -> None:
    found = Schema("age BIGINT NOT NULL").frame(TABLE)
    found["age"] = 0
    assert TABLE["age"].to_pylist() == [31, 44]


def test_rows_that_neither_path_accepts_are_refused_with_column_and_row() -> None:
    with pytest.raises(InputError) as caught:
        Schema("age TINYINT NOT NULL, visits INT NOT NULL, city INT, more INT").frame(PANDAS.replace(44, 444))
    assert [problem.message for problem in caught.value.problems] == [
        "column `age` is declared TINYINT, which cannot hold 444 (row 1)",
        "column `visits` is declared NOT NULL and holds 1 nulls, the first in row 0",
        "column `city` is declared INT, which cannot hold nan (row 0)",
        "column `more` is missing",
    ]


@pytest.mark.parametrize("rows", [[1, 2], {"age": [1]}, None, object()])
def test_what_is_not_a_frame_is_refused(rows: object) -> None:
    with pytest.raises(UsageError, match=f"found .*{type(rows).__name__}"):
        SCHEMA.frame(rows)  # type: ignore[arg-type]


def test_tensors_have_no_frame() -> None:
    with pytest.raises(UsageError, match="declares tensors"):
        Schema([("x", "float32", (-1, 2))]).frame(TABLE)


def test_the_example_of_the_documentation_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "types.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(example, {})
    out = capsys.readouterr().out
    assert re.search(r"age +float64\nvisits +Int32\ncity +object", out)
    assert "[None, 'Rome']" in out
