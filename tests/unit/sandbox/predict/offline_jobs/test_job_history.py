"""The history of jobs: what is written is read again, a job without its process is lost, and old ones go."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.inference.worker_info import Worker
from pyml_sandbox.predict.offline_jobs import job_history
from pyml_sandbox.predict.offline_jobs.job_history import forget, job_ids, keep, keep_begun, record_of, records
from pyml_sandbox.predict.offline_jobs.job_record import JobRecord, JobState
from pyml_sandbox.predict.offline_jobs.living_process import SAME_START_S, is_living, start_of_this_process
from pyml_sandbox.workspace.home import SandboxHome
from support.jobs import job, kept

WORKER = Worker("a", "sha256:own", "3.11", {"pandas": "2.2"}, {"TZ": "UTC"})


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.LOST])
def test_a_record_is_read_as_it_was_written(state: JobState, home: SandboxHome) -> None:
    facts = {"partition": {"ds": "2026-11-28"}, "append": True, "rows": 3, "key": ("id",), "seconds": {"check": 0.5},
             "workers": (WORKER,), "error": "why", "finished_at": 1.5, "tasks_done": 2, "tasks_total": 3}  # fmt: skip
    record = kept(home, 0, state, **facts)
    assert record_of(home, record.job_id) == record


@given(st.sampled_from(JobState), st.booleans())
def test_only_a_running_job_is_lost_and_only_without_its_process(state: JobState, is_alive: bool) -> None:
    seen = job(state=state).seen(is_alive)
    assert seen.state is (JobState.LOST if state is JobState.RUNNING and not is_alive else state)
    assert bool(seen.error) is (seen.state is JobState.LOST and state is JobState.RUNNING)


def test_a_job_whose_process_ended_is_lost_and_its_record_still_says_what_it_said(home: SandboxHome) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
    record = kept(home, 0, JobState.RUNNING, pid=process.pid)
    assert [found.state for found in records(home)] == [JobState.LOST]
    assert '"running"' in (home.jobs / f"{record.job_id}.json").read_text()


def test_a_later_process_with_the_same_pid_is_a_different_one() -> None:
    began = start_of_this_process()
    assert is_living(os.getpid(), began)
    assert not is_living(os.getpid(), began - 2 * SAME_START_S)
    assert not is_living(-1, began)
    assert not is_living(2**40, began)


def test_the_latest_job_is_the_first_and_damaged_records_are_passed_over(home: SandboxHome) -> None:
    made = [kept(home, second) for second in range(4)]
    for number, content in ((1, "{"), (2, '{"state": "asleep"}')):
        (home.jobs / f"{made[number].job_id}.json").write_text(content)
    assert list(records(home)) == [made[3], made[0]]
    assert len(job_ids(home)) == 4


@pytest.mark.parametrize("field", ["job_id", "state", "model_id", "query", "table", "started_at", "pid"])
def test_a_record_that_lacks_what_every_job_has_is_damaged(field: str, home: SandboxHome) -> None:
    facts = job().json
    del facts[field]
    with pytest.raises((TypeError, KeyError, ValueError)):
        JobRecord.from_json(facts)


def test_the_oldest_go_but_not_those_that_run(home: SandboxHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_history, "MOST_JOBS", 3)
    made = [job(second, JobState.RUNNING if second == 1 else JobState.SUCCEEDED) for second in range(6)]
    for record in made:
        keep_begun(home, record)
    assert [record.job_id for record in records(home)] == [made[number].job_id for number in (5, 4, 3, 1)]


def test_a_job_is_forgotten_whole(home: SandboxHome) -> None:
    record = kept(home)
    job_history.cancel_request(home, record.job_id).touch()
    forget(home, record.job_id)
    assert not list(home.jobs.iterdir())
    forget(home, record.job_id)


def test_a_later_record_takes_the_place_of_an_earlier_one(home: SandboxHome) -> None:
    record = kept(home, 0, JobState.RUNNING)
    keep(home, replace(record, state=JobState.FAILED, error="it did not work"))
    (found,) = records(home)
    assert (found.state, found.error) == (JobState.FAILED, "it did not work")
