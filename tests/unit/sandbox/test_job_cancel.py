"""A cancelled job leaves the target table as it was. Spark, its session and the client are stand-ins."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyspark.errors import PySparkException

from pyml.errors import SandboxError
from pyml.offline import job_run
from pyml.offline.cancellation import Cancellation
from pyml.offline.job import JobError, OfflineJob
from pyml.offline.staging import Audit
from pyml.types.schema import Schema
from pyml_sandbox.client import INTERRUPT_EVERY_S, Job
from pyml_sandbox.listings import job_list
from pyml_sandbox.listings.job_list import cancel_job, find_job
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.predict import spark_session as spark
from pyml_sandbox.predict import table_writes
from pyml_sandbox.predict.offline_jobs import job_image, job_interrupter, running_job
from pyml_sandbox.predict.offline_jobs.job_record import JobRecord, JobState
from pyml_sandbox.workspace.home import SandboxHome
from support.waiting import wait_for

SCHEMA = Schema("x DOUBLE")
OFFLINE = OfflineJob("/nowhere", SCHEMA, Schema("y DOUBLE"), "SELECT 1.0D AS x", "ml.target", ("id",))
WAIT_S = 20


@dataclass
class FakeSpark:
    """A session that keeps its statements, and whose queries run until they are interrupted while they run tasks.

    Attributes:
        at: called before each statement, with its text.
        statements: that were run.
        interrupts: how often everything was interrupted.
        heeds: whether an interrupt ends a query; a closed session ends it always.
        ended: set once the running query is to end.
    """

    at: Callable[[str], None] = lambda text: None
    statements: list[str] = field(default_factory=list)
    interrupts: int = 0
    heeds: bool = True
    ended: threading.Event = field(default_factory=threading.Event)
    handlers: list[Callable[..., None]] = field(default_factory=list)

    def registerProgressHandler(self, handler: Callable[..., None]) -> None:  # noqa: N802 - Spark's own name for it
        self.handlers.append(handler)

    def progress(self, **told: object) -> None:
        for handler in self.handlers:
            handler(**told)

    def addTag(self, tag: str) -> None:  # noqa: N802 - Spark's own name for it
        """Mark the queries that follow."""

    removeTag = addTag  # noqa: N815

    @property
    def client(self) -> SimpleNamespace:
        return SimpleNamespace(close=self.ended.set)

    def sql(self, text: str) -> None:
        self.at(text)
        self.statements.append(text)

    @property
    def catalog(self) -> SimpleNamespace:
        return SimpleNamespace(tableExists=lambda name: "previous" not in name, databaseExists=lambda name: True)

    def table(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(count=lambda: 1, columns=[])

    def interruptAll(self) -> None:  # noqa: N802 - Spark's own name for it
        self.interrupts += 1
        if self.heeds:
            self.ended.set()

    def query(self, tasks: int = 2) -> None:
        """A query without an end."""
        self.ended.clear()
        self.progress(stages=[], inflight_tasks=tasks, operation_id="1", done=False)
        assert self.ended.wait(WAIT_S), "nobody interrupted the query"
        self.progress(stages=[], inflight_tasks=0, operation_id="1", done=True)
        raise PySparkException("[OPERATION_CANCELED]")

    @property
    def swapped(self) -> list[str]:
        return [text for text in self.statements if "__staging_" in text and "RENAME" in text]

    @property
    def dropped(self) -> list[str]:
        return [text for text in self.statements if "__staging_" in text and "DROP" in text]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSpark:
    """A Spark in which every query succeeds at once."""
    monkeypatch.setattr(job_run, "planned", lambda spark, query: SimpleNamespace(columns=["id", "x"]))
    monkeypatch.setattr(job_run, "check_query", lambda rows, job, key: None)
    monkeypatch.setattr(job_run, "written_columns", lambda rows, job, key: {})
    monkeypatch.setattr(job_run, "find_target", lambda *_: None)
    monkeypatch.setattr(job_run, "refuse_bad_audit", lambda *_: None)
    writes(monkeypatch, lambda: None)
    return FakeSpark()


def writes(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """What predicting into the staging table does."""

    def write(*_arguments: object) -> tuple[Audit, int, tuple[()]]:
        act()
        return Audit(1), 1, ()

    monkeypatch.setattr(job_run, "write_staging", write)


def started(
    monkeypatch: pytest.MonkeyPatch, folder: Path, fake: FakeSpark, connect: Callable[[], None] = lambda: None
) -> Job:
    """A job on the stand-in, reached through `connect`."""

    @contextlib.contextmanager
    def session(*_arguments: object) -> Iterator[FakeSpark]:
        connect()
        yield fake

    monkeypatch.setattr(spark, "session", session)

    monkeypatch.setattr(job_image, "check_image", lambda *_: None)
    monkeypatch.setattr(table_writes, "begin_writing", lambda *_: None)
    client = cast("Any", SimpleNamespace(home=SandboxHome(folder), driver=None))
    target = cast("Any", SimpleNamespace(environment=SimpleNamespace(image=None), connect="127.0.0.1:1", remote=None))
    return Job(client, ModelVersion("m", "1", folder, 0, {}), target, OFFLINE)


def cancelled_at(job: Job, reached: threading.Event, go_on: threading.Event) -> None:
    """Cancel a job that waits at a seam, and let it go on as soon as it was told."""
    assert reached.wait(WAIT_S)
    cancelling = threading.Thread(target=job.cancel)
    cancelling.start()
    assert job.cancellation.asked.wait(WAIT_S)
    go_on.set()
    cancelling.join(WAIT_S)
    assert not cancelling.is_alive()
    assert job.is_done


class Seam:
    """A place in the job at which it waits until it is cancelled."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.go_on.wait(WAIT_S)


