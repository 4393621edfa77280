"""The parity check, step by step: freeze, offline, online, compare, diagnose, report."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import PymlError, SandboxError
from pyml.package import ModelPackage
from pyml.schema import quoted
from pyml.settings import ParitySettings
from pyml_sandbox import registry
from pyml_sandbox.compare import Comparison, Tolerances, compare
from pyml_sandbox.events import Event, OnEvent, Progress, ignore, timed
from pyml_sandbox.files import write_atomically
from pyml_sandbox.parity.freeze import DATABASE, FrozenRows, export, freeze
from pyml_sandbox.parity.images import doubts_about, images_of
from pyml_sandbox.parity.judge import ALONE, BATCHES, REPEAT, ROWS, judge
from pyml_sandbox.parity.online import predict_in_batches, sample
from pyml_sandbox.parity.report import Report, StepTime
from pyml_sandbox.parity.verdict import Finding, Judgement, Verdict
from pyml_sandbox.stacks.choice import stack_for

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml.job import JobResult
    from pyml_sandbox.client import Client
    from pyml_sandbox.registry import ModelVersion
    from pyml_sandbox.stacks.base import OfflinePlace


@dataclass
class Run:
    """One run of the check: where its files lie, how long each step took, and where a path failed.

    Attributes:
        folder: Parquet files of this run, and in the end its report.
        name: ends the names of its Hive tables.
        steps: finished steps.
        failures: a path that raised instead of predicting.
        images: the image in which each path ran, by path.
    """

    folder: Path
    name: str
    on_event: OnEvent
    steps: list[StepTime] = field(default_factory=list)
    failures: list[Finding] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, detail: str) -> Iterator[Callable[[str], None]]:
        """Time a step and tell of it."""
        start = time.perf_counter()
        outcome = ""

        with timed(name, self.on_event, detail) as done:

            def note(text: str) -> None:
                nonlocal outcome
                outcome = text
                done(text)

            yield note
        self.steps.append(StepTime(name, round(time.perf_counter() - start, 3), outcome))

    def file(self, name: str) -> Path:
        """A Parquet file of this run."""
        return self.folder / f"{name}.parquet"

    @contextmanager
    def path(self, name: str, words: str) -> Iterator[None]:
        """Note that a path failed, and go on: that one path answers and the other raises is a finding."""
        try:
            yield
        except SandboxError:
            raise
        except PymlError as error:
            self.failures.append(Finding(f"{words} failed: {error.message}", name))


def parity_check(
    client: Client, model_id: str, settings: ParitySettings | None = None, on_event: OnEvent = ignore
) -> Report:
    """Run both real paths over the same rows and compare what they predict; blocks.

    Args:
        client: the sandbox; the model is deployed there.
        model_id: the version to check.
        settings: rows, key and sizes; the model's own `pyml.toml` where none are given.
        on_event: told of each step.

    Returns:
        The report. It is kept in the sandbox's folder as well.

    Raises:
        UsageError: no rows or no key are given, or Spark cannot read the query.
        InputError: the query's columns do not fit the model; lists every one.
        SandboxError: a service does not answer.
    """
    version = registry.find_version(client.home, model_id)
    settings = settings or ModelPackage(version.package).settings.parity
    from pyml_sandbox.spark import session

    run = _begin(client, version, on_event)
    place, result = client.offline(version, on_event), None
    with session(client.home, place) as spark:
        with run.step("freeze", "the rows, once, in a Hive table") as done:
            frozen = freeze(spark, version.contract, settings, f"rows_{run.name}", run.folder)
            done(f"{frozen.rows:,} rows in {frozen.table}")
        if not frozen.doubts:
            with run.step("offline", "Spark job over all rows") as done, run.path(BATCHES, "the offline job"):
                result = _offline(spark, version, place, frozen, run)
                done(f"{result.rows:,} rows in {result.table}")
        _drop_earlier(spark, version, run.name)
    if not frozen.doubts:
        with run.step("online", "the same rows through the gateway") as done:
            done(_online(client, version, frozen, settings, run))
        run.images = images_of(stack_for(client.home, client.state), version, result)
    with run.step("compare", "joined by key") as done:
        comparisons = tuple(_comparisons(run, frozen))
        done(f"{sum(comparison.matched for comparison in comparisons):,} pairs of rows")
    with run.step("diagnose", "what the differences say"):
        judgement = _judgement(comparisons, frozen, run)
    return _report(client, version, frozen, settings, run, judgement, comparisons)


def _begin(client: Client, version: ModelVersion, on_event: OnEvent) -> Run:
    folder = client.home.parity / version.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Run(folder, f"{_table_name(version)}_{uuid.uuid4().hex[:8]}", on_event)


def _table_name(version: ModelVersion) -> str:
    return version.name.replace("-", "_").lower()


def _drop_earlier(spark: SparkSession, version: ModelVersion, name: str) -> None:
    """Keep the tables of this run alone: those of earlier runs answer no question any more."""
    stems = [f"{kind}_{_table_name(version)}_" for kind in ("rows", "offline")]
    for table in spark.catalog.listTables(DATABASE):
        is_ours = any(table.name[: len(stem)] == stem and len(table.name) == len(stem) + 8 for stem in stems)
        if is_ours and not table.name.endswith(name):
            spark.sql(f"DROP TABLE IF EXISTS {DATABASE}.{table.name} PURGE")


def _offline(
    spark: SparkSession, version: ModelVersion, place: OfflinePlace, frozen: FrozenRows, run: Run
) -> JobResult:
    from pyml.job import OfflineJob
    from pyml.job import run as run_job

    contract = version.contract
    target = f"{DATABASE}.offline_{run.name}"
    query = f"SELECT * FROM {frozen.table}"
    folder = place.environment.package
    result = run_job(spark, OfflineJob(folder, contract.inputs, contract.outputs, query, target, frozen.key))
    export(spark, target, run.file("offline"))
    return result


def _online(client: Client, version: ModelVersion, frozen: FrozenRows, settings: ParitySettings, run: Run) -> str:
    """All rows in batches, a sample one by one, and that sample twice in one batch."""
    import pyarrow.parquet as pq

    rows = pq.read_table(frozen.file)
    few = sample(rows, settings.sample_rows)

    def tell(done: int) -> None:
        run.on_event(Event("online", Progress.WAITING, "rows through the gateway", done=done, total=rows.num_rows))

    with client.online(version) as model:

        def send(
            what: pa.Table, batch_rows: int, name: str, on_rows: Callable[[int], None] = lambda done: None
        ) -> None:
            predict_in_batches(model, what, frozen.key, batch_rows, run.file(name), on_rows)

        with run.path(BATCHES, "online in batches"):
            send(rows, settings.batch_rows, "online_batches", tell)
        with run.path(ROWS, "online, one row at a time,"):
            send(few, 1, "online_rows")
        with run.path(REPEAT, "online, the sample in one batch,"):
            send(few, few.num_rows, "repeat_first")
            send(few, few.num_rows, "repeat_second")
    return f"{rows.num_rows:,} rows in batches of {settings.batch_rows:,}, {few.num_rows:,} one by one"


def _comparisons(run: Run, frozen: FrozenRows) -> Iterator[Comparison]:
    pairs = (
        (BATCHES, "offline", "online_batches", None),
        (ROWS, "offline", "online_rows", "online_rows"),
        (ALONE, "online_batches", "online_rows", "online_rows"),
        (REPEAT, "repeat_first", "repeat_second", None),
    )
    for name, left, right, within in pairs:
        if run.file(left).exists() and run.file(right).exists():
            yield compare(
                run.file(left),
                run.file(right),
                frozen.key,
                name=name,
                left_name=_SIDES.get(left, left),
                right_name=_SIDES.get(right, right),
                within=run.file(within) if within else None,
            )


_SIDES = {
    "online_batches": "online in batches",
    "online_rows": "online one by one",
    "repeat_first": "the first time",
    "repeat_second": "the second time",
}


def _judgement(comparisons: tuple[Comparison, ...], frozen: FrozenRows, run: Run) -> Judgement:
    doubts = doubts_about(run.images)
    judgement = judge(comparisons, [*frozen.doubts, *doubts])
    if doubts or not run.failures:
        return judgement
    return replace(
        judgement, verdict=Verdict.FAIL, reason="", level=None, findings=(*run.failures, *judgement.findings)
    )


def _report(
    client: Client,
    version: ModelVersion,
    frozen: FrozenRows,
    settings: ParitySettings,
    run: Run,
    judgement: Judgement,
    comparisons: tuple[Comparison, ...],
) -> Report:
    with frozen.file.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    report = Report(
        judgement=judgement,
        model=version.model_id,
        sandbox=client.home.name,
        driver=client.state.driver,
        rows=frozen.rows,
        fixture_digest=f"sha256:{digest}",
        comparisons=comparisons,
        tolerances=Tolerances(),
        steps=tuple(run.steps),
        declared_level=settings.level,
        images=run.images,
        next_command=_look_at_worst(comparisons, frozen.table),
        elsewhere={"folder": str(run.folder), "rows_table": frozen.table},
    )
    write_atomically(run.folder / "report.json", json.dumps(report.to_json(), indent=2) + "\n")
    return report


def _look_at_worst(comparisons: tuple[Comparison, ...], table: str) -> str:
    """A command that shows the inputs of the row that differs most; empty where none does."""
    rows = ((c, worst) for c in comparisons for column in c.differing_columns() for worst in column.worst)
    comparison, worst = next(rows, (None, None))
    if comparison is None or worst is None:
        return ""
    pairs = zip(comparison.key, worst.key, strict=True)
    where = " AND ".join(f"{quoted(name)} = {_literal(value)}" for name, value in pairs)
    return f'pyml dev sql "SELECT * FROM {table} WHERE {where}"'


def _literal(value: str | None) -> str:
    """A key's text as Spark compares it with a column of any type; a time zone of hours alone is not one to Spark."""
    text = (value or "").replace("'", "\\'")
    return f"'{text}:00'" if re.search(r":\d\d(\.\d+)?[+-]\d\d$", text) else f"'{text}'"
