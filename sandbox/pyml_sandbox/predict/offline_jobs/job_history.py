"""The history of offline jobs: one record for each in `jobs/` of the sandbox, and requests to cancel them beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pyml_sandbox.predict.offline_jobs.job_record import JobRecord
from pyml_sandbox.predict.offline_jobs.living_process import is_living
from pyml_sandbox.workspace.record_folder import RecordFolder

if TYPE_CHECKING:
    from pyml_sandbox.workspace.home import SandboxHome

MOST_JOBS = 500
CANCEL = ".cancel"
"""Suffix of the file that asks a running job to cancel itself."""


def keep_begun(home: SandboxHome, record: JobRecord) -> None:
    """Write the record of a job that begins; the oldest records go, but for those of jobs that run."""
    keep(home, record)
    _folder(home).keep_latest(MOST_JOBS, lambda ids: _running(home, ids))


def keep(home: SandboxHome, record: JobRecord) -> None:
    """Write a record in place of the one that the job had."""
    _folder(home).write(record.job_id, record.json)


def forget(home: SandboxHome, job_id: str) -> None:
    """Delete the record of a job whose table is of no interest to anybody.

    Raises:
        ValueError: it is not the id of a record.
    """
    _folder(home).delete(job_id)


def job_ids(home: SandboxHome) -> list[str]:
    """The ids of all jobs, the latest first; nothing is read."""
    return _folder(home).ids()


def records(home: SandboxHome) -> Iterator[JobRecord]:
    """The records of all jobs, the latest first; damaged ones are passed over."""
    found = (record_of(home, job_id) for job_id in job_ids(home))
    return (record for record in found if record is not None)


def record_of(home: SandboxHome, job_id: str) -> JobRecord | None:
    """The record of a job as it is now; None if there is none, or if it is damaged.

    Raises:
        ValueError: it is not the id of a record.
    """
    record = _folder(home).read(job_id, JobRecord.from_json)
    if record is None or not record.is_running:
        return record
    if is_living(record.pid, record.process_started_at):
        return record
    return (_folder(home).read(job_id, JobRecord.from_json) or record).seen(is_alive=False)  # it may just have ended


def cancel_request(home: SandboxHome, job_id: str) -> Path:
    """The file that asks a running job to cancel itself.

    Raises:
        ValueError: it is not the id of a record.
    """
    return _folder(home).file(job_id, CANCEL)


def _running(home: SandboxHome, ids: Collection[str]) -> list[str]:
    found = (record_of(home, job_id) for job_id in ids)
    return [record.job_id for record in found if record is not None and record.is_running]


def _folder(home: SandboxHome) -> RecordFolder:
    return RecordFolder(home.jobs)
