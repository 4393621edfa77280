"""`pyml predict online` and `pyml predict offline`: predictions of one model on either path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.options import ClusterName, Key, ModelId, Sandbox
from pyml_cli.output import AsJson, choose_output, progress
from pyml_cli.plain import plain_rows
from pyml_sandbox.predict.request_limits import TIMEOUT_S

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.offline.job import JobResult
    from pyml_sandbox.client import Client
    from pyml_sandbox.drivers.contract import OfflineTarget
    from pyml_sandbox.workspace.events import JSON, OnEvent

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def predict() -> None:
    """Predict rows through the gateway, or the rows of a query into a Hive table."""


@app.command()
def online(
    model_id: ModelId,
    rows: Annotated[Path, typer.Option(metavar="FILE", help="Rows to predict: a .csv, .jsonl or .parquet file.")],
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Longest time that one request may take.")
    ] = TIMEOUT_S,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Send rows through the gateway and print one JSON object per prediction."""
    from pyml_sandbox.client import Client
    from pyml_sandbox.models import registry
    from pyml_sandbox.predict.file_formats.file_rows import read_rows

    client = Client(sandbox)
    inputs = registry.find_version(client.home, model_id).signature.inputs
    predictions = client.predict_online(model_id, read_rows(rows, inputs), timeout_s=timeout)
    choose_output(json).result(PredictionsView(predictions))


@app.command()
def offline(
    model_id: ModelId,
    sql: Annotated[str, typer.Option(metavar="QUERY", help="Query that selects the rows to predict.")],
    table: Annotated[str, typer.Option(metavar="TABLE", help="Hive table to write: DATABASE.TABLE.")],
    key: Key = None,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Write an empty table if the query has no rows.")
    ] = False,
    partition: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Replace only this partition; once for each partition column."),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Add the rows to the table or partition. The same job adds them again.")
    ] = False,
    cluster: ClusterName = "",
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Predict the rows of a query with a Spark job and write them to a Hive table, or to one partition of it."""
    from pyml.offline.targets.partition import parse_partition
    from pyml_sandbox.client import Client
    from pyml_sandbox.workspace.events import timed

    values, client = parse_partition(partition or ()), Client(sandbox)
    with (
        progress() as on_event,
        _spark_of(client, cluster, model_id, on_event) as target,
        timed("offline", on_event, "Spark job") as done,
    ):
        job = client.predict_offline(
            model_id,
            sql,
            table,
            key or (),
            allow_empty=allow_empty,
            partition=values,
            append=append,
            target=target,
            on_event=on_event,
        )
        result = job.wait()
        done(f"{result.rows:,} rows in {result.table}")
    choose_output(json).result(JobView(result, job.job_id))


@contextmanager
def _spark_of(client: Client, cluster: str, model_id: str, on_event: OnEvent) -> Iterator[OfflineTarget | None]:
    """The Spark of a cluster; None without a name of one, for the sandbox's own."""
    if not cluster:
        yield None
        return
    from pyml_sandbox.clusters.cluster import find_cluster
    from pyml_sandbox.clusters.cluster_spark import cluster_spark
    from pyml_sandbox.models import registry

    found = find_cluster(cluster, client.home.root)
    version = registry.find_version(client.home, model_id)
    with cluster_spark(client, version, found, on_event) as target:
        yield target


@dataclass(frozen=True)
class PredictionsView:
    """Predictions, one for each row."""

    predictions: pa.Table

    @property
    def json(self) -> Mapping[str, JSON]:
        """All predictions in one object."""
        return {"predictions": self._objects}

    @property
    def text(self) -> str:
        """One JSON object per line."""
        import json

        return "\n".join(json.dumps(row, ensure_ascii=False) for row in self._objects)

    @property
    def _objects(self) -> list[JSON]:
        names = self.predictions.column_names
        return [dict(zip(names, row, strict=True)) for row in plain_rows(self.predictions)]


@dataclass(frozen=True)
class JobView:
    """The result of an offline job, and its id in the history."""

    result: JobResult
    job_id: str = ""

    @property
    def json(self) -> Mapping[str, JSON]:
        """Job, table, partition, number of rows, whether they were added, key, and seconds of each step."""
        result = self.result
        return {
            "job_id": self.job_id,
            "table": result.table,
            "partition": dict(result.partition),
            "rows": result.rows,
            "append": result.append,
            "key": list(result.key),
            "seconds": dict(result.seconds),
        }

    @property
    def text(self) -> str:
        """One line, and for rows that were added what the same job again does."""
        result = self.result
        values = "".join(f" {name}={value}" for name, value in result.partition.items())
        if not result.append:
            return f"{result.table}{values}: {result.rows:,} rows"
        return f"{result.table}{values}: {result.rows:,} rows added\nThe same job again adds them once more."
