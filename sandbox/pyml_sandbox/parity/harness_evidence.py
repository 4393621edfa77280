"""The evidence of the harness, by itself and together with both real paths: from checks to causes and findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pyml.errors import PackageError
from pyml.package.settings import ParitySettings
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.compare.rendering.formatting import counted
from pyml_sandbox.models.load_time import start_timeout_s
from pyml_sandbox.parity.checks.both_paths import PathChecks
from pyml_sandbox.parity.context.time_budget import TimeBudget
from pyml_sandbox.parity.counterexample.find import CounterexampleFinder
from pyml_sandbox.parity.counterexample.needs import needs_of
from pyml_sandbox.parity.decisions.evidence import Evidence
from pyml_sandbox.parity.decisions.pairings import EXPECTED, OFFLINE, ONLINE_BATCHES
from pyml_sandbox.parity.diagnosis.findings import finding_of, noise_findings
from pyml_sandbox.parity.diagnosis.rules import Diagnosis, diagnose
from pyml_sandbox.parity.examine import (
    FIRST_LEVEL_ALONE,
    Examination,
    context_of_rows,
    examine,
    measured,
    on_the_paths,
    sizes,
    timed_noise,
)
from pyml_sandbox.parity.harness_process import HarnessProcesses
from pyml_sandbox.parity.observations.catalogue import IN_HARNESS, checks_of
from pyml_sandbox.parity.observations.check_record import CheckRecord
from pyml_sandbox.parity.observations.phase_clock import Phase
from pyml_sandbox.parity.paths.real_paths import RealPaths
from pyml_sandbox.parity.rows.snapshot import Snapshot
from pyml_sandbox.parity.rows.stored_rows import StoredRows
from pyml_sandbox.parity.run import Run
from pyml_sandbox.parity.verdict import Finding
from pyml_sandbox.workspace.events import Event, Progress

if TYPE_CHECKING:
    from pyml.inference.worker_info import Worker
    from pyml.offline.job import JobResult
    from pyml_sandbox.client import Client
    from pyml_sandbox.drivers.contract import OfflineTarget
    from pyml_sandbox.models.model_session import Session
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.parity.context.check_context import CheckContext
    from pyml_sandbox.parity.observations.observation import Observation


@dataclass(frozen=True)
class HarnessEvidence:
    """Gathers evidence with the model in a harness.

    Attributes:
        client: the sandbox.
        version: the model version.
        settings: the required level, and the rows in one request.
        granted: the tolerances of floats before noise is measured.
        run: whose files and steps these are.
    """

    client: Client
    version: ModelVersion
    settings: ParitySettings
    granted: Tolerances
    run: Run

    def opened(self, target: OfflineTarget) -> AbstractContextManager[Session]:
        """A harness that loads the model while other things are done; it ends with the block.

        Args:
            target: of the offline job; the harness runs in its environment.
        """
        return self._harnesses(target).opened()

    @contextmanager
    def examining(
        self, stack: ExitStack, target: OfflineTarget, snapshot: Snapshot, opened: Session
    ) -> Iterator[Future[Examination]]:
        """Make all checks in the harness while a block runs; if it raises, the harness ends at once. See `examined`.

        Args:
            stack: closes the harness in the end, after this.
            target: of the offline job; the harness runs in its environment.
            snapshot: the rows.
            opened: the harness, as of `opened`; its opener ends it as well.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="pyml-harness") as pool:
            examined = pool.submit(self.examined, stack, target, snapshot, opened)
            try:
                yield examined
            except BaseException:
                opened.close()
                stack.close()  # and with it the processes that wait for their check
                raise

    def examined(
        self, stack: ExitStack, target: OfflineTarget, snapshot: Snapshot, opened: Session | None = None
    ) -> Examination:
        """All checks in the harness; uses neither real path. Blocks.

        Args:
            stack: closes the harness in the end.
            target: of the offline job; the harness runs in its environment.
            snapshot: the rows.
            opened: the harness, as of `opened`; None to start one.

        Raises:
            PackageError: the model cannot be loaded.
        """
        phases = self.run.phases
        with phases.within(Phase.FIND):
            context = self._context(stack, target, snapshot, opened)
            context.record.phases = phases
            return examine(context)

    def on_the_paths(
        self,
        examined: Future[Examination],
        paths: RealPaths,
        snapshot: Snapshot,
        result: JobResult | None,
        online_worker: Worker | None,
    ) -> Evidence:
        """The evidence of the harness and the real paths, with causes and counterexamples. Blocks.

        Args:
            examined: the checks in the harness; waits for them.
            paths: both real paths.
            snapshot: the rows.
            result: of the offline job over them; None if it failed.
            online_worker: the model server that answered; None if none did.

        Raises:
            SandboxError: a path does not answer.
        """
        try:
            with self.run.search() as details:
                return self._evidence(examined.result(), paths, snapshot, result, online_worker, details)
        except PackageError as error:
            if error is not examined.exception():
                raise
            return _none(error)

    def _evidence(
        self,
        examination: Examination,
        paths: RealPaths,
        snapshot: Snapshot,
        result: JobResult | None,
        online_worker: Worker | None,
        details: dict[Phase, str],
    ) -> Evidence:
        """See `on_the_paths`; what was done in each phase is added to `details`."""
        run, context = self.run, examination.context
        predictions = {"offline": run.file(OFFLINE), "online": run.file(ONLINE_BATCHES)}
        checks = PathChecks(context, paths, self.version.signature, snapshot, predictions, result, online_worker)
        expected = run.file(EXPECTED)
        with run.phases.within(Phase.FIND):
            examination = on_the_paths(checks, examination, expected if expected.exists() else None)
        diagnoses = diagnose(examination.observations)
        findings = self._findings(diagnoses, CounterexampleFinder(context, paths, self.version.model_id))
        details |= self._details(examination, findings)
        return _of_context(context, findings, examination.observations, examination.gap)

    def of_noise(self, stack: ExitStack, target: OfflineTarget, snapshot: Snapshot) -> Evidence:
        """The noise alone, for a check of the first level: may it explain the differences of the paths? Blocks.

        Args:
            stack: closes the harness in the end.
            target: of the offline job; the harness runs in its environment.
            snapshot: the rows.
        """
        try:
            context = self._context(stack, target, snapshot)
            context, seconds = measured(context, partial(timed_noise, context))
            seen = sizes(context, frozenset(), seconds)
        except PackageError as error:
            return _none(error)
        return _of_context(context, [], seen)

    def _context(
        self, stack: ExitStack, target: OfflineTarget, snapshot: Snapshot, opened: Session | None = None
    ) -> CheckContext:
        signature = self.version.signature
        rows = StoredRows(snapshot.file, signature.inputs.names)
        budget, batch_rows = TimeBudget(self.settings.budget_s), self.settings.batch_rows
        made = stack.enter_context(
            context_of_rows(self._harnesses(target), signature, rows, batch_rows, self.granted, budget, opened)
        )
        made.record.on_progress = partial(self._progress, made.record)
        return made

    def _harnesses(self, target: OfflineTarget) -> HarnessProcesses:
        limit_s = start_timeout_s(self.version.load_s)
        return HarnessProcesses(self.client.driver.builder, target.environment, limit_s)

    def _progress(self, record: CheckRecord, note: str) -> None:
        """Report how many checks of a harness were made, and what is under way."""
        made, total = len(record.made), len(checks_of(*IN_HARNESS))
        event = Event(Phase.FIND, Progress.WAITING, f"checks: {note}", done=made, total=max(made, total))
        self.run.on_event(event)

    def _findings(self, diagnoses: Sequence[Diagnosis], finder: CounterexampleFinder) -> list[Finding]:
        findings: list[Finding] = []
        with self.run.phases.within(Phase.CONFIRM) if diagnoses else nullcontext():
            for diagnosis in diagnoses:
                note = f"causes: the smallest input that shows {diagnosis.code}"
                done = len(findings)
                self.run.on_event(Event(Phase.CONFIRM, Progress.WAITING, note, done=done, total=len(diagnoses)))
                witness = finder.find(diagnosis.observations)
                finding = finding_of(diagnosis, self.settings.level, witness)
                findings.append(finding if witness else replace(finding, needs=needs_of(diagnosis, finder.ended)))
        return findings

    def _details(self, examination: Examination, findings: Sequence[Finding]) -> dict[Phase, str]:
        """What was done in each phase."""
        context, confirmed = examination.context, sum(finding.witness is not None for finding in findings)
        return {
            Phase.FIND: f"{counted(len(context.all_input_rows), 'row')}, {counted(len(context.record.made), 'check')}",
            Phase.SHRINK: counted(self.run.phases.times.get(Phase.SHRINK, 0), "input"),
            Phase.EXPLAIN: counted(len(findings), "cause"),
            Phase.CONFIRM: f"{confirmed} of {counted(len(findings), 'cause')} shown on both paths",
        }


def _of_context(
    context: CheckContext, findings: Sequence[Finding], observations: Sequence[Observation], gap: str = ""
) -> Evidence:
    """The evidence that checks have left in their context, with the warnings about noise."""
    found, record = [*findings, *noise_findings(context.noise)], context.record
    return Evidence(found, observations, context.noise, dict(record.made), gap, tuple(record.undone.values()))


def _none(error: PackageError) -> Evidence:
    """Evidence without any checks, and the reason."""
    return Evidence(gap=f"the model could not be examined: {error.message}\n{FIRST_LEVEL_ALONE}")
