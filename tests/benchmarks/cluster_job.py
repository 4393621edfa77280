"""An offline job on a second Spark cluster of two workers beside the same job in the sandbox, in the same run.

    python tests/benchmarks/cluster_job.py [--rows 2000000] [--write]

Needs root, since workers run without this machine's interpreters. The cluster is on this machine: what differs is how the job gets
there, and not how many cores it has. The first job of a cluster unpacks the environment on each worker; the later ones are medians.
`--write` writes docs/performance.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.reliability_page import fill_in
from pyml.package.model_package import ModelPackage
from pyml_sandbox.client import Client
from pyml_sandbox.clusters.cluster import Cluster
from pyml_sandbox.clusters.cluster_spark import cluster_spark
from pyml_sandbox.drivers.contract import OfflineTarget
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.workspace.home import SandboxHome
from support.free_ports import free_port_choices
from support.packages import write_package
from support.second_cluster import second_cluster

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
MODEL = """
import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema

class Rates(DataFrameModel):
    inputs = Schema("a DOUBLE, b DOUBLE")
    outputs = Schema("rate DOUBLE")
    def __init__(self, parameters): pass
    def predict(self, frame):
        return pd.DataFrame({"rate": np.log1p(frame["a"]) * np.sin(frame["b"])})
"""
REPETITIONS = 3


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000, metavar="N")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pyml-bench-", ignore_cleanup_errors=True) as folder:
        text = "\n".join(table(Path(folder), arguments.rows))
    print(text)
    if arguments.write:
        fill_in("cluster", text, PAGE)


def table(folder: Path, rows: int) -> Iterator[str]:
    """The lines of a Markdown table."""
    home = SandboxHome(folder / "home", "bench")
    up_and_down.up(home, up_and_down.Options("process", free_port_choices()))
    try:
        client = Client(home)
        model_id = client.upload_model(ModelPackage(write_package(folder / "rates", MODEL)))
        query = f"SELECT id, CAST(id AS DOUBLE) AS a, CAST(id % 97 AS DOUBLE) AS b FROM range(0, {rows}, 1, 4)"
        here = [seconds(client, model_id, query, None) for _ in range(REPETITIONS + 1)]
        (folder / "cluster").mkdir()
        with second_cluster(folder / "cluster", {"spark.cores.max": "2"}) as cluster:
            two = Cluster("two", connect=cluster.connect)
            packed = time.perf_counter()
            with cluster_spark(client, find_version(home, model_id), two) as target:
                packed = time.perf_counter() - packed
                there = [seconds(client, model_id, query, target) for _ in range(REPETITIONS + 1)]
    finally:
        up_and_down.reset(home)
    yield "| where | archive s | first job s | later jobs s | rows a second |"
    yield "|---|--:|--:|--:|--:|"
    for name, archive, found in (("the sandbox", 0.0, here), ("two workers of a cluster", packed, there)):
        later = statistics.median(found[1:])
        yield f"| {name} | {archive:.1f} | {found[0]:.1f} | {later:.1f} | {rows / later:,.0f} |"
    yield f"| the cluster beside the sandbox | | | {statistics.median(there[1:]) / statistics.median(here[1:]):.2f} x | |"


def seconds(client: Client, model_id: str, query: str, target: OfflineTarget | None) -> float:
    """Seconds of one whole job."""
    started = time.perf_counter()
    client.predict_offline(model_id, query, "ml.measured", ["id"], target=target).wait()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