def cancelled_before_its_query(monkeypatch: pytest.MonkeyPatch, folder: Path, fake: FakeSpark, tasks: int = 2) -> Job:
    """A job that was cancelled right before it began a query without an end."""
    seam = Seam()

    def write() -> None:
        seam()
        fake.query(tasks)

    writes(monkeypatch, write)
    job = started(monkeypatch, folder, fake)
    cancelled_at(job, seam.reached, seam.go_on)
    return job


def test_a_job_that_is_cancelled_while_spark_is_reached_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    seam = Seam()
    job = started(monkeypatch, tmp_path, fake, seam)
    cancelled_at(job, seam.reached, seam.go_on)
    with pytest.raises(JobError, match="was cancelled"):
        job.wait()
    assert fake.statements == []


def test_a_job_that_is_cancelled_between_two_operations_does_not_swap(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    seam = Seam()
    writes(monkeypatch, seam)
    job = started(monkeypatch, tmp_path, fake)
    cancelled_at(job, seam.reached, seam.go_on)
    with pytest.raises(JobError, match=r"was cancelled; ml\.target is unchanged"):
        job.wait()
    assert fake.swapped == []
    assert len(fake.dropped) == 1


def test_every_query_that_a_cancelled_job_starts_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    job = cancelled_before_its_query(monkeypatch, tmp_path, fake)
    with pytest.raises(JobError, match="was cancelled"):
        job.wait()
    assert fake.swapped == []


def test_a_query_that_is_being_planned_is_interrupted_once_it_runs_tasks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    """An interrupt that comes before may be lost, and Spark takes no second one."""
    seam = Seam()
    seen: list[int] = []

    def write() -> None:
        seam()
        fake.progress(stages=[], inflight_tasks=0, operation_id="1", done=False)
        assert not fake.ended.wait(3 * INTERRUPT_EVERY_S)
        seen.append(fake.interrupts)
        fake.query()

    writes(monkeypatch, write)
    job = started(monkeypatch, tmp_path, fake)
    cancelled_at(job, seam.reached, seam.go_on)
    with pytest.raises(JobError, match="was cancelled"):
        job.wait()
    assert seen == [0]


def test_a_query_that_never_runs_tasks_is_interrupted_after_a_while(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    monkeypatch.setattr(job_interrupter, "PLANNING_S", 2 * INTERRUPT_EVERY_S)
    job = cancelled_before_its_query(monkeypatch, tmp_path, fake, tasks=0)
    with pytest.raises(JobError, match=r"was cancelled; ml\.target is unchanged"):
        job.wait()
    assert fake.interrupts


def test_a_query_that_spark_does_not_stop_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    monkeypatch.setattr(job_interrupter, "PATIENCE_S", 2 * INTERRUPT_EVERY_S)
    fake.heeds = False
    job = cancelled_before_its_query(monkeypatch, tmp_path, fake)
    with pytest.raises(JobError, match="Spark goes on with a query that it did not stop") as caught:
        job.wait()
    assert caught.value.hint
    assert fake.swapped == []


def test_a_swap_that_has_begun_is_finished_and_not_interrupted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    seam = Seam()
    seen: list[int] = []

    def at(text: str) -> None:
        if "RENAME" in text and "__previous" in text:
            seam()
            seen.append(fake.interrupts)

    fake.at = at
    job = started(monkeypatch, tmp_path, fake)
    cancelled_at(job, seam.reached, seam.go_on)
    assert job.wait().rows == 1
    assert len(fake.swapped) == 1
    assert seen == [0]


def test_a_job_that_is_cancelled_before_it_runs_asks_spark_nothing(fake: FakeSpark) -> None:
    cancellation = Cancellation()
    cancellation.ask()
    with pytest.raises(JobError, match="was cancelled"):
        job_run.run(cast("Any", fake), OFFLINE, cancellation=cancellation)
    assert fake.statements == []


def test_a_job_that_is_done_can_be_cancelled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark) -> None:
    job = started(monkeypatch, tmp_path, fake)
    assert job.wait().rows == 1
    job.cancel()
    assert job.wait().rows == 1


# ---- from a different process, and the record


def record_of(folder: Path, job: Job) -> JobRecord:
    return find_job(SandboxHome(folder), job.job_id)


def test_a_request_of_any_process_cancels_a_job_and_its_record_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    writes(monkeypatch, fake.query)
    job = started(monkeypatch, tmp_path, fake)
    assert cancel_job(SandboxHome(tmp_path), job.job_id).is_running
    with pytest.raises(JobError, match="was cancelled"):
        job.wait(WAIT_S)
    record = record_of(tmp_path, job)
    assert (record.state, record.error) == (JobState.CANCELLED, "the job was cancelled; ml.target is unchanged")
    assert record.finished_at is not None
    assert [path.name for path in (tmp_path / "sandboxes/default/jobs").iterdir()] == [f"{job.job_id}.json"]


def test_the_record_of_a_job_is_there_from_its_start_and_says_what_it_gave(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    seam = Seam()
    writes(monkeypatch, seam)
    job = started(monkeypatch, tmp_path, fake)
    assert seam.reached.wait(WAIT_S)
    begun = record_of(tmp_path, job)
    assert (begun.state, begun.table, begun.query, begun.model_id) == ("running", "ml.target", OFFLINE.query, "m@1")
    seam.go_on.set()
    result = job.wait(WAIT_S)
    ended = record_of(tmp_path, job)
    assert (ended.state, ended.rows, ended.key) == ("succeeded", result.rows, result.key)
    assert set(ended.seconds) == {"check", "predict", "audit", "swap"}
    assert job_list.wait_for_end(SandboxHome(tmp_path), job.job_id, WAIT_S) == ended


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SandboxError("the metastore is gone"), "the metastore is gone"),
        (ZeroDivisionError("0"), "ZeroDivisionError: 0"),
    ],
)
def test_a_job_that_fails_says_why_in_its_record(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    def fail() -> None:
        raise error

    job = started(monkeypatch, tmp_path, fake, fail)
    with pytest.raises(type(error)):
        job.wait(WAIT_S)
    record = record_of(tmp_path, job)
    assert (record.state, record.error, record.rows) == (JobState.FAILED, words, None)


def test_tasks_of_spark_are_counted_over_all_queries_of_a_job(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    seam = Seam()
    monkeypatch.setattr(running_job, "WRITE_EVERY_S", 0.0)

    def write() -> None:
        for query, done in (("1", 3), ("2", 1)):
            stages = [
                SimpleNamespace(num_completed_tasks=done, num_tasks=4),
                SimpleNamespace(num_completed_tasks=0, num_tasks=1),
            ]
            fake.progress(stages=stages, inflight_tasks=1, operation_id=query, done=False)
        seam()

    writes(monkeypatch, write)
    job = started(monkeypatch, tmp_path, fake)
    wait_for(lambda: record_of(tmp_path, job).tasks_total == 10, "the progress is written")
    assert record_of(tmp_path, job).tasks_done == 5 + 1  # a query that is followed by another has done all of its tasks
    seam.go_on.set()
    job.wait(WAIT_S)
    assert (record_of(tmp_path, job).tasks_done, record_of(tmp_path, job).tasks_total) == (10, 10)


def test_a_record_that_cannot_be_written_any_more_ends_no_job(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeSpark
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    seam = Seam()
    writes(monkeypatch, seam)
    job = started(monkeypatch, tmp_path, fake)
    monkeypatch.setattr(running_job, "keep", full)
    seam.go_on.set()
    assert job.wait(WAIT_S).rows == 1
