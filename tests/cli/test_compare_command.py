"""`pyml compare`: two Parquet files from the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml_cli.main import run


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    rows = {"day": ["mo", "mo", "tu"], "id": [1, 2, 1], "p": [0.5, 0.25, 1.0]}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    pq.write_table(pa.table(rows | {"p": [0.5 + 1e-16 * 3, 0.25, 1.0]}), tmp_path / "near.parquet")
    pq.write_table(pa.table(rows | {"p": [0.5, 0.75, 1.0]}), tmp_path / "other.parquet")
    return tmp_path


def compare(tables: Path, right: str, options: Sequence[str] = ("--key", "day", "--key", "id")) -> int:
    return run(["compare", str(tables / "a.parquet"), str(tables / right), *options])


KEY = ("--key", "day", "--key", "id")


@pytest.mark.parametrize(
    ("right", "options", "code", "word"),
    [
        ("a.parquet", KEY, 0, "SAME"),
        ("near.parquet", KEY, 0, "SAME"),
        ("near.parquet", (*KEY, "--exact"), 1, "DIFFERENT"),
        ("near.parquet", (*KEY, "--max-ulps", "3"), 0, "SAME"),
        ("other.parquet", KEY, 1, "DIFFERENT"),
        ("other.parquet", (*KEY, "--atol", "0.5"), 0, "SAME"),
    ],
)
def test_the_answer_comes_first_and_is_the_exit_code(
    tables: Path, right: str, options: Sequence[str], code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(tables, right, options) == code
    assert capsys.readouterr().out.splitlines()[0] == word


def test_what_differs_is_shown_with_keys_and_both_values(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare(tables, "other.parquet")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["mo", "2", "0.25", "0.75", "0.5"] in rows


def test_json_is_one_object(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tables, "other.parquet", (*KEY, "--json")) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["agrees"]) == ("pyml.comparison/1", False)
    assert [column["differing"] for column in found["comparison"]["columns"]] == [1]


@pytest.mark.parametrize(
    ("right", "options", "message"),
    [
        ("a.parquet", (), "--key"),
        ("a.parquet", ("--key", "trip"), "no column `trip`"),
        ("none.parquet", KEY, "no Parquet file"),
        ("a.parquet", (*KEY, "--exact", "--rtol", "0.1"), "one or the other"),
        ("a.parquet", (*KEY, "--rtol", "-1"), "finite number of at least 0"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(
    tables: Path, right: str, options: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(tables, right, options) == 2
    assert message in capsys.readouterr().err


def test_a_repeated_key_is_a_difference_that_is_named(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tables, "a.parquet", ("--key", "id")) == 1
    assert "keys repeated left: 1 on 2 rows, 1" in capsys.readouterr().out
