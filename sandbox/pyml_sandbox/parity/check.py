"""The parity check, step by step: freeze, offline, online; find, shrink, explain, confirm; compare, judge, report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from pyml.errors import PymlError
from pyml.package.model_package import ModelPackage
from pyml.package.settings import ParitySettings
from pyml_sandbox.compare import Comparison, Tolerances
from pyml_sandbox.lifecycle.deployment import publish_again, serve, served_meanwhile
from pyml_sandbox.models import registry
from pyml_sandbox.models.batching import Shown, note_shown, place
from pyml_sandbox.parity import cache
from pyml_sandbox.parity.attest import leave_proof
from pyml_sandbox.parity.decisions.evidence import (
    Evidence,
    checked_level,
    compared_run,
    is_examined,
    may_be_kept,
    notebook_of,
    notebook_run,
    results_of,
)
from pyml_sandbox.parity.decisions.pairings import (
    EXPECTED,
    OFFLINE,
    ONLINE_BATCHES,
    deciding_pairings,
    needs_noise,
)
from pyml_sandbox.parity.decisions.path_environments import environments_of
from pyml_sandbox.parity.failures import merged
from pyml_sandbox.parity.fixture_paths import FixturePaths
from pyml_sandbox.parity.harness_evidence import HarnessEvidence
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.granted import granted_tolerances
from pyml_sandbox.parity.noise.ties import labels_in
from pyml_sandbox.parity.paths.path_images import image_reasons, images_of
from pyml_sandbox.parity.paths.real_paths import RealPaths
from pyml_sandbox.parity.report import report_history
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.next_command import next_command
from pyml_sandbox.parity.report.samples import points_of
from pyml_sandbox.parity.rows.notebook_predictions import NotebookPredictions, not_beside, read_notebook
from pyml_sandbox.parity.rows.row_files import write
from pyml_sandbox.parity.rows.rows_beside import rows_not_beside
from pyml_sandbox.parity.rows.snapshot import Snapshot, take_snapshot
from pyml_sandbox.parity.run import Run, only_run
from pyml_sandbox.parity.verdict import CheckResult, Decision
from pyml_sandbox.parity.verdict_rules import decide
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml.inference.worker_info import Worker
    from pyml.offline.job import JobResult
    from pyml_sandbox.client import Client
    from pyml_sandbox.drivers.contract import OfflineTarget
    from pyml_sandbox.models.model_session import Session
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.predict.online import OnlineModel
    from pyml_sandbox.proof.signing_key import SigningKey


def parity_check(
    client: Client,
    model_id: str,
    settings: ParitySettings | None = None,
    on_event: OnEvent = ignore,
    *,
    rows: pa.Table | None = None,
    expected: Path | None = None,
    use_cache: bool = True,
    signing_key: SigningKey | None = None,
) -> Report:
    """Run both real paths over the same rows, compare their predictions, and find out why they differ. Blocks.

    A second check of the same model waits for the first, and reports that it waits.

    Args:
        client: the sandbox.
        model_id: the version to check. It is served while the check runs; what is deployed stays as it is.
        settings: rows, key, sizes and the required level; None for the model's own `pyml.toml`. The checks of levels
            above P1 are made unless the required level is P1.
        on_event: called at each step.
        rows: rows that replace a query, shape (rows, key columns and inputs), such as those of the file that
            `settings.rows` names. They are numbered if there is no key.
        expected: the file that `settings.expected` names, in the folder where the user has it; None for a Hive table,
            and if the settings name neither.
        use_cache: whether an earlier report on the same version, rows and settings may be returned.
        signing_key: signs the proof that is left for the image, where both paths ran in one; None to leave it unsigned.

    Returns:
        The report, which is also written to the sandbox's folder.

    Raises:
        UsageError: no rows or no key are given, Spark cannot read the query, `[parity.tolerance]` names a column that
            is not a float output, or the predictions of the notebook cannot be read or matched by key.
        InputError: the query's columns do not fit the model; lists every one.
        SandboxError: a service does not answer.
    """
    version = registry.find_version(client.home, model_id)
    settings = settings or ModelPackage(version.package).settings.parity
    if settings.has_expected_file and expected is None:
        raise not_beside(settings)
    if settings.rows and rows is None:
        raise rows_not_beside(settings)
    with only_run(client.home, version.name, on_event):
        report = _Check(client, version, settings, expected, on_event).report(rows, use_cache=use_cache)
    if proof := leave_proof(client.home, report, settings, signing_key):
        on_event(Event("proof", Progress.READY, f"{_signed(signing_key)}: {proof.file}"))
    return report


def _signed(key: SigningKey | None) -> str:
    return f"signed with {key.where}" if key else "not signed; for a key: pyml keys init"


class _Check:
    """One check of one version: its steps in their order; what is decided between them is in `decisions`."""

    def __init__(
        self,
        client: Client,
        version: ModelVersion,
        settings: ParitySettings,
        expected: Path | None,
        on_event: OnEvent,
    ) -> None:
        self._client, self._version, self._settings = client, version, settings
        self._granted = granted_tolerances(settings.tolerance, version.signature.outputs)
        self._run = Run.begin(client.home, version.name, on_event)
        again = partial(serve, client.home, version, on_event)
        self._paths = FixturePaths(settings, self._run, again)
        self._harness = HarnessEvidence(client, version, settings, self._granted, self._run)
        self._expected = expected
        self._notebook: NotebookPredictions | None = None
        self._result: JobResult | None = None
        self._online_worker: Worker | None = None

    def report(self, rows: pa.Table | None, *, use_cache: bool) -> Report:
        from pyml_sandbox.predict.spark_session import session

        run = self._run
        target = self._client.offline(self._version, run.on_event)
        is_asked = is_examined(self._settings.level)
        with (
            self._harness.opened(target) if is_asked else nullcontext() as opened,
            session(self._client.home, target) as spark,
        ):
            with run.step("freeze", "the rows, once, in a Hive table") as done:
                snapshot = take_snapshot(
                    spark, self._version.signature, self._settings, f"rows_{run.name}", run.folder, given=rows
                )
                done(f"{snapshot.rows:,} rows in {snapshot.table}")
            self._notebook = self._read_notebook(spark, snapshot) if self._settings.expected else None
            notebook = self._notebook.digest if self._notebook else ""
            key = cache.key_of(target.environment.key, self._version, snapshot, self._settings, notebook)
            known = cache.find(self._client.home, key) if use_cache else None
            if known is not None:
                run.drop_earlier(spark)
                known = cache.moved(known, run.folder, snapshot.table)
                cache.write(run.folder, known)
                return known
            evidence, comparisons = self._both_paths(spark, target, snapshot, opened)
        with run.step("judge", "what all of it says"):
            decision = self._decision(comparisons, snapshot, evidence)
        report = self._report(snapshot, decision, comparisons, evidence)
        report_history.keep(
            self._client.home, report, run.seconds, key if may_be_kept(evidence, report.failures) else ""
        )
        self._tell_of_batches(decision, evidence.noise)
        return report

    def _tell_of_batches(self, decision: Decision, noise: Noise) -> None:
        """Let the gateway know whether the requests for this version may be predicted together."""
        noisy = {floor.column for floor in noise.floors} | set(noise.size_dependent) | set(noise.ties)
        is_measured = noise.rows > 1
        shown = Shown(place(self._client.state.driver), decision.level or "" if is_measured else "", sorted(noisy))
        if note_shown(self._version, shown):
            try:
                publish_again(self._client.home, self._version)
            except PymlError as error:  # the check itself is done; the next deployment or `up` tells the gateway
                self._run.on_event(Event("routes", Progress.NOTE, f"the gateway was not told: {error.message}"))

    # ---- the steps

    def _read_notebook(self, spark: SparkSession, snapshot: Snapshot) -> NotebookPredictions:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = pq.read_schema(snapshot.file)
        keys = pa.schema([types.field(name) for name in snapshot.key])
        with self._run.step("notebook", "what the notebook predicted") as done:
            found = read_notebook(self._settings.expected, self._expected, spark, keys, self._version.signature.outputs)
            write(found.rows, self._run.file(EXPECTED))
            done(f"{found.rows.num_rows:,} rows in {found.name}")
        return found

    def _both_paths(
        self, spark: SparkSession, target: OfflineTarget, snapshot: Snapshot, opened: Session | None
    ) -> tuple[Evidence, tuple[Comparison, ...]]:
        """Run both paths over all rows, and the harness at the same time; nothing if the rows are inconclusive.

        The harness needs no server, so that both load the model side by side.
        """
        if snapshot.inconclusive:
            self._run.drop_earlier(spark)
            return Evidence(), ()
        with ExitStack() as processes, ExitStack() as stack:
            examined = (
                stack.enter_context(self._harness.examining(processes, target, snapshot, opened)) if opened else None
            )
            stack.enter_context(served_meanwhile(self._client.home, self._version, self._run.on_event))
            model = stack.enter_context(self._client.online(self._version))
            self._ask(spark, model, target, snapshot)
            self._run.drop_earlier(spark)  # while the harness works
            evidence = Evidence()
            if examined is not None:
                rest = f"127.0.0.1:{self._client.state.ports.rest}"
                paths = RealPaths(spark, model, self._version, target.environment.package, rest, self._run.name)
                evidence = self._harness.on_the_paths(examined, paths, snapshot, self._result, self._online_worker)
            with self._run.step("compare", "joined by key") as done:
                comparisons = self._comparisons(snapshot, evidence)
                if needs_noise(comparisons, is_examined=opened is not None):
                    evidence = self._harness.of_noise(processes, target, snapshot)
                    comparisons = self._comparisons(snapshot, evidence)
                done(f"{sum(comparison.matched for comparison in comparisons):,} pairs of rows")
        return evidence, comparisons

    def _ask(self, spark: SparkSession, model: OnlineModel, target: OfflineTarget, snapshot: Snapshot) -> None:
        self._result = self._paths.offline(spark, target, snapshot, self._version.signature)
        self._run.images = images_of(self._client.driver, self._version, self._result)
        self._online_worker = self._paths.online(model, snapshot)

    def _tolerances(self, evidence: Evidence) -> Tolerances:
        return evidence.noise.tolerances(self._granted)

    def _comparisons(self, snapshot: Snapshot, evidence: Evidence) -> tuple[Comparison, ...]:
        return self._paths.compared(snapshot, self._tolerances(evidence))

    # ---- verdict and report

    def _decision(self, comparisons: Sequence[Comparison], snapshot: Snapshot, evidence: Evidence) -> Decision:
        tolerances = self._tolerances(evidence)
        ties = {
            each.name: labels_in(
                self._run.file(each.left), self._run.file(each.right), snapshot.key, comparison, tolerances
            )
            for each, comparison in deciding_pairings(comparisons)
        }
        return decide(
            comparisons,
            [*snapshot.inconclusive, *image_reasons(self._run.images)],
            evidence.findings,
            checked=checked_level(self._settings.level, evidence.gap),
            failures=merged(self._run.failures),
            gaps=evidence.gaps,
            size_dependent=set(evidence.noise.size_dependent),
            ties=ties,
            misfits=self._notebook.misfits if self._notebook else {},
        )

    def _checks(
        self, snapshot: Snapshot, decision: Decision, comparisons: Sequence[Comparison], evidence: Evidence
    ) -> tuple[CheckResult, ...]:
        """Every check that was made; none if the rows are inconclusive, since neither path ran then."""
        if snapshot.inconclusive:
            return ()
        seconds = sum(step.seconds for step in self._run.steps if step.name in ("offline", "online", "compare"))
        compared = compared_run(snapshot.rows, seconds, comparisons, self._run.failures)
        return results_of(evidence, compared, decision.findings, notebook_run(comparisons))

    def _report(
        self, snapshot: Snapshot, decision: Decision, comparisons: tuple[Comparison, ...], evidence: Evidence
    ) -> Report:
        run, client = self._run, self._client
        report = Report(
            decision=decision,
            model=self._version.model_id,
            sandbox=client.home.name,
            driver=client.state.driver,
            rows=snapshot.rows,
            fixture_digest=f"sha256:{snapshot.digest}",
            comparisons=comparisons,
            tolerances=self._tolerances(evidence),
            steps=tuple(run.steps),
            declared_level=self._settings.level,
            budget_s=self._settings.budget_s,
            undone=tuple(evidence.undone),
            checks=self._checks(snapshot, decision, comparisons, evidence),
            failures=merged(run.failures),
            floors=evidence.noise.floors,
            points=points_of(run.file(OFFLINE), run.file(ONLINE_BATCHES), snapshot.key),
            environments=environments_of(self._result.workers if self._result else (), self._online_worker),
            images=run.images,
            checked_at=datetime.now(UTC).isoformat(),
            notebook=notebook_of(self._notebook, decision, is_compared=notebook_run(comparisons) is not None),
            next_command=next_command(decision, comparisons, snapshot.table),
            elsewhere={"folder": str(run.folder), "rows_table": snapshot.table},
        )
        cache.write(run.folder, report)
        return report
