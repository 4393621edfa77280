"""The parity check over both real paths: its three verdicts, and what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyml.errors import InputError, SandboxError, UsageError
from pyml.package import ModelPackage
from pyml.settings import ParitySettings
from pyml_sandbox.client import Client
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.parity.check import parity_check
from pyml_sandbox.parity.report import Report
from pyml_sandbox.parity.verdict import Verdict
from pyml_sandbox.spark import session
from support.packages import write_package

MODEL = """
import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema

class Model(DataFrameModel):
    inputs = Schema("a DOUBLE NOT NULL, b DOUBLE")
    outputs = Schema("p DOUBLE NOT NULL")

    def __init__(self, parameters):
        self.calls = 0

    def predict(self, df):
        self.calls += 1
        a, b = df["a"], df["b"].astype("float64")
        return pd.DataFrame({{"p": {body}}})
"""
HONEST = "a * 2 + b.fillna(0.0)"
ROWS = "SELECT id, CAST(id AS DOUBLE) AS a, IF(id % 7 = 0, NULL, CAST(id AS DOUBLE) / 3) AS b FROM range(3000)"
SETTINGS = ParitySettings(sql=ROWS, key=("id",), batch_rows=500, sample_rows=40)


@pytest.fixture(scope="module")
def client(process_sandbox: SandboxHome) -> Client:
    """Of processes: what is judged and said does not depend on the driver."""
    return Client(process_sandbox)


@pytest.fixture(scope="module")
def either(sandbox: SandboxHome) -> Client:
    """Of each driver in turn, for the whole way."""
    return Client(sandbox)


def check(client: Client, folder: Path, body: str, settings: ParitySettings = SETTINGS) -> Report:
    package = ModelPackage(write_package(folder / "parity_model", MODEL.format(body=body)))
    model_id = client.upload_model(package)
    client.deploy_model(model_id)
    return parity_check(client, model_id, settings)


def test_an_honest_model_passes_on_every_row(either: Client, tmp_path: Path) -> None:
    report = check(either, tmp_path, HONEST)
    assert (report.verdict, report.judgement.level, report.rows) == (Verdict.PASS, "P1", 3000)
    assert {(c.name, column.rows, column.equal) for c, column in report.columns() if c.name in ("batches", "rows")} == {
        ("batches", 3000, 3000),
        ("rows", 40, 40),
    }
    kept = json.loads((either.home.folder / "parity" / "parity_model" / "report.json").read_text())
    assert Report.from_json(kept) == report


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("(a - a.mean()) / a.std()", "the output of a row depends on the rows it is sent with"),
        ("b.fillna(b.median()).fillna(0.0)", "the output of a row depends on the rows it is sent with"),
        ("df.index.to_numpy().astype('float64')", "depends on the rows it is sent with"),
    ],
)
def test_a_model_that_looks_at_its_batch_fails(client: Client, tmp_path: Path, body: str, sentence: str) -> None:
    report = check(client, tmp_path, body)
    assert report.verdict is Verdict.FAIL
    assert sentence in report.findings[0].sentence
    worst = next(column.worst for comparison, column in report.columns() if not column.agrees and column.worst)
    assert 1 <= len(worst) <= 5


@pytest.mark.parametrize("body", ["np.random.default_rng().normal(size=len(a))", "a + self.calls"])
def test_a_model_that_contradicts_itself_cannot_be_certified(client: Client, tmp_path: Path, body: str) -> None:
    report = check(client, tmp_path, body)
    assert report.verdict is Verdict.CANNOT_CERTIFY
    assert "not deterministic" in report.judgement.reason


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "SELECT 1 AS id, 1.0D AS a, 1.0D AS b FROM range(3)",
            "1 keys are there more than once, such as id=1 (3 times)",
        ),
        ("SELECT CAST(NULL AS INT) AS id, 1.0D AS a, 1.0D AS b", "1 rows have a null in the key"),
        (ROWS.replace("3000", "0"), "the query gives no rows"),
    ],
)
def test_rows_that_cannot_decide_anything_are_not_judged(
    client: Client, tmp_path: Path, query: str, words: str
) -> None:
    report = check(client, tmp_path, HONEST, ParitySettings(sql=query, key=("id",)))
    assert (report.verdict, report.exit_code) == (Verdict.CANNOT_CERTIFY, 4)
    assert words in report.judgement.reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[float(a)] if len(a) > 1 else a", "the offline job failed: predict raised TypeError"),
        (
            "a.rolling(2).mean().iloc[1:].tolist() + [1 / (len(a) - 1)]",
            "online, one row at a time, failed: predict raised ZeroDivisionError",
        ),
    ],
)
def test_a_path_that_fails_is_a_finding(client: Client, tmp_path: Path, body: str, words: str) -> None:
    report = check(client, tmp_path, body)
    assert report.verdict is Verdict.FAIL
    assert any(words in finding.sentence for finding in report.findings)


def test_rows_and_key_must_be_given_and_must_fit(client: Client, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rows to check on"):
        check(client, tmp_path, HONEST, ParitySettings(key=("id",)))
    with pytest.raises(UsageError, match="joins both paths by a key"):
        check(client, tmp_path, HONEST, ParitySettings(sql=ROWS))
    with pytest.raises(InputError, match="`b` is missing"):
        check(client, tmp_path, HONEST, ParitySettings(sql="SELECT 1 AS id, 1.0D AS a", key=("id",)))


def test_only_the_tables_of_the_latest_run_are_kept(client: Client, tmp_path: Path) -> None:
    for _ in range(2):
        report = check(client, tmp_path, HONEST)
    with session(client.home) as spark:
        tables = [table.name for table in spark.catalog.listTables("pyml_parity") if "parity_model" in table.name]
    assert len(tables) == 2
    assert report.elsewhere["rows_table"].endswith(tuple(tables))


def test_a_model_that_is_down_is_trouble_of_the_sandbox(either: Client, tmp_path: Path) -> None:
    package = ModelPackage(write_package(tmp_path / "never_deployed", MODEL.format(body=HONEST)))
    model_id = either.upload_model(package)
    with pytest.raises(SandboxError):
        parity_check(either, model_id, SETTINGS)
