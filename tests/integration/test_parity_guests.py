"""Models that do to their process what they like: uploaded, deployed and asked on both paths as any other."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.package.model_package import ModelPackage
from pyml.package.settings import ParitySettings
from pyml_sandbox.client import Client
from pyml_sandbox.parity.check import parity_check
from pyml_sandbox.parity.decisions.pairings import OFFLINE, ONLINE_BATCHES
from pyml_sandbox.parity.verdict import Verdict
from pyml_sandbox.workspace.home import SandboxHome
from support.guests import CHILDREN, GUEST, STRANGE
from support.packages import write_package

AT_LOAD = """
import atexit, os, threading, time

atexit.register(print, "bye")
print("{}", flush=True)
threading.Thread(target=threading.Event().wait).start()
if not os.fork():
    time.sleep(100)
    os._exit(0)
"""
LAST = "returning"
"""Its child goes on with the rows after it."""
ELSEWHERE = ("joblib", "forkserver_pool", LAST)
ACTS = {act: said for act, said in {**STRANGE, **CHILDREN}.items() if act not in ELSEWHERE}
SAID = {**ACTS, LAST: CHILDREN[LAST]}
DOCUMENTS = """
import pandas as pd
from pyml import DataFrameModel, Schema

class Lengths(DataFrameModel):
    inputs = Schema("document STRING NOT NULL")
    outputs = Schema("length BIGINT NOT NULL")

    def __init__(self, parameters):
        pass

    def predict(self, frame):
        return pd.DataFrame({"length": frame["document"].str.len().astype("int64")})
"""


@pytest.fixture(scope="module")
def client(process_sandbox: SandboxHome) -> Client:
    return Client(process_sandbox)


def test_whatever_a_model_does_to_its_process_both_paths_agree(client: Client, tmp_path: Path) -> None:
    package = write_package(tmp_path, AT_LOAD + GUEST, toml='name = "guest"')
    model_id = client.upload_model(ModelPackage(package))
    rows = pa.table({"id": range(len(SAID)), "act": list(SAID), "x": [1.0] * len(SAID)})
    settings = ParitySettings(key=("id",), level="P1", sample_rows=1)
    report = parity_check(client, model_id, settings, rows=rows)
    assert (report.verdict, report.failures) == (Verdict.PASS, ()), report.decision
    for path in (OFFLINE, ONLINE_BATCHES):
        found = pq.read_table(Path(report.elsewhere["folder"]) / f"{path}.parquet").sort_by("id")
        assert dict(zip(SAID, found["said"].to_pylist(), strict=True)) == SAID


@pytest.mark.slow
def test_documents_that_do_not_fit_into_one_request_are_checked(client: Client, tmp_path: Path) -> None:
    toml = 'name = "lengths"\n[serving]\nmax_request_mb = 1'
    model_id = client.upload_model(ModelPackage(write_package(tmp_path, DOCUMENTS, toml=toml)))
    rows = pa.table({"id": range(40), "document": ["x" * (90_000 + number) for number in range(40)]})
    report = parity_check(client, model_id, ParitySettings(key=("id",), sample_rows=4), rows=rows)
    assert (report.verdict, report.failures) == (Verdict.PASS, ()), report.decision
