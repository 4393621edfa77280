"""A job that runs: its record is kept up to date, and a request to cancel it is noticed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from pyml.error_code import ErrorCode
from pyml.errors import PymlError
from pyml_sandbox.predict.offline_jobs.job_history import cancel_request, keep, keep_begun
from pyml_sandbox.predict.offline_jobs.job_record import JobRecord, JobState
from pyml_sandbox.workspace.events import Event, OnEvent, Progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.shell.progress import ProgressHandler, StageInfo

    from pyml.offline.job import JobResult
    from pyml_sandbox.workspace.home import SandboxHome

LOOK_EVERY_S = 0.1
"""How often a job looks for a request to cancel it; while there is one, how often it does the next step of that."""
WRITE_EVERY_S = 1.0
"""How often, at most, the progress of a job is written."""


class RunningJob:
    """Keeps the record of one job.

    Args:
        home: the sandbox.
        record: of the job, which begins.
        cancel_step: does what can be done now to end the job; called again and again once its end is asked for.
        on_event: called with the progress, at most once a second.

    Raises:
        OSError: the record cannot be written. Later on that is no reason to end a job, and it is passed over.
    """

    def __init__(
        self, home: SandboxHome, record: JobRecord, cancel_step: Callable[[], None], on_event: OnEvent
    ) -> None:
        self._home = home
        self._record = record
        self._cancel_step = cancel_step
        self._on_event = on_event
        self._request = cancel_request(home, record.job_id)
        self._tasks: dict[str | None, tuple[int, int]] = {}
        self._told = (0, 0)
        self._told_at = time.monotonic()
        self._ended = threading.Event()
        self._writes = threading.Lock()
        keep_begun(home, record)

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return self._record.job_id

    def follow(self, spark: SparkSession) -> None:
        """From now on, know how many tasks the session's queries have."""
        spark.registerProgressHandler(cast("ProgressHandler", self._on_progress))  # any function does

    def run(self, job: Callable[[], JobResult]) -> JobResult:
        """Run the job, and note how it ended. Blocks.

        Args:
            job: runs it to its end, and raises if it fails.
        """
        threading.Thread(target=self._look, name="pyml-job-record", daemon=True).start()
        try:
            result = job()
        except BaseException as error:
            self._end(**_failure(error))
            raise
        self._have_ended()
        facts = {"rows": result.rows, "key": result.key, "seconds": result.seconds, "workers": result.workers}
        self._end(state=JobState.SUCCEEDED, **facts)
        return result

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            if self._request.exists():
                self._cancel_step()
            if time.monotonic() - self._told_at >= WRITE_EVERY_S:
                self._tell()

    def _tell(self) -> None:
        """Write and report the progress, if there is any."""
        counts = self._counts()
        with self._writes:
            if counts == self._told or self._ended.is_set():
                return
            self._told, self._told_at = counts, time.monotonic()
            done, total = counts
            self._record = replace(self._record, tasks_done=done, tasks_total=total)
            self._write()
            detail = f"tasks of Spark, job {self.job_id}"
            self._on_event(Event("offline", Progress.WAITING, detail, done=done, total=total))

    def _counts(self) -> tuple[int, int]:
        """How many tasks of all queries so far are done, and how many there are."""
        counts = list(self._tasks.values())
        return sum(done for done, _ in counts), sum(total for _, total in counts)

    def _end(self, **facts: object) -> None:
        done, total = self._counts()
        facts |= {"tasks_done": done, "tasks_total": total, "finished_at": time.time()}
        with self._writes:
            self._ended.set()
            self._record = replace(self._record, **facts)  # type: ignore[arg-type]
            self._write()
        with suppress(OSError):
            self._request.unlink(missing_ok=True)

    def _write(self) -> None:
        with suppress(OSError):  # a full disk ends no job
            keep(self._home, self._record)

    def _on_progress(
        self, stages: Iterable[StageInfo] | None, inflight_tasks: int, operation_id: str | None, done: bool
    ) -> None:
        counts = [(stage.num_completed_tasks, stage.num_tasks) for stage in stages or ()]
        if not counts:
            return
        if operation_id not in self._tasks:
            self._have_ended()
        self._tasks[operation_id] = (sum(done for done, _ in counts), sum(total for _, total in counts))

    def _have_ended(self) -> None:
        """Count all tasks of the queries so far as done: Spark skips stages, and does not tell of the last tasks."""
        self._tasks = {query: (total, total) for query, (_, total) in self._tasks.items()}


def _failure(error: BaseException) -> dict[str, object]:
    """How a job ended that raised."""
    if not isinstance(error, PymlError):
        return {"state": JobState.FAILED, "error": f"{type(error).__name__}: {error}"}
    is_cancelled = ErrorCode.JOB_CANCELLED in error.codes
    return {"state": JobState.CANCELLED if is_cancelled else JobState.FAILED, "error": error.message}
