"""Both real paths over every row of the fixture: one Spark job, and requests through the gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.package.settings import ParitySettings
from pyml_sandbox.compare import Comparison, Tolerances, compare
from pyml_sandbox.parity.decisions.pairings import (
    OFFLINE,
    ONLINE_BATCHES,
    ONLINE_ROWS,
    PAIRINGS,
    REPEAT_FIRST,
    REPEAT_SECOND,
    possible_pairings,
)
from pyml_sandbox.parity.paths.batches_online import Asked, predict_in_batches, sample
from pyml_sandbox.parity.rows.snapshot import Snapshot, export
from pyml_sandbox.parity.rows.stored_rows import Rows, StoredRows
from pyml_sandbox.parity.run import Run
from pyml_sandbox.parity.verdict_rules import BATCHES, REPEAT, ROWS
from pyml_sandbox.predict.request_limits import measured_timeout_s
from pyml_sandbox.workspace.events import Event, Progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pyml.inference.describe import Signature
    from pyml.inference.worker_info import Worker
    from pyml.offline.job import JobResult
    from pyml_sandbox.drivers.contract import OfflineTarget


@dataclass(frozen=True)
class FixturePaths:
    """Predicts all rows on both paths; predictions are written to the files of the run, failures to the run.

    Attributes:
        settings: the number of rows in one request, and of rows that are sent one by one.
        run: whose files and steps these are.
        serve_again: waits until the model's server, which exited on a request, is ready again.
    """

    settings: ParitySettings
    run: Run
    serve_again: Callable[[], object]

    def offline(
        self, spark: SparkSession, target: OfflineTarget, snapshot: Snapshot, signature: Signature
    ) -> JobResult | None:
        """Run one job over all rows; None if it failed. Blocks.

        Raises:
            SandboxError: Spark is gone.
        """
        from pyml.offline.job import OfflineJob
        from pyml.offline.job_run import run as run_job

        run = self.run
        result = None
        with run.step("offline", "Spark job over all rows") as done, run.path(BATCHES, "offline"):
            table = f"{run.database}.offline_{run.name}"
            query, folder = f"SELECT * FROM {snapshot.table}", target.environment.package
            job = OfflineJob(folder, signature.inputs, signature.outputs, query, table, snapshot.key, recorded=True)
            result = run_job(spark, job)
            export(spark, table, run.file(OFFLINE), result.rows)
            done(f"{result.rows:,} rows in {result.table}")
        return result

    def online(self, model: Asked, snapshot: Snapshot) -> Worker | None:
        """Send all rows in batches, a sample one by one, and that sample twice in one batch. Blocks.

        Returns:
            The model server that answered; None if none described itself.

        Raises:
            SandboxError: the gateway is gone.
        """
        rows, run, size = StoredRows(snapshot.file), self.run, self.settings.batch_rows
        model.timeout_s = measured_timeout_s(sum(step.seconds for step in run.steps if step.name == "offline"))
        few = sample(rows, self.settings.sample_rows)

        def report_progress(done: int) -> None:
            run.on_event(Event("online", Progress.WAITING, "rows through the gateway", done=done, total=rows.num_rows))

        def send(what: Rows, batch_rows: int, name: str, on_rows: Callable[[int], None] = lambda done: None) -> None:
            is_recorded = name == ONLINE_BATCHES
            predict_in_batches(model, what, snapshot.key, batch_rows, run.file(name), on_rows, recorded=is_recorded)

        with run.step("online", "the same rows through the gateway") as done:
            with run.path(BATCHES, "online in batches"):
                send(rows, size, ONLINE_BATCHES, report_progress)
            self._wait_for_server()
            with run.path(ROWS, "online one by one"):
                send(few, 1, ONLINE_ROWS)
            self._wait_for_server()
            with run.path(REPEAT, "online, the sample at once"):
                send(few, few.num_rows, REPEAT_FIRST)
                send(few, few.num_rows, REPEAT_SECOND)
            self._wait_for_server()
            worker = model.worker
            done(f"{rows.num_rows:,} rows in batches of at most {size:,}, {few.num_rows:,} one by one")
        return worker

    def _wait_for_server(self) -> None:
        """Wait until a server that exited on a request is ready again, so that later requests do not fail for it."""
        if self.run.has_ended_server:
            self.run.has_ended_server = False
            self.serve_again()

    def compared(self, snapshot: Snapshot, tolerances: Tolerances) -> tuple[Comparison, ...]:
        """Every comparison of two files that the paths have written.

        Args:
            snapshot: has the key.
            tolerances: how far floats may lie apart.
        """
        run = self.run
        written = {name for each in PAIRINGS for name in (each.left, each.right) if run.file(name).exists()}
        return tuple(
            compare(
                run.file(each.left),
                run.file(each.right),
                snapshot.key,
                name=each.name,
                left_name=each.sides[0],
                right_name=each.sides[1],
                within=run.file(each.within) if each.within else None,
                tolerances=tolerances,
            )
            for each in possible_pairings(written)
        )
