"""The notebook as the third path, on both real ones: agreement, a difference with its cause, and files of no use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pyml
from pyml.errors import UsageError
from pyml.package.model_package import ModelPackage
from pyml.package.settings import ParitySettings
from pyml_sandbox.client import Client
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.parity.check import parity_check
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.verdict import NOTEBOOK, Notebook, Severity, Verdict
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package

MODEL = """
import pandas as pd
from pyml import DataFrameModel, Schema

def length(city):
    return 0.0 if city is None else float(len(str(city)))

class Model(DataFrameModel):
    inputs = Schema("a DOUBLE NOT NULL, city STRING")
    outputs = Schema("p DOUBLE NOT NULL, label INT NOT NULL")

    def __init__(self, parameters):
        pass

    def predict(self, frame):
        p = frame["a"] + frame["city"].map(length)
        return pd.DataFrame({"p": p.astype("float64"), "label": (frame["a"] > 100).astype("int32")})
"""
ROWS = "SELECT id, CAST(id AS DOUBLE) AS a, IF(id % 7 = 0, NULL, concat('c', id % 3)) AS city FROM range(300)"
SETTINGS = ParitySettings(sql=ROWS, key=("id",), batch_rows=100, sample_rows=20, expected="expected.parquet")
OUTPUTS = pyml.Schema("p DOUBLE NOT NULL, label INT NOT NULL")


@pytest.fixture(scope="module")
def client(process_sandbox: SandboxHome) -> Client:
    return Client(process_sandbox)


@pytest.fixture(scope="module")
def model_id(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_package(tmp_path_factory.mktemp("package") / "notebook_model", MODEL)
    model_id = client.upload_model(ModelPackage(folder))
    client.deploy_model(model_id)
    return model_id


def measured(*, of_null: float) -> pd.DataFrame:
    """What a notebook predicts, with its dtypes: int64 labels; `of_null` is the length of a null city."""
    ids = np.arange(300)
    lengths = np.where(ids % 7 == 0, of_null, 2.0)
    return pd.DataFrame({"id": ids, "p": ids + lengths, "label": (ids > 100).astype("int64")})


def expected(folder: Path, found: pd.DataFrame) -> Path:
    pyml.save_expected(folder / "expected.parquet", found[["id"]], found[["p", "label"]], OUTPUTS)
    return folder / "expected.parquet"


def check(client: Client, model_id: str, file: Path, settings: ParitySettings = SETTINGS) -> Report:
    return parity_check(client, model_id, settings, expected=file)


def test_an_honest_notebook_agrees_with_both_paths(client: Client, model_id: str, tmp_path: Path) -> None:
    report = check(client, model_id, expected(tmp_path, measured(of_null=0.0)[50:250]))
    assert (report.verdict, report.decision.level) == (Verdict.PASS, "P5")
    assert report.notebook == Notebook("expected.parquet", 200, agrees=True)
    compared = {one.name: (one.matched, one.agrees) for one in report.comparisons if one.name.startswith("expected")}
    assert compared == {"expected-offline": (200, True), "expected-online": (200, True)}
    assert [(made.rows, made.fired) for made in report.checks if made.name == "expected"] == [(200, False)]
    assert Report.from_json(report.to_json()) == report


def test_nan_for_a_null_string_in_the_notebook_is_named_and_shown_by_its_row(
    client: Client, model_id: str, tmp_path: Path
) -> None:
    report = check(client, model_id, expected(tmp_path, measured(of_null=3.0)))
    assert (report.verdict, report.decision.level) == (Verdict.FAIL, "P5")
    assert report.notebook == Notebook("expected.parquet", 300, agrees=False)
    (finding,) = report.findings
    assert (finding.code, finding.level, finding.weight) == ("T4", NOTEBOOK, Severity.FAILS)
    assert (finding.columns, finding.inputs, finding.rows) == (("p",), ("city",), 43)
    assert finding.sentence.startswith(
        "Both paths agree with each other and differ from the notebook: `p` in 43 of 300"
    )
    assert finding.witness is not None
    assert (finding.witness.columns, finding.witness.rows) == (("city",), ((None,),))
    assert [(seen.where, seen.outputs["p"]) for seen in finding.witness.seen] == [
        ("offline", "0.0"), ("online", "0.0"), ("in the notebook (id = 0)", "3.0"),
    ]  # fmt: skip


def test_where_only_the_paths_are_checked_a_difference_has_no_cause(
    client: Client, model_id: str, tmp_path: Path
) -> None:
    found = measured(of_null=0.0).assign(label=0)
    report = check(client, model_id, expected(tmp_path, found), replace(SETTINGS, level="P1"))
    assert (report.verdict, report.decision.level) == (Verdict.FAIL, "P1")
    assert [(one.code, one.columns, one.rows) for one in report.findings] == [(None, ("label",), 199)]


def test_a_changed_file_is_compared_anew(client: Client, model_id: str, tmp_path: Path) -> None:
    level = replace(SETTINGS, level="P1")
    first = check(client, model_id, expected(tmp_path, measured(of_null=0.0)), level)
    again = check(client, model_id, expected(tmp_path, measured(of_null=0.0)), level)
    changed = check(client, model_id, expected(tmp_path, measured(of_null=1.0)), level)
    assert [first.verdict, again.verdict, changed.verdict] == [Verdict.PASS, Verdict.PASS, Verdict.FAIL]
    assert (again.is_cached, changed.is_cached) == (True, False)


def test_keys_that_no_path_predicted_and_outputs_that_do_not_fit_are_said(
    client: Client, model_id: str, tmp_path: Path
) -> None:
    found = measured(of_null=0.0).assign(label=0.5)
    (tmp_path / "expected.csv").write_text(found.assign(id=found["id"] + 2).to_csv(index=False))
    settings = replace(SETTINGS, level="P1", expected="expected.csv")
    report = check(client, model_id, tmp_path / "expected.csv", settings)
    sentences = [finding.sentence for finding in report.findings]
    assert sentences[0] == "2 keys were predicted in the notebook and not offline: 300, 301"
    assert "The notebook's `label` cannot be compared" in sentences[1]
    assert report.verdict is Verdict.FAIL


def test_a_hive_table_is_read_as_well(client: Client, model_id: str) -> None:
    with session(client.home, client.offline(find_version(client.home, model_id))) as spark:
        spark.sql("DROP TABLE IF EXISTS default.notebook_expected")
        spark.sql(f"CREATE TABLE default.notebook_expected USING parquet AS SELECT id, a + IF(city IS NULL, 0, 2) AS P, IF(a > 100, 1, 0) AS label FROM ({ROWS})")  # fmt: skip
    report = parity_check(client, model_id, replace(SETTINGS, level="P1", expected="default.notebook_expected"))
    assert report.notebook == Notebook("default.notebook_expected", 300, agrees=True)
    with pytest.raises(UsageError, match="there is no Hive table"):
        parity_check(client, model_id, replace(SETTINGS, expected="default.absent"))


@pytest.mark.parametrize(
    ("content", "words"), [(b"no parquet", "cannot be read"), (None, "cannot be matched with the rows by their key")]
)
def test_a_file_of_no_use_is_a_fault_of_the_call(
    client: Client, model_id: str, tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "expected.parquet"
    if content is None:
        measured(of_null=0.0).rename(columns={"id": "number"}).to_parquet(file)
    else:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=words) as raised:
        check(client, model_id, file)
    assert raised.value.exit_code == 2


def test_a_version_without_its_folder_is_refused_with_the_next_command(client: Client, model_id: str) -> None:
    with pytest.raises(UsageError, match="is no part of an uploaded version") as raised:
        parity_check(client, model_id, SETTINGS)
    assert (raised.value.exit_code, raised.value.hint) == (2, "check the folder: pyml parity-check FOLDER")
