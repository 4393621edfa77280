"""Jobs on a second Spark cluster, whose workers lack this machine's interpreters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from pyml.errors import SandboxError
from pyml.package.model_package import ModelPackage
from pyml.package.settings import ParitySettings
from pyml_sandbox.client import Client
from pyml_sandbox.clusters.cluster import Cluster
from pyml_sandbox.clusters.cluster_spark import cluster_spark
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.parity.elsewhere.cluster_check import cluster_check
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.verdict import Verdict
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.second_cluster import SecondCluster, second_cluster
from support.served_elsewhere import served_elsewhere
from support.waiting import wait_for

MODEL = """
import os, sys, time
import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema

class Rates(DataFrameModel):
    inputs = Schema("a DOUBLE, wait DOUBLE")
    outputs = Schema("rate DOUBLE, small FLOAT, prefix STRING")
    def __init__(self, parameters): pass
    def predict(self, frame):
        time.sleep(float(frame["wait"].max()))
        rate = np.log1p(frame["a"]) * np.sin(frame["a"]) / 3 * float(os.environ.get("RATE", 1))
        return pd.DataFrame({"rate": rate, "small": rate.astype("float32"), "prefix": sys.prefix})
"""
ROWS = "SELECT id, CAST(id AS DOUBLE) AS a, CAST(0 AS DOUBLE) AS wait FROM range(0, 5000, 1, 4)"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondCluster]:
    with second_cluster(tmp_path_factory.mktemp("cluster"), {"spark.cores.max": "2"}) as running:
        yield running


@pytest.fixture(scope="module")
def client(process_sandbox: SandboxHome) -> Client:
    return Client(process_sandbox)


@pytest.fixture(scope="module")
def model_id(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    return client.upload_model(ModelPackage(write_package(tmp_path_factory.mktemp("models") / "rates", MODEL)))


def predicted(client: Client, cluster: Cluster, model_id: str, query: str, table: str) -> pa.Table:
    """The table that a job on the cluster writes, sorted by its key."""
    with cluster_spark(client, find_version(client.home, model_id), cluster) as target:
        client.predict_offline(model_id, query, table, ["id"], target=target).wait()
        with session(client.home, replace(target, remote=None)) as spark:  # on this machine, and without the archives
            return spark.sql(f"SELECT * FROM {table} ORDER BY id").toArrow()


@pytest.fixture(scope="module")
def of_sandbox(client: Client, model_id: str) -> pa.Table:
    """What the sandbox's own job predicts, but where it ran."""
    client.predict_offline(model_id, ROWS, "ml.rates_here", ["id"]).wait()
    with session(client.home) as spark:
        return spark.sql("SELECT * FROM ml.rates_here ORDER BY id").toArrow().drop_columns(["prefix"])


def test_predictions_are_those_of_the_sandbox_bit_for_bit(
    client: Client, cluster: SecondCluster, model_id: str, of_sandbox: pa.Table
) -> None:
    there = predicted(client, Cluster("two", connect=cluster.connect), model_id, ROWS, "ml.rates_two")
    assert there.drop_columns(["prefix"]).equals(of_sandbox)
    prefixes = set(there["prefix"].to_pylist())
    workers = {prefix.removeprefix(f"{cluster.folder}/").partition("/")[0] for prefix in prefixes}
    assert workers == {"work-1", "work-2"}, prefixes


@pytest.mark.slow
def test_a_cluster_with_a_master_alone_gets_a_driver_of_this_machine(
    client: Client, cluster: SecondCluster, model_id: str, of_sandbox: pa.Table
) -> None:
    two = Cluster(
        "master",
        master=cluster.master,
        metastore=cluster.metastore,
        warehouse=str(cluster.folder / "warehouse"),
        spark={"spark.cores.max": "2"},
    )
    there = predicted(client, two, model_id, ROWS, "ml_of_master.rates")
    assert there.drop_columns(["prefix"]).equals(of_sandbox)


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_costs_no_row(client: Client, cluster: SecondCluster, model_id: str) -> None:
    slow = ROWS.replace("CAST(0 AS DOUBLE)", "CAST(4 AS DOUBLE)")
    found: list[pa.Table] = []
    unpacked = cluster.folder / "work-2"
    before = set(unpacked.rglob("environment"))
    two = Cluster("two", connect=cluster.connect)
    job = threading.Thread(target=lambda: found.append(predicted(client, two, model_id, slow, "ml.rates_killed")))
    job.start()
    wait_for(
        lambda: set(unpacked.rglob("environment")) != before, "the second worker unpacks the environment of this job"
    )
    cluster.kill("worker-2")
    job.join(240)
    assert [table.num_rows for table in found] == [5000]


def test_a_cluster_that_is_not_there_is_told_with_its_file(client: Client, model_id: str) -> None:
    with pytest.raises(SandboxError, match=r"Spark of the cluster gone does not answer on 127\.0\.0\.1:9") as raised:
        predicted(client, Cluster("gone", connect="127.0.0.1:9"), model_id, ROWS, "ml.rates_gone")
    assert "clusters.toml" in raised.value.hint


# ---- the check on the cluster


def checked(client: Client, cluster: SecondCluster, gateway: str, model_id: str) -> Report:
    settings = ParitySettings(sql=ROWS.replace("5000", "300"), key=("id",), sample_rows=40)
    two = Cluster("two", connect=cluster.connect, gateway=gateway, database="checks")
    return cluster_check(client, model_id, two, settings)


@pytest.fixture(scope="module")
def unmarked(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model without the output that says where it ran."""
    text = MODEL.replace(", prefix STRING", "").replace(', "prefix": sys.prefix', "")
    return client.upload_model(ModelPackage(write_package(tmp_path_factory.mktemp("models") / "rates", text)))


def test_both_paths_of_a_cluster_agree(client: Client, cluster: SecondCluster, unmarked: str) -> None:
    with served_elsewhere(client, unmarked) as gateway:
        report = checked(client, cluster, gateway, unmarked)
    assert (report.verdict, report.decision.level, report.driver) == (Verdict.PASS, "P1", "cluster two")
    assert {step.name for step in report.steps} >= {"freeze", "offline", "online", "requests", "compare"}
    assert {each.name: each.matched for each in report.comparisons}["batches"] == 300
    assert report.elsewhere["rows_table"].startswith("checks.rows_rates_")


@pytest.mark.slow
def test_a_gateway_that_predicts_differently_fails(client: Client, cluster: SecondCluster, unmarked: str) -> None:
    with served_elsewhere(client, unmarked, {"RATE": "1.01"}) as gateway:
        report = checked(client, cluster, gateway, unmarked)
    assert (report.verdict, report.decision.level) == (Verdict.FAIL, None)
    assert {column for finding in report.findings for column in finding.columns} == {"rate", "small"}


def test_a_gateway_with_a_different_version_fails_and_it_is_said(
    client: Client, cluster: SecondCluster, model_id: str, unmarked: str
) -> None:
    with served_elsewhere(client, unmarked) as gateway:
        report = checked(client, cluster, gateway, model_id)
    assert report.verdict is Verdict.FAIL
    (finding,) = report.findings
    assert f"serves {unmarked}, and the table was made with {model_id}" in finding.sentence
