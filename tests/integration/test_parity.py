"""The parity check over both real paths: its three verdicts, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pyml.errors import InputError, SandboxError, UsageError
from pyml.package.model_package import ModelPackage
from pyml.package.settings import ParitySettings
from pyml_sandbox.client import Client
from pyml_sandbox.models.routes import load_routes
from pyml_sandbox.parity.check import parity_check
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.verdict import Hop, Severity, Verdict
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.slow_cases import slow

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
ASKS_FOR_NO_ROWS = MODEL.replace("    def __init__", "    predicts_empty = True\n\n    def __init__")
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


def check(
    client: Client,
    folder: Path,
    body: str,
    settings: ParitySettings = SETTINGS,
    *,
    use_cache: bool = True,
    model: str = MODEL,
) -> Report:
    package = ModelPackage(write_package(folder / "parity_model", model.format(body=body)))
    model_id = client.upload_model(package)
    client.deploy_model(model_id)
    return parity_check(client, model_id, settings, use_cache=use_cache)


@pytest.mark.each_driver
def test_an_honest_model_passes_on_every_row(either: Client, tmp_path: Path) -> None:
    report = check(either, tmp_path, HONEST)
    assert (report.verdict, report.decision.level, report.rows) == (Verdict.PASS, "P5", 3000)
    assert report.findings == ()
    assert {check.name for check in report.checks if check.fired} == set()
    assert {(c.name, column.rows, column.equal) for c, column in report.columns() if c.name in ("batches", "rows")} == {
        ("batches", 3000, 3000),
        ("rows", 40, 40),
    }
    kept = json.loads((either.home.folder / "parity" / "parity_model" / "report.json").read_text())
    assert Report.from_json(kept) == report


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("(a - a.mean()) / (1 + a.std(ddof=0))", "B1"),
        slow("b.fillna(b.median()).fillna(0.0)", "B2"),
        slow("df.index.to_numpy().astype('float64')", "B7"),
        slow("a.map(lambda value: float(hash(str(value)) % 1000))", "D3"),
        ("a * df.assign(late=__import__('datetime').datetime.now().astimezone().utcoffset().total_seconds())['late'] + a", "T11"),
    ],
)  # fmt: skip
def test_the_cause_is_named_and_shown_by_a_witness_of_both_paths(
    client: Client, tmp_path: Path, body: str, code: str
) -> None:
    report = check(client, tmp_path, body)
    assert report.verdict is Verdict.FAIL
    finding = report.findings[0]
    assert (finding.code, finding.hop, finding.columns, finding.weight) == (code, Hop.COMPUTE, ("p",), Severity.FAILS)
    assert report.next_command == f"pyml explain {code}"
    witness = finding.witness
    assert witness is not None
    assert (len(witness.rows) <= 2, len(witness.columns) <= 2) == (True, True)
    assert any(seen.where.startswith("offline") for seen in witness.seen)
    assert any(seen.where.startswith("online") for seen in witness.seen)
    assert len({str(seen.outputs) for seen in witness.seen}) > 1


def test_the_snippet_of_a_witness_shows_the_difference(client: Client, tmp_path: Path) -> None:
    (finding, *_) = check(client, tmp_path, "a - a.mean()").findings
    assert finding.witness is not None
    environment = {**os.environ, "PYML_HOME": str(client.home.root), "PYML_SANDBOX": client.home.name}
    command = [sys.executable, "-c", finding.witness.snippet]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    together, alone = (part for part in done.stdout.split("pyarrow.Table") if part)
    assert together != alone


@pytest.mark.slow
def test_several_causes_in_one_model_are_told_apart(client: Client, tmp_path: Path) -> None:
    report = check(client, tmp_path, "a - a.mean() + a.map(lambda value: float(hash(str(value)) % 1000))")
    assert {finding.code for finding in report.findings if finding.weight is Severity.FAILS} == {"B1", "D3"}


def test_one_real_difference_alone_is_checked_where_no_more_is_needed(client: Client, tmp_path: Path) -> None:
    report = check(client, tmp_path, HONEST, replace(SETTINGS, level="P1"))
    assert (report.verdict, report.decision.level) == (Verdict.PASS, "P1")
    assert [(made.name, made.fired, made.rows) for made in report.checks] == [("paths", False, 3000)]


@pytest.mark.slow
def test_what_lies_above_the_needed_level_does_not_fail(client: Client, tmp_path: Path) -> None:
    body = "a * 2 if len(a) else [][0]"
    assert check(client, tmp_path, body).decision.level == "P5"
    report = check(client, tmp_path, body, model=ASKS_FOR_NO_ROWS)
    assert (report.verdict, report.decision.level) == (Verdict.PASS, "P3")
    assert [(finding.code, finding.weight) for finding in report.findings] == [("B12", Severity.ABOVE)]
    hardened = check(client, tmp_path, body, replace(SETTINGS, level="P4"), model=ASKS_FOR_NO_ROWS)
    assert (hardened.verdict, hardened.decision.level) == (Verdict.FAIL, "P3")


def test_a_second_check_of_the_same_is_the_first_one_unless_it_must_not_be(client: Client, tmp_path: Path) -> None:
    first = check(client, tmp_path, "a * 3", replace(SETTINGS, level="P1"))
    second = check(client, tmp_path, "a * 3", replace(SETTINGS, level="P1"))
    assert (first.is_cached, second.is_cached) == (False, True)
    assert (second.decision, second.comparisons) == (first.decision, first.comparisons)
    assert second.elsewhere != first.elsewhere
    anew = parity_check(client, first.model, replace(SETTINGS, level="P1"), use_cache=False)
    assert not anew.is_cached


def test_rows_of_their_own_take_the_place_of_a_query(client: Client, tmp_path: Path) -> None:
    package = ModelPackage(write_package(tmp_path / "parity_model", MODEL.format(body=HONEST)))
    model_id = client.upload_model(package)
    client.deploy_model(model_id)
    rows = client.rows(model_id, [{"a": 1.0, "b": None}, {"a": 2.0, "b": 3.0}])
    report = parity_check(client, model_id, ParitySettings(level="P1"), rows=rows)
    assert (report.verdict, report.rows) == (Verdict.PASS, 2)


@pytest.mark.parametrize(
    ("body", "code"),
    [("np.random.default_rng().normal(size=len(a))", "D1"), slow("a + __import__('time').time()", "D2")],
)
def test_a_model_that_contradicts_itself_cannot_be_certified(
    client: Client, tmp_path: Path, body: str, code: str
) -> None:
    report = check(client, tmp_path, body)
    assert report.verdict is Verdict.CANNOT_CERTIFY
    assert "not deterministic" in report.decision.reason
    assert [finding.code for finding in report.findings] == [code]


@pytest.mark.slow
def test_a_model_that_counts_its_calls_fails(client: Client, tmp_path: Path) -> None:
    report = check(client, tmp_path, "a + self.calls")
    assert (report.verdict, report.findings[0].code) == (Verdict.FAIL, "P1")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "SELECT 1 AS id, 1.0D AS a, 1.0D AS b FROM range(3)",
            "1 keys appear more than once, such as id=1 (3 times)",
        ),
        ("SELECT CAST(NULL AS INT) AS id, 1.0D AS a, 1.0D AS b", "1 rows have a null in the key"),
        (ROWS.replace("3000", "0"), "the query gives no rows"),
    ],
)
def test_rows_that_cannot_decide_anything_are_not_judged(
    client: Client, tmp_path: Path, query: str, words: str
) -> None:
    report = check(client, tmp_path, HONEST, ParitySettings(sql=query, key=("id",)))
    assert (report.verdict, report.exit_code, report.checks) == (Verdict.CANNOT_CERTIFY, 4, ())
    assert words in report.decision.reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[float(a)] if len(a) > 1 else a", "predict raised TypeError"),
        slow("a.rolling(2).mean().iloc[1:].tolist() + [1 / (len(a) - 1)]", "predict raised ZeroDivisionError"),
    ],
)
def test_a_path_that_fails_is_a_finding(client: Client, tmp_path: Path, body: str, words: str) -> None:
    report = check(client, tmp_path, body)
    assert report.verdict is Verdict.FAIL
    assert any(words in finding.sentence for finding in report.findings)


def test_a_model_that_fails_on_every_row_earns_no_level_and_is_told_once_and_whole(
    client: Client, tmp_path: Path
) -> None:
    report = check(client, tmp_path, "[][0]")
    assert (report.verdict, report.decision.level) == (Verdict.FAIL, None)
    (finding,) = report.findings
    assert "Both paths failed with the same exception" in finding.sentence
    assert "IndexError" in finding.sentence
    assert "(model.py:" in finding.sentence
    assert {made.name for made in report.checks if made.fired} == {"paths"}


def test_an_exception_of_several_lines_is_the_same_on_both_paths(client: Client, tmp_path: Path) -> None:
    report = check(client, tmp_path, 'exec(\'raise ValueError("one" + chr(10) * 2 + "  three")\')')
    (failure,) = report.failures
    assert failure.paths == ("offline", "online in batches", "online one by one", "online, the sample at once")
    assert failure.message.startswith("predict raised ValueError: one\n\n  three (model.py:")


ENDS = "__import__('os')._exit(3) if len(a) == 1{} else a * 2"


@pytest.mark.parametrize(
    ("where", "verdict", "words"),
    [
        ("", Verdict.FAIL, "went away before it answered"),
        (
            " and 'pyml.harness.answering' in __import__('sys').modules",
            Verdict.CANNOT_CERTIFY,
            "the model ended its Python",
        ),
    ],
    ids=["on the real paths", "in the isolated process alone"],
)
def test_a_model_that_ends_its_process_fails_only_where_a_real_path_shows_it(
    client: Client, tmp_path: Path, where: str, verdict: Verdict, words: str
) -> None:
    report = check(client, tmp_path, ENDS.format(where))
    assert (report.verdict, report.decision.level) == (verdict, None)
    assert words in " ".join([report.decision.reason, *(finding.sentence for finding in report.findings)])
    made = {each.name for each in report.checks}
    assert {"paths", "frames", "repeat"} <= made
    assert not {"warm", "copies", "hash-seed", "thread-safe"} & made


def test_rows_and_key_must_be_given_and_must_fit(client: Client, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a parity check needs rows"):
        check(client, tmp_path, HONEST, ParitySettings(key=("id",)))
    with pytest.raises(UsageError, match="joins both paths by a key"):
        check(client, tmp_path, HONEST, ParitySettings(sql=ROWS))
    with pytest.raises(InputError, match="`b` is missing"):
        check(client, tmp_path, HONEST, ParitySettings(sql="SELECT 1 AS id, 1.0D AS a", key=("id",)))


def test_rows_are_frozen_in_the_declared_types(client: Client, tmp_path: Path) -> None:
    with session(client.home) as spark:
        spark.sql("DROP TABLE IF EXISTS pyml_whole")
        spark.sql(
            "CREATE TABLE pyml_whole USING parquet AS SELECT id, id AS a, CAST(id AS FLOAT) / 2 AS b FROM range(50)"
        )
    settings = ParitySettings(table="pyml_whole", key=("id",), level="P1")
    report = check(client, tmp_path, HONEST, settings)
    assert (report.verdict, report.rows) == (Verdict.PASS, 50)
    with session(client.home) as spark:
        types = dict(spark.table(report.elsewhere["rows_table"]).dtypes)
    assert types == {"id": "bigint", "a": "double", "b": "double"}


def test_a_value_that_its_declared_type_cannot_hold_is_wrong_usage_and_named(client: Client, tmp_path: Path) -> None:
    query = "SELECT id, id + 9007199254740990 AS a, 1 AS b FROM range(9)"
    with pytest.raises(UsageError, match=r"column `a` is declared DOUBLE, which cannot hold 900719925474099\d"):
        check(client, tmp_path, HONEST, ParitySettings(sql=query, key=("id",)))


def test_only_the_tables_of_the_latest_run_are_kept(client: Client, tmp_path: Path) -> None:
    for _ in range(2):
        report = check(client, tmp_path, HONEST, replace(SETTINGS, level="P1"), use_cache=False)
    with session(client.home) as spark:
        tables = [table.name for table in spark.catalog.listTables("pyml_parity") if "parity_model" in table.name]
    assert len(tables) == 2
    assert report.elsewhere["rows_table"].endswith(tuple(tables))


@pytest.mark.each_driver
def test_a_model_that_is_not_deployed_is_served_only_while_it_is_checked(either: Client, tmp_path: Path) -> None:
    package = ModelPackage(write_package(tmp_path / "never_deployed", MODEL.format(body=HONEST)))
    model_id = either.upload_model(package)
    before = load_routes(either.home)
    assert parity_check(either, model_id, replace(SETTINGS, level="P1")).verdict is Verdict.PASS
    assert load_routes(either.home) == before
    with pytest.raises(SandboxError):
        either.predict_online(model_id, {"a": [1.0], "b": [1.0]})
