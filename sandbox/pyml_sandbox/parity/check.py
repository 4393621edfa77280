"""The parity check, step by step: freeze, offline, online, examine, hops, diagnose, compare, judge, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyml.errors import PackageError
from pyml.package.model_package import ModelPackage
from pyml.package.settings import LEVELS, ParitySettings
from pyml_sandbox.compare import Comparison, Tolerances, compare
from pyml_sandbox.models import registry
from pyml_sandbox.parity import cache
from pyml_sandbox.parity.checks.both_paths import PathChecks
from pyml_sandbox.parity.counterexample.find import CounterexampleFinder
from pyml_sandbox.parity.diagnosis.findings import finding_of, noise_findings
from pyml_sandbox.parity.diagnosis.rules import Diagnosis, diagnose
from pyml_sandbox.parity.examine import Examination, examine, measured, on_the_paths, open_context, sizes
from pyml_sandbox.parity.failures import is_limit, merged
from pyml_sandbox.parity.harness_process import HarnessProcesses
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.ties import Ties, labels_in
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.check_record import CheckRun, check_results, with_paths
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.paths.batches_online import predict_in_batches, sample
from pyml_sandbox.parity.paths.path_images import doubts_about, images_of
from pyml_sandbox.parity.paths.real_paths import RealPaths
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.next_command import next_command
from pyml_sandbox.parity.report.samples import points_of
from pyml_sandbox.parity.rows.frozen import DATABASE, Snapshot, export, take_snapshot
from pyml_sandbox.parity.run import Run, only_run
from pyml_sandbox.parity.verdict import CheckResult, Decision, Finding
from pyml_sandbox.parity.verdict_rules import ALONE, BATCHES, REPEAT, ROWS, decide
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml.inference.worker_info import Worker
    from pyml.offline.job import JobResult
    from pyml_sandbox.client import Client
    from pyml_sandbox.drivers.contract import OfflineTarget
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.parity.context.check_context import CheckContext
    from pyml_sandbox.predict.online import OnlineModel

CROWD_ROWS = 1000


@dataclass
class Evidence:
    """What the laboratory and the real paths showed beyond the comparisons.

    Attributes:
        findings: each cause, with its counterexample.
        symptoms: what every check saw.
        noise: what the size of a batch alone does to the model's outputs; nothing where it was not measured.
        made: the checks that were made.
        gap: why further ones could not be; empty where all were.
    """

    findings: Sequence[Finding] = ()
    observations: Sequence[Observation] = ()
    noise: Noise = field(default_factory=Noise)
    made: Mapping[str, CheckRun] = field(default_factory=dict)
    gap: str = ""

    @property
    def tolerances(self) -> Tolerances:
        """How far floats may differ between the paths."""
        return self.noise.tolerances(Tolerances())


def parity_check(
    client: Client,
    model_id: str,
    settings: ParitySettings | None = None,
    on_event: OnEvent = ignore,
    *,
    rows: pa.Table | None = None,
    use_cache: bool = True,
) -> Report:
    """Run both real paths over the same rows, compare what they predict, and find out why they part; blocks.

    A second check of the same model waits for the first, and says so.

    Args:
        client: the sandbox; the model is deployed there.
        model_id: the version to check.
        settings: rows, key, sizes and the needed level; the model's own `pyml.toml` where none are given. The checks of
            levels beyond P1 are made unless P1 is all that is needed.
        on_event: told of each step.
        rows: rows that take the place of a query: the key and the model's inputs. They are numbered where no key is
            given.
        use_cache: whether an earlier report on the same version, rows and settings is given again.

    Returns:
        The report. It is kept in the sandbox's folder as well.

    Raises:
        UsageError: no rows or no key are given, or Spark cannot read the query.
        InputError: the query's columns do not fit the model; lists every one.
        SandboxError: a service does not answer.
    """
    version = registry.find_version(client.home, model_id)
    settings = settings or ModelPackage(version.package).settings.parity
    with only_run(client.home, version.name, on_event):
        return _Check(client, version, settings, on_event).report(rows, use_cache=use_cache)


class _Check:
    """One check of one version."""

    def __init__(self, client: Client, version: ModelVersion, settings: ParitySettings, on_event: OnEvent) -> None:
        self._client, self._version, self._settings = client, version, settings
        self._run = Run.begin(client, version, on_event)
        self._result: JobResult | None = None
        self._online_worker: Worker | None = None

    def report(self, rows: pa.Table | None, *, use_cache: bool) -> Report:
        from pyml_sandbox.predict.spark_session import session

        run = self._run
        place = self._client.offline(self._version, run.on_event)
        with session(self._client.home, place) as spark, self._client.online(self._version) as model:
            with run.step("freeze", "the rows, once, in a Hive table") as done:
                snapshot = take_snapshot(
                    spark, self._version.signature, self._settings, f"rows_{run.name}", run.folder, given=rows
                )
                done(f"{snapshot.rows:,} rows in {snapshot.table}")
            key = cache.key_of(place.environment.key, self._version, snapshot, self._settings)
            known = cache.find(self._client.home, key) if use_cache else None
            if known is not None:
                run.drop_earlier(spark, self._version)
                known = cache.moved(known, run.folder, snapshot.table)
                cache.write(run.folder, known)
                return known
            evidence, comparisons = self._both_paths(spark, model, place, snapshot)
            run.drop_earlier(spark, self._version)
        with run.step("judge", "what all of it says"):
            decision = self._decision(comparisons, snapshot, evidence)
        report = self._report(snapshot, decision, comparisons, evidence)
        if not evidence.gap and not report.failures:  # which another run, on a machine with less to do, may not meet
            cache.keep(self._client.home, key, report)
        return report

    # ---- the steps

    def _both_paths(
        self, spark: SparkSession, model: OnlineModel, place: OfflineTarget, snapshot: Snapshot
    ) -> tuple[Evidence, tuple[Comparison, ...]]:
        """Both paths over all rows; meanwhile the laboratory, which needs neither. Nothing where no row is good."""
        if snapshot.doubts:
            return Evidence(), ()
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="pyml-harness"))
            examined = pool.submit(self._examined, stack, place, snapshot) if self._settings.level > LEVELS[0] else None
            self._offline(spark, place, snapshot)
            self._online(model, snapshot)
            evidence = Evidence()
            if examined is not None:
                rest = f"127.0.0.1:{self._client.state.ports.rest}"
                paths = RealPaths(spark, model, self._version, place.environment.package, rest, self._run.name)
                evidence = self._evidence(examined, paths, snapshot)
            with self._run.step("compare", "joined by key") as done:
                comparisons = tuple(self._comparisons(snapshot, evidence.tolerances))
                if examined is None and any(map(_may_be_noise, comparisons)):
                    evidence = self._evidence_of_noise(stack, place, snapshot)
                    comparisons = tuple(self._comparisons(snapshot, evidence.tolerances))
                done(f"{sum(comparison.matched for comparison in comparisons):,} pairs of rows")
        return evidence, comparisons

    def _offline(self, spark: SparkSession, place: OfflineTarget, snapshot: Snapshot) -> None:
        from pyml.offline.job import OfflineJob
        from pyml.offline.job import run as run_job

        signature, run = self._version.signature, self._run
        with run.step("offline", "Spark job over all rows") as done, run.path(BATCHES, "offline"):
            target = f"{DATABASE}.offline_{run.name}"
            query, folder = f"SELECT * FROM {snapshot.table}", place.environment.package
            job = OfflineJob(folder, signature.inputs, signature.outputs, query, target, snapshot.key, recorded=True)
            self._result = run_job(spark, job)
            export(spark, target, run.file("offline"))
            done(f"{self._result.rows:,} rows in {self._result.table}")
        run.images = images_of(self._client.driver, self._version, self._result)

    def _online(self, model: OnlineModel, snapshot: Snapshot) -> None:
        """All rows in batches, a sample one by one, and that sample twice in one batch."""
        import pyarrow.parquet as pq

        rows, run = pq.read_table(snapshot.file), self._run
        few = sample(rows, self._settings.sample_rows)

        def tell(done: int) -> None:
            run.on_event(Event("online", Progress.WAITING, "rows through the gateway", done=done, total=rows.num_rows))

        def send(
            what: pa.Table, batch_rows: int, name: str, on_rows: Callable[[int], None] = lambda done: None
        ) -> None:
            is_recorded = name == "online_batches"
            predict_in_batches(model, what, snapshot.key, batch_rows, run.file(name), on_rows, recorded=is_recorded)

        with run.step("online", "the same rows through the gateway") as done:
            with run.path(BATCHES, "online in batches"):
                send(rows, self._settings.batch_rows, "online_batches", tell)
            self._bring_back()
            with run.path(ROWS, "online one by one"):
                send(few, 1, "online_rows")
            self._bring_back()
            with run.path(REPEAT, "online, the sample at once"):
                send(few, few.num_rows, "repeat_first")
                send(few, few.num_rows, "repeat_second")
            self._bring_back()
            self._online_worker = model.worker
            done(f"{rows.num_rows:,} rows in batches of {self._settings.batch_rows:,}, {few.num_rows:,} one by one")

    def _bring_back(self) -> None:
        """Wait for a server that rows have ended: what else is asked is no fault of it."""
        if self._run.has_ended_server:
            self._run.has_ended_server = False
            self._client.deploy_model(self._version.model_id, self._run.on_event)

    def _examined(self, stack: ExitStack, place: OfflineTarget, snapshot: Snapshot) -> Examination:
        """Everything that the harness shows of the model, while the real paths run."""
        return examine(self._context(stack, place, snapshot))

    def _context(self, stack: ExitStack, place: OfflineTarget, snapshot: Snapshot) -> CheckContext:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from pyml.types.frame import conform, one_batch
        from pyml_sandbox.parity.examine import SAMPLE_ROWS

        signature = self._version.signature
        builder = self._client.driver.builder
        rows = pq.read_table(snapshot.file).select(list(signature.inputs.names))
        full_batch = pa.concat_tables([sample(rows, SAMPLE_ROWS), rows.slice(0, CROWD_ROWS - SAMPLE_ROWS)])
        harnesses = HarnessProcesses(builder, place.environment)
        conformed, judged = (conform(one_batch(table), signature.inputs) for table in (full_batch, rows))
        return stack.enter_context(open_context(harnesses, signature, conformed, judged, self._settings.batch_rows))

    def _evidence(self, examined: Future[Examination], paths: RealPaths, snapshot: Snapshot) -> Evidence:
        run, signature = self._run, self._version.signature
        try:
            with run.step("examine", "the model by itself, in a laboratory") as done:
                examination = examined.result()
                context = examination.context
                done(f"{len(context.fixture) + len(context.input_rows):,} rows")
        except PackageError as error:
            return Evidence(gap=f"the model could not be examined: {error.message}")
        with run.step("hops", "what predict saw and gave on each path, and rows that the fixture lacks"):
            predictions = {"offline": run.file("offline"), "online": run.file("online_batches")}
            checks = PathChecks(context, paths, signature, snapshot, predictions, self._result, self._online_worker)
            examination = on_the_paths(checks, examination)
        with run.step("diagnose", "causes, and the smallest input that shows each") as done:
            diagnoses = diagnose(examination.observations)
            finder = CounterexampleFinder(context, paths, self._version.model_id)
            findings = [self._finding(diagnosis, finder) for diagnosis in diagnoses]
            done(f"{len(diagnoses)} causes")
        found = [*findings, *noise_findings(context.noise)]
        return Evidence(found, examination.observations, context.noise, dict(context.record.made), examination.gap)

    def _evidence_of_noise(self, stack: ExitStack, place: OfflineTarget, snapshot: Snapshot) -> Evidence:
        """Of the first level alone: whether what parts the paths is the noise of the model's own arithmetic."""
        try:
            context, seconds = measured(self._context(stack, place, snapshot))
            seen = sizes(context, frozenset(), seconds)
        except PackageError as error:
            return Evidence(gap=f"the model could not be examined: {error.message}")
        return Evidence(noise_findings(context.noise), seen, context.noise, dict(context.record.made))

    def _finding(self, diagnosis: Diagnosis, finder: CounterexampleFinder) -> Finding:
        return finding_of(diagnosis, self._settings.level, finder.find(diagnosis.observations))

    def _comparisons(self, snapshot: Snapshot, tolerances: Tolerances) -> Iterator[Comparison]:
        run = self._run
        for name, left, right, within in _PAIRS:
            if run.file(left).exists() and run.file(right).exists():
                yield compare(
                    run.file(left),
                    run.file(right),
                    snapshot.key,
                    name=name,
                    left_name=_SIDES.get(left, left),
                    right_name=_SIDES.get(right, right),
                    within=run.file(within) if within else None,
                    tolerances=tolerances,
                )

    # ---- verdict and report

    def _decision(self, comparisons: Sequence[Comparison], snapshot: Snapshot, evidence: Evidence) -> Decision:
        is_examined = self._settings.level > LEVELS[0] and not evidence.gap
        return decide(
            comparisons,
            [*snapshot.doubts, *doubts_about(self._run.images)],
            evidence.findings,
            checked=LEVELS[-1] if is_examined else LEVELS[0],
            failures=merged(self._run.failures),
            gaps=[evidence.gap] if evidence.gap else [],
            departing=set(evidence.noise.departing),
            ties=self._ties(comparisons, snapshot, evidence),
        )

    def _ties(
        self, comparisons: Sequence[Comparison], snapshot: Snapshot, evidence: Evidence
    ) -> dict[str, dict[str, Ties]]:
        """Of each comparison of the real paths, the labels that flip where their scores tie."""
        return {
            name: labels_in(self._run.file(left), self._run.file(right), snapshot.key, comparison, evidence.tolerances)
            for name, left, right, _ in _PAIRS
            for comparison in comparisons
            if comparison.name == name and name in (BATCHES, ROWS)
        }

    def _checks(
        self, snapshot: Snapshot, decision: Decision, comparisons: Sequence[Comparison], evidence: Evidence
    ) -> tuple[CheckResult, ...]:
        """Every check that was made; where the rows decide nothing, neither path was asked."""
        if snapshot.doubts:
            return ()
        seconds = sum(step.seconds for step in self._run.steps if step.name in ("offline", "online", "compare"))
        is_compared = BATCHES in {comparison.name for comparison in comparisons}
        is_raised = not all(map(is_limit, self._run.failures))
        compared = CheckRun(snapshot.rows, seconds) if is_compared or is_raised else None
        made = with_paths(evidence.made, Check.PATHS, compared)
        return check_results(made, evidence.observations, decision.findings)

    def _report(
        self,
        snapshot: Snapshot,
        decision: Decision,
        comparisons: tuple[Comparison, ...],
        evidence: Evidence,
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
            tolerances=evidence.tolerances,
            steps=tuple(run.steps),
            declared_level=self._settings.level,
            checks=self._checks(snapshot, decision, comparisons, evidence),
            failures=merged(run.failures),
            floors=evidence.noise.floors,
            points=points_of(run.file("offline"), run.file("online_batches"), snapshot.key),
            environments=self._environments(),
            images=run.images,
            next_command=next_command(decision, comparisons, snapshot.table),
            elsewhere={"folder": str(run.folder), "rows_table": snapshot.table},
        )
        cache.write(run.folder, report)
        return report

    def _environments(self) -> dict[str, dict[str, str]]:
        """What each path said that it ran in."""
        offline = self._result.workers[0] if self._result and self._result.workers else None
        workers = {"offline": offline, "online": self._online_worker}
        return {
            path: {"Python": worker.python, **worker.packages, **worker.variables}
            for path, worker in workers.items()
            if worker is not None
        }


_PAIRS = (
    (BATCHES, "offline", "online_batches", None),
    (ROWS, "offline", "online_rows", "online_rows"),
    (ALONE, "online_batches", "online_rows", "online_rows"),
    (REPEAT, "repeat_first", "repeat_second", None),
)
"""Name of each comparison, the files of its two sides, and the file to whose keys it is restricted."""
_SIDES = {
    "online_batches": "online in batches",
    "online_rows": "online one by one",
    "repeat_first": "the first time",
    "repeat_second": "the second time",
}


def _may_be_noise(comparison: Comparison) -> bool:
    """Whether floats differ, all of them finite."""
    return any(
        column.tolerance is not None and not column.null_mismatches + column.nan_mismatches + column.infinity_mismatches
        for column in comparison.differing_columns()
    )
