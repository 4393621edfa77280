"""What the notebook predicted: which file it is, and how its columns become those of both paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml import Schema
from pyml.errors import UsageError
from pyml.package.settings import ParitySettings
from pyml.types.conversion.row_source import RowSource
from pyml_sandbox.parity.rows.notebook_predictions import (
    NotebookPredictions,
    expected_file,
    predictions_of,
    read_notebook,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KEYS = pa.schema([("id", pa.int64())])
OUTPUTS = Schema("p DOUBLE NOT NULL, label INT, word STRING")
ROWS = {"id": [1, 2], "p": [0.5, 1.0], "label": [1, 0], "word": ["a", None]}
NO_SPARK = cast("SparkSession", None)


def of_table(columns: dict[str, object]) -> NotebookPredictions:
    return predictions_of("expected.parquet", pa.table(columns), RowSource.PARQUET, KEYS, OUTPUTS)


def of_csv(folder: Path, text: str) -> NotebookPredictions:
    (file := folder / "expected.csv").write_text(text)
    return read_notebook(file.name, file, NO_SPARK, KEYS, OUTPUTS)


@pytest.mark.parametrize("name", ["expected.parquet", "data/expected.csv"])
def test_the_file_lies_beside_the_settings(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / name).touch()
    assert expected_file(ParitySettings(expected=name), tmp_path) == tmp_path / name
    assert expected_file(ParitySettings(expected=str(tmp_path / name)), None) == tmp_path / name


@pytest.mark.parametrize("name", ["", "shop.expected"])
def test_a_table_and_nothing_are_no_file(name: str) -> None:
    assert expected_file(ParitySettings(expected=name), None) is None


def test_a_file_that_is_absent_is_refused_with_the_next_command(tmp_path: Path) -> None:
    settings = ParitySettings(expected="expected.parquet")
    with pytest.raises(UsageError, match=r"there is no file .*expected\.parquet") as absent:
        expected_file(settings, tmp_path)
    assert "pyml.save_expected" in absent.value.hint
    with pytest.raises(UsageError, match="is no part of an uploaded version") as stored:
        expected_file(settings, None)
    assert (stored.value.hint, stored.value.exit_code) == ("check the folder: pyml parity-check FOLDER", 2)


def test_columns_are_converted_to_the_types_of_keys_and_outputs() -> None:
    found = of_table(
        {
            "word": pa.array(["a", None]).dictionary_encode(),
            "label": pa.array([1.0, None]),
            "id": pa.array([1, 2], pa.int32()),
            "p": pa.array([1, 2]),
            "more": [1, 2],
        }
    )
    assert found.misfits == {}
    assert found.rows.to_pydict() == {"id": [1, 2], "p": [1.0, 2.0], "label": [1, None], "word": ["a", None]}
    assert found.rows.schema.types == [pa.int64(), pa.float64(), pa.int32(), pa.string()]


def test_an_output_that_is_missing_or_does_not_fit_is_left_out_and_said() -> None:
    found = of_table({"id": [1, 2], "p": ["high", "low"], "label": [0.5, 1.0]})
    assert found.rows.column_names == ["id"]
    assert found.misfits == {
        "p": "column `p` is STRING, declared DOUBLE",
        "label": "column `label` is declared INT, which cannot hold 0.5 (row 0)",
        "word": "column `word` is missing",
    }


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({**ROWS, "id": ["x", "y"]}, "column `id` is STRING, declared BIGINT"),
        ({**ROWS, "id": [0.5, 1.5]}, "cannot hold 0.5"),
        ({"p": [1.0]}, "column `id` is missing"),
    ],
)
def test_without_its_key_it_cannot_be_used(columns: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match="cannot be matched with the rows by their key") as raised:
        of_table(columns)
    assert words in raised.value.message


def test_csv_is_read_in_the_declared_types(tmp_path: Path) -> None:
    found = of_csv(tmp_path, 'id,p,label,word\n7,0.1,1.0,007\n8,nan,,""\n')
    assert found.misfits == {}
    assert found.rows["label"].to_pylist() == [1, None]
    assert found.rows["word"].to_pylist() == ["007", ""]
    assert str(found.rows["p"].to_pylist()) == "[0.1, nan]"


def test_a_value_of_csv_that_does_not_fit_is_said(tmp_path: Path) -> None:
    found = of_csv(tmp_path, "id,p,label,word\n7,high,1.5,a\n")
    assert "cannot hold 'high' (row 0)" in found.misfits["p"]
    assert "cannot hold 1.5" in found.misfits["label"]


@pytest.mark.parametrize("name", ["expected.parquet", "expected.csv"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    (file := tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError, match="cannot be read"):
        read_notebook(name, file, NO_SPARK, KEYS, OUTPUTS)


def test_the_digest_changes_with_a_value_and_with_a_misfit() -> None:
    one, other = of_table(ROWS), of_table({**ROWS, "p": [0.5, 1.5]})
    partial = of_table({name: ROWS[name] for name in ("id", "p", "label")})
    assert one.digest == of_table(dict(ROWS)).digest
    assert len({one.digest, other.digest, partial.digest}) == 3


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table(ROWS), tmp_path / "e.parquet")
    assert read_notebook("e.parquet", tmp_path / "e.parquet", NO_SPARK, KEYS, OUTPUTS).rows.num_rows == 2
