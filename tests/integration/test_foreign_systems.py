"""The check of a system that is not ours: a table of predictions against MLServer with a scikit-learn model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml_cli.main import run
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.mlserver import QUERY, MlServer, mlserver
from support.typed_commands import Typed, typed_with


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlServer]:
    with mlserver(tmp_path_factory.mktemp("mlserver")) as running:
        yield running


@pytest.fixture
def typed(process_sandbox: SandboxHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    monkeypatch.setenv("PYML_HOME", str(process_sandbox.root))
    monkeypatch.setenv("PYML_SANDBOX", process_sandbox.name)
    return typed_with(capsys)


def asked(server: MlServer, table: str, **changed: str) -> list[str]:
    """The command line of a check."""
    options = {"offline-table": table, "endpoint": server.endpoint, "model": "fare", "sql": QUERY, "key": "trip"}
    return ["parity-check", *(word for name, value in {**options, **changed}.items() for word in (f"--{name}", value))]


@pytest.fixture
def table(server: MlServer, tmp_path: Path) -> Path:
    """A Parquet file with the key and the predictions."""
    file = tmp_path / "fares.parquet"
    pq.write_table(pq.read_table(server.predictions, columns=["trip", "fare"]), file)
    return file


def test_a_file_of_predictions_agrees_with_the_server(server: MlServer, table: Path, typed: Typed) -> None:
    report = json.loads(typed(*asked(server, str(table)), "--json"))
    assert (report["verdict"], report["level"], report["model"]) == ("PASS", "P1", "fare")
    assert report["driver"] == f"endpoint {server.endpoint}"
    assert {each["name"]: each["matched"] for each in report["comparisons"]} == {"batches": 600, "rows": 200, "alone": 200, "repeat": 200}  # fmt: skip


def test_a_hive_table_agrees_whatever_its_case_order_and_further_rows(
    process_sandbox: SandboxHome, server: MlServer, typed: Typed
) -> None:
    whole = pq.read_table(server.predictions)
    more = pa.table({"trip": [9999], "fare": [1.5]})
    reordered = pa.concat_tables([more, whole.select(["trip", "fare"])]).rename_columns(["TRIP", "Fare"])
    with session(process_sandbox) as spark:
        spark.sql("CREATE DATABASE IF NOT EXISTS foreign_ml")
        spark.createDataFrame(reordered).write.mode("overwrite").saveAsTable("foreign_ml.fares")
    assert json.loads(typed(*asked(server, "foreign_ml.fares"), "--json"))["verdict"] == "PASS"


@pytest.mark.parametrize(("change", "words"), [("value", "`fare`"), ("missing row", "and not offline: 7")])
def test_what_differs_fails_and_is_named(
    server: MlServer, table: Path, typed: Typed, change: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pq.read_table(table).to_pylist()
    if change == "value":
        rows[7]["fare"] += 0.01
    else:
        del rows[7]
    pq.write_table(pa.Table.from_pylist(rows), table)
    assert run([*asked(server, str(table)), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["level"]) == ("FAIL", None)
    assert words in report["findings"][0]["sentence"]


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"endpoint": "127.0.0.1:9"}, 3, "no server answers on 127.0.0.1:9"),
        ({"model": "tip"}, 3, "tip on"),
        ({"key": "journey"}, 2, "the query has no column journey"),
        ({"sql": "SELECT id AS trip FROM range(3)"}, 2, "the query gives no column beside the key"),
        ({"sql": "SELECT id AS trip, a FROM nowhere"}, 2, "nowhere"),
        ({"offline-table": "foreign_ml.gone"}, 2, "foreign_ml"),
        ({"offline-table": "gone.parquet"}, 2, "gone.parquet cannot be read"),
    ],
)
def test_a_fault_of_the_command_is_no_verdict(
    server: MlServer, table: Path, typed: Typed, changed: dict[str, str], code: int, words: str
) -> None:
    assert words in typed(*asked(server, str(table), **changed), expected=code)


def test_a_system_that_is_named_in_part_is_refused_with_what_lacks(typed: Typed) -> None:
    assert "without --model" in typed("parity-check", "--offline-table", "ml.t", "--endpoint", "h:1", expected=2)
    told = typed("parity-check", "--offline-table", "ml.t", "--endpoint", "h:1", "--model", "fare", expected=2)
    assert "come from a query" in told
