"""The record of one offline job: what it writes where, how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from pyml.inference.worker_info import Worker
from pyml_sandbox.workspace.events import JSON


class JobState(StrEnum):
    """The state of an offline job."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """Its process ended without a word, killed or with the machine. It is never written: whoever reads sees it."""


@dataclass(frozen=True)
class JobRecord:
    """One offline job.

    Attributes:
        job_id: sorts by the time of its start.
        state: see `JobState`.
        model_id: name@version of the model that predicts.
        query: the query whose rows are predicted.
        table: the Hive table that it writes, `database.table`.
        started_at: seconds since 1970.
        pid: of the process that runs it.
        process_started_at: when that process began, in seconds since 1970; a later process may have the same pid.
        image: id of the image of the model's environment; None if it is not an image.
        spark: where it runs, host:port.
        partition: values of the partition columns that it writes; empty for a whole table.
        append: whether its rows are added to those that stand there.
        tasks_done, tasks_total: tasks of Spark, of all queries of the job so far.
        finished_at: seconds since 1970; None while it runs, and if it is lost.
        error: why it failed or was cancelled; empty otherwise.
        rows: number of rows that it wrote; None unless it succeeded.
        key: the columns kept beside the predictions.
        seconds: wall time of each step.
        workers: the workers that predicted, as they described themselves.
    """

    job_id: str
    state: JobState
    model_id: str
    query: str
    table: str
    started_at: float
    pid: int
    process_started_at: float
    image: str | None = None
    spark: str = ""
    partition: Mapping[str, str] = field(default_factory=dict)
    append: bool = False
    tasks_done: int = 0
    tasks_total: int = 0
    finished_at: float | None = None
    error: str = ""
    rows: int | None = None
    key: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    workers: tuple[Worker, ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether it runs now."""
        return self.state is JobState.RUNNING

    @property
    def json(self) -> dict[str, JSON]:
        """The record as a JSON object."""
        return {
            **asdict(self),
            "state": str(self.state),
            "key": list(self.key),
            "workers": list(map(asdict, self.workers)),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> JobRecord:
        """Read what `json` gave.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is damaged.
        """
        record = cls(
            **{
                **facts,
                "state": JobState(facts["state"]),
                "started_at": float(facts["started_at"]),
                "pid": int(facts["pid"]),
                "key": tuple(facts.get("key", ())),
                "workers": tuple(Worker(**worker) for worker in facts.get("workers", ())),
            }
        )
        texts = (record.job_id, record.model_id, record.query, record.table)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("an id, the query or the table is no text")
        return record

    def seen(self, is_alive: bool) -> JobRecord:
        """The record as it is now: a job that runs in no process is lost.

        Args:
            is_alive: whether the process that runs it lives; it matters only for a running job.
        """
        if not self.is_running or is_alive:
            return self
        return replace(self, state=JobState.LOST, error=f"its process, pid {self.pid}, ended without a word")
