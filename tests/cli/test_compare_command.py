"""`pyml compare` from the command line: Parquet files, and Hive tables of a real sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.offline.spark_errors import translated_errors
from pyml_cli.main import run
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome


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
        ("none", KEY, "no Parquet file"),
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


@pytest.fixture
def without_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home with no sandbox, and a working folder with no file."""
    monkeypatch.setenv("PYML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYML_SANDBOX", raising=False)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


@pytest.mark.parametrize(
    ("right", "code", "message"),
    [
        ("fares", 2, "'fares' is neither a Parquet file nor a table"),
        ("ml.fares.old", 2, "neither a Parquet file nor a table"),
        ("ml.fares", 3, "there is no file ml.fares, and no sandbox 'default'"),
    ],
)
@pytest.mark.usefixtures("without_sandbox")
def test_a_name_that_stands_for_nothing_says_what_was_looked_for(
    tables: Path, right: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", str(tables / "a.parquet"), right, *KEY]) == code
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("without_sandbox")
def test_a_file_named_like_a_table_is_a_file(tables: Path) -> None:
    Path("ml.fares").write_bytes((tables / "a.parquet").read_bytes())
    assert run(["compare", str(tables / "a.parquet"), "ml.fares", *KEY]) == 0


@pytest.fixture(scope="module")
def hive(process_sandbox: SandboxHome) -> SandboxHome:
    """A sandbox with the rows of `tables` in a table, and with one value changed in another."""
    rows = "VALUES ('mo', 1L, 0.5D), ('mo', 2L, {}D), ('tu', 1L, 1.0D) AS r(day, id, p)"
    with session(process_sandbox) as spark, translated_errors():
        spark.sql("CREATE DATABASE IF NOT EXISTS compared")
        for table, value in (("same", "0.25"), ("other", "0.75")):
            spark.sql(f"CREATE OR REPLACE TEMP VIEW rows AS SELECT * FROM {rows.format(value)}")
            spark.sql(f"DROP TABLE IF EXISTS compared.{table}")
            spark.sql(f"CREATE TABLE compared.{table} USING parquet AS SELECT * FROM rows")
    return process_sandbox


@pytest.mark.sandbox
class TestHive:
    @pytest.fixture(autouse=True)
    def in_sandbox(self, hive: SandboxHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PYML_HOME", str(hive.root))
        monkeypatch.setenv("PYML_SANDBOX", hive.name)
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize(
        ("left", "right", "code"),
        [
            ("a.parquet", "compared.same", 0),
            ("compared.same", "a.parquet", 0),
            ("compared.same", "compared.same", 0),
            ("compared.same", "compared.other", 1),
            ("compared.other", "a.parquet", 1),
        ],
    )
    def test_a_side_is_a_file_or_a_table(self, tables: Path, left: str, right: str, code: int) -> None:
        assert run(["compare", left, right, *KEY]) == code

    def test_what_differs_is_called_by_the_names_of_the_tables(
        self, tables: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["compare", "compared.other", "a.parquet", *KEY, "--json"]) == 1
        found = json.loads(capsys.readouterr().out)["comparison"]
        assert (found["left_name"], found["right_name"]) == ("compared.other", "a.parquet")
        assert [column["differing"] for column in found["columns"]] == [1]

    @pytest.mark.parametrize("name", ["compared.none", "nowhere.none"])
    def test_a_table_that_is_not_there_is_a_usage_error(
        self, tables: Path, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["compare", "a.parquet", name, *KEY]) == 2
        assert f"there is no file {name} and no table of this name in sandbox 'tests'" in capsys.readouterr().err
