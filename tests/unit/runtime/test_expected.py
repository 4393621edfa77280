"""What a notebook predicted: written as the model declares it, and refused where it does not fit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pyml
from pyml.errors import OutputError, PymlError, UsageError
from pyml.expected import fitting
from pyml.types.conversion.declared_column import UnfitError
from pyml.types.conversion.row_source import RowSource

KEYS = pd.DataFrame({"id": [3, 1, 2]}, index=[7, 8, 9])
OUTPUTS = pyml.Schema("p DOUBLE, label INT, score FLOAT, word STRING")
PREDICTED = pd.DataFrame(
    {
        "p": [0.1, math.nan, 2.0],
        "label": np.array([1, 0, 1], np.int64),
        "score": [0.1, 0.2, 0.3],
        "word": ["a", None, math.nan],
    }
)


def written(file: Path) -> pa.Table:
    return pq.read_table(file)


def test_a_frame_is_written_in_the_declared_types_with_its_keys(tmp_path: Path) -> None:
    pyml.save_expected(tmp_path / "expected.parquet", KEYS, PREDICTED, OUTPUTS)
    table = written(tmp_path / "expected.parquet")
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("id", "int64"), ("p", "double"), ("label", "int32"), ("score", "float"), ("word", "string"),
    ]  # fmt: skip
    assert table["id"].to_pylist() == [3, 1, 2]
    assert math.isnan(table["p"].to_pylist()[1])  # NaN is a value
    assert table["word"].to_pylist() == ["a", None, None]


def test_arrays_and_tensors_are_written_as_well(tmp_path: Path) -> None:
    file = tmp_path / "expected.parquet"
    columns: Mapping[str, np.ndarray | Sequence[object]] = {"p": np.array([0.5, 1.0, 2.0]), "label": [1, 0, None]}
    pyml.save_expected(file, KEYS, columns, pyml.Schema("p FLOAT NOT NULL, label INT"))
    assert written(file)["label"].to_pylist() == [1, 0, None]
    pyml.save_expected(file, KEYS, {"y": np.ones((3, 2)) / 3}, pyml.Schema([("y", "float32", (-1, 2))]))
    assert written(file)["y"].to_pylist() == [[float(np.float32(1 / 3))] * 2] * 3


@pytest.mark.parametrize(
    ("keys", "predicted", "error", "words"),
    [
        (KEYS, PREDICTED.drop(columns="p"), OutputError, "the predictions do not fit the model's outputs"),
        (KEYS, PREDICTED.assign(more=1), OutputError, "column `more` is not declared"),
        (KEYS, PREDICTED.assign(label=[0.5, 1.0, 2.0]), OutputError, "declared INT, which cannot hold 0.5 (row 0)"),
        (KEYS[:2], PREDICTED, UsageError, "there are 2 keys for 3 predictions"),
        (KEYS.assign(id=1), PREDICTED, UsageError, "2 of 3 keys are repeated"),
        (KEYS.assign(id=[1, np.nan, 3]), PREDICTED, UsageError, "the key is null in 1 of 3 rows"),
        (KEYS.rename(columns={"id": "p"}), PREDICTED, UsageError, "`p` is a key column and an output"),
        (KEYS[[]], PREDICTED, UsageError, "the keys have no columns"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, keys: pd.DataFrame, predicted: pd.DataFrame, error: type[PymlError], words: str
) -> None:
    with pytest.raises(error) as raised:
        pyml.save_expected(tmp_path / "expected.parquet", keys, predicted, OUTPUTS)
    assert words in str(raised.value)
    assert not (tmp_path / "expected.parquet").exists()


@pytest.mark.parametrize(("file", "words"), [("expected.csv", "expected a Parquet file"), ("no/e.parquet", "cannot be written")])  # fmt: skip
def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, file: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pyml.save_expected(tmp_path / file, KEYS, PREDICTED, OUTPUTS)


@pytest.mark.parametrize(
    ("ddl", "found", "expected"),
    [
        ("INT", pa.array([1, 2]), [1, 2]),
        ("INT NOT NULL", pa.array([1.0, None]), [1, None]),
        ("DOUBLE", pa.array([1], pa.int32()), [1.0]),
        ("FLOAT", pa.array([0.1]), [float(np.float32(0.1))]),
        ("ARRAY<FLOAT>", pa.array([[0.1]]), [[float(np.float32(0.1))]]),
        ("STRING", pa.array(["a", None]).dictionary_encode(), ["a", None]),
    ],
)
def test_a_column_of_another_type_fits_where_nothing_is_lost(ddl: str, found: pa.Array, expected: list[object]) -> None:
    (field,) = pyml.Schema(f"p {ddl}").fields
    column = fitting(found, field, RowSource.PARQUET)
    assert (column.type, column.to_pylist()) == (field.arrow.type, expected)


@pytest.mark.parametrize(("ddl", "found"), [("INT", pa.array([0.5])), ("STRING", pa.array([1])), ("INT", pa.array([2**40]))])  # fmt: skip
def test_a_column_that_would_lose_does_not_fit(ddl: str, found: pa.Array) -> None:
    (field,) = pyml.Schema(f"p {ddl}").fields
    with pytest.raises(UnfitError):
        fitting(found, field, RowSource.PARQUET)


def test_the_block_of_the_report_page_writes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "parity-report.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    assert written(tmp_path / "expected.parquet").column_names == ["trip_id", "fare", "is_long"]
