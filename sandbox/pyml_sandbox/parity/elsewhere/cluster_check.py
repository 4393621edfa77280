"""The parity check on a cluster: its Spark and its gateway over the same rows, which are frozen there."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import UsageError
from pyml.package.settings import LEVELS, ParitySettings, Settings
from pyml_sandbox.clusters.cluster_spark import access_of, cluster_spark
from pyml_sandbox.drivers.contract import OfflineTarget
from pyml_sandbox.models import registry
from pyml_sandbox.parity import cache
from pyml_sandbox.parity.decisions.evidence import Evidence, compared_run, results_of
from pyml_sandbox.parity.decisions.pairings import OFFLINE, ONLINE_BATCHES, deciding_pairings, needs_noise
from pyml_sandbox.parity.decisions.path_environments import environments_of
from pyml_sandbox.parity.elsewhere.requests_compared import RequestEvidence, RequestsCompared
from pyml_sandbox.parity.failures import merged
from pyml_sandbox.parity.fixture_paths import FixturePaths
from pyml_sandbox.parity.harness_evidence import HarnessEvidence
from pyml_sandbox.parity.noise.granted import granted_tolerances
from pyml_sandbox.parity.noise.ties import labels_in
from pyml_sandbox.parity.paths.batches_online import sample
from pyml_sandbox.parity.paths.path_images import UNKNOWN, image_reasons
from pyml_sandbox.parity.report import report_history
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.samples import points_of
from pyml_sandbox.parity.rows.snapshot import Snapshot, take_snapshot
from pyml_sandbox.parity.rows.stored_rows import StoredRows
from pyml_sandbox.parity.run import Run, only_run
from pyml_sandbox.parity.verdict import PathFailure
from pyml_sandbox.parity.verdict_rules import BATCHES, decide
from pyml_sandbox.predict.online import OnlineModel
from pyml_sandbox.workspace.events import OnEvent, ignore

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml.inference.worker_info import Worker
    from pyml.offline.job import JobResult
    from pyml_sandbox.client import Client
    from pyml_sandbox.clusters.cluster import Cluster
    from pyml_sandbox.models.version import ModelVersion

LEVEL = LEVELS[0]
"""What a cluster can be asked: whether its two paths agree. Higher levels need the model in a process of its own."""


def cluster_check(
    client: Client,
    model_id: str,
    cluster: Cluster,
    settings: ParitySettings | None = None,
    on_event: OnEvent = ignore,
    *,
    rows: pa.Table | None = None,
) -> Report:
    """Run both paths of a cluster over the same rows, and compare their predictions. Blocks.

    Args:
        client: the sandbox that has the version.
        model_id: the version.
        cluster: has a gateway that serves the version.
        settings: rows, key and sizes; None for the model's own `pyml.toml`. The query is one of the cluster's tables.
        on_event: called at each step.
        rows: rows that replace a query, shape (rows, key columns and inputs).

    Returns:
        The report, at level P1. If the gateway serves a different version, it is a FAIL that says so.

    Raises:
        UsageError: the cluster has no gateway, no rows or no key are given, or Spark cannot read the query.
        InputError: the query's columns do not fit the model.
        SandboxError: Spark or the gateway does not answer.
    """
    version = registry.find_version(client.home, model_id)
    settings = replace(settings or Settings.load(version.package).parity, level=LEVEL, expected="")
    if not cluster.gateway:
        raise UsageError(
            f"the cluster {cluster.name} has no gateway, and there is nothing to compare with",
            f'gateway = "HOST:PORT" in the table [{cluster.name}] of clusters.toml',
        )
    with only_run(client.home, version.name, on_event):
        return _ClusterCheck(client, version, cluster, settings, on_event).report(rows)


class _ClusterCheck:
    """One check of one version on one cluster."""

    def __init__(
        self, client: Client, version: ModelVersion, cluster: Cluster, settings: ParitySettings, on_event: OnEvent
    ) -> None:
        self._client, self._version, self._cluster, self._settings = client, version, cluster, settings
        self._granted = granted_tolerances(settings.tolerance, version.signature.outputs)
        self._run = Run.begin(client.home, version.name, on_event, where=cluster.name, database=cluster.database)
        self._result: JobResult | None = None
        self._online_worker: Worker | None = None
        self._paths = FixturePaths(settings, self._run, lambda: None)

    def report(self, rows: pa.Table | None) -> Report:
        from pyml_sandbox.predict.spark_session import session

        run, client, version = self._run, self._client, self._version
        with (
            cluster_spark(client, version, self._cluster, run.on_event) as target,
            session(client.home, target) as spark,
        ):
            with run.step("freeze", f"the rows, once, in a Hive table of {self._cluster.name}") as done:
                snapshot = take_snapshot(
                    spark,
                    version.signature,
                    self._settings,
                    f"rows_{run.name}",
                    run.folder,
                    given=rows,
                    database=run.database,
                )
                done(f"{snapshot.rows:,} rows in {snapshot.table}")
            requests = RequestEvidence() if snapshot.inconclusive else self._asked(spark, target, snapshot)
            run.drop_earlier(spark)
        with run.step("compare", "joined by key") as done:
            comparisons = self._paths.compared(snapshot, self._granted)
            evidence = Evidence(requests.findings, made=requests.made)
            if needs_noise(comparisons, is_examined=False):
                evidence = self._with_noise(evidence, snapshot)
                comparisons = self._paths.compared(snapshot, evidence.noise.tolerances(self._granted))
            done(f"{sum(comparison.matched for comparison in comparisons):,} pairs of rows")
        tolerances = evidence.noise.tolerances(self._granted)
        ties = {
            each.name: labels_in(run.file(each.left), run.file(each.right), snapshot.key, comparison, tolerances)
            for each, comparison in deciding_pairings(comparisons)
        }
        failures = merged(run.failures)
        decision = decide(
            comparisons,
            [*snapshot.inconclusive, *image_reasons(run.images)],
            evidence.findings,
            failures=failures,
            gaps=[*evidence.gaps, *requests.gaps],
            size_dependent=set(evidence.noise.size_dependent),
            ties=ties,
        )
        seconds = sum(step.seconds for step in run.steps if step.name in ("offline", "online", "compare"))
        compared = compared_run(snapshot.rows, seconds, comparisons, run.failures)
        report = Report(
            decision=decision,
            model=version.model_id,
            sandbox=client.home.name,
            driver=f"cluster {self._cluster.name}",
            rows=snapshot.rows,
            fixture_digest=f"sha256:{snapshot.digest}",
            comparisons=comparisons,
            tolerances=tolerances,
            steps=tuple(run.steps),
            declared_level=LEVEL,
            budget_s=self._settings.budget_s,
            undone=tuple(evidence.undone),
            checks=() if snapshot.inconclusive else results_of(evidence, compared, decision.findings),
            failures=failures,
            floors=evidence.noise.floors,
            points=points_of(run.file(OFFLINE), run.file(ONLINE_BATCHES), snapshot.key),
            environments=environments_of(self._result.workers if self._result else (), self._online_worker),
            images=run.images,
            checked_at=datetime.now(UTC).isoformat(),
            elsewhere={"folder": str(run.folder), "rows_table": snapshot.table},
        )
        cache.write(run.folder, report)
        report_history.keep(client.home, report, run.seconds)
        return report

    def _asked(self, spark: SparkSession, target: OfflineTarget, snapshot: Snapshot) -> RequestEvidence:
        """Ask both paths; what requests in different forms and at once show."""
        self._result = self._paths.offline(spark, target, snapshot, self._version.signature)
        signature, serving = self._version.signature, Settings.load(self._version.package).serving
        with OnlineModel(
            self._cluster.gateway,
            self._version.name,
            self._version.version,
            signature,
            max_request_mb=serving.max_request_mb,
            access=access_of(self._cluster),
        ) as model:
            if self._serves_a_different_version(model):
                return RequestEvidence()
            self._online_worker = self._paths.online(model, snapshot)
            self._note_images()
            if self._run.failures:
                return RequestEvidence()
            with self._run.step("requests", "in different forms, and at once"):
                few = sample(StoredRows(snapshot.file), self._settings.sample_rows)
                return RequestsCompared(self._run, model, snapshot, self._granted).evidence(few)

    def _serves_a_different_version(self, model: OnlineModel) -> bool:
        """Whether the gateway serves a different version than the table was made with; then that is a failure."""
        served = model.default_version()
        if served in ("", self._version.version):
            return False
        name = self._version.name
        message = (
            f"the gateway {self._cluster.gateway} serves {name}@{served}, "
            f"and the table was made with {self._version.model_id}"
        )
        self._run.failures.append(PathFailure(("online",), message, BATCHES, ErrorCode.MODEL_UNKNOWN))
        return True

    def _note_images(self) -> None:
        """The images of both paths, as their processes say: there is no engine to ask."""
        workers = {"offline": self._result.workers if self._result else (), "online": (self._online_worker,)}
        found = {path: {each.image or UNKNOWN for each in of if each} for path, of in workers.items()}
        if all(images - {UNKNOWN} for images in found.values()):  # a path that says nothing of images runs in none
            self._run.images = {path: ", ".join(sorted(images)) for path, images in found.items()}

    def _with_noise(self, known: Evidence, snapshot: Snapshot) -> Evidence:
        """The noise of the model on this machine: may it explain the differences?"""
        client, version = self._client, self._version
        environment = registry.prepare(version, client.driver.builder, self._run.on_event)
        target = OfflineTarget("", environment, _nothing)
        harness = HarnessEvidence(client, version, self._settings, self._granted, self._run)
        with ExitStack() as stack:
            noise = harness.of_noise(stack, target, snapshot)
        return replace(noise, findings=[*known.findings, *noise.findings], made={**noise.made, **known.made})


def _nothing(timeout_s: float) -> None:
    """A harness asks no Spark."""
