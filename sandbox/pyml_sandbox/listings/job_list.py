"""The offline jobs of a sandbox: what wrote which table when, with which version; and the end of one that runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pyml.command_line import command
from pyml.errors import UsageError
from pyml_sandbox.predict.offline_jobs.job_history import cancel_request, record_of, records
from pyml_sandbox.predict.offline_jobs.job_record import JobRecord, JobState
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.record_folder import is_record_id
from pyml_sandbox.workspace.state import name_option

if TYPE_CHECKING:
    from pyml_sandbox.workspace.home import SandboxHome

__all__ = ["JobRecord", "JobState", "cancel_job", "find_job", "list_jobs", "wait_for_end"]

LOOK_EVERY_S = 0.1


def list_jobs(home: SandboxHome, table: str | None = None) -> list[JobRecord]:
    """The jobs of a sandbox, the latest first. The jobs that a parity check runs are not among them.

    Args:
        home: the sandbox.
        table: `database.table`: only the jobs that write it; None for all jobs.

    Raises:
        UsageError: `table` is not the name of a Hive table.
    """
    if table is None:
        return list(records(home))
    from pyml.offline.targets.table_swap import split_table_name

    asked = split_table_name(table)
    return [record for record in records(home) if split_table_name(record.table) == asked]


def find_job(home: SandboxHome, job_id: str) -> JobRecord:
    """One job.

    Args:
        home: the sandbox.
        job_id: as `list_jobs` has it.

    Raises:
        UsageError: there is no such job, or its record is damaged.
    """
    record = record_of(home, job_id) if is_record_id(job_id) else None
    if record is None:
        raise UsageError(f"There is no job {job_id!r}.", f"pyml jobs{name_option(home)}   lists them")
    return record


def cancel_job(home: SandboxHome, job_id: str) -> JobRecord:
    """Ask a running job to cancel itself, in whatever process it runs; its table is left unchanged. Does not wait.

    A job that is already replacing its table finishes that step, and succeeds.

    Args:
        home: the sandbox.
        job_id: as `list_jobs` has it.

    Returns:
        The job as it is right after it was asked.

    Raises:
        UsageError: there is no such job, or it does not run; says how it ended.
    """
    record = find_job(home, job_id)
    if not record.is_running:
        again = command("pyml jobs show", job_id)
        raise UsageError(f"The job {job_id} does not run: it {_ending(record)}.", f"{again}{name_option(home)}")
    request = cancel_request(home, job_id)
    write_atomically(request, "")
    now = find_job(home, job_id)
    if not now.is_running:  # it ended meanwhile, and takes no request any more
        request.unlink(missing_ok=True)
    return now


def wait_for_end(home: SandboxHome, job_id: str, timeout_s: float) -> JobRecord:
    """Block until a job does not run any more, or until the time is over.

    Args:
        home: the sandbox.
        job_id: as `list_jobs` has it.
        timeout_s: seconds to wait at most.

    Returns:
        The job as it is then.

    Raises:
        UsageError: there is no such job.
    """
    deadline = time.monotonic() + timeout_s
    while (record := find_job(home, job_id)).is_running and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    return record


def _ending(record: JobRecord) -> str:
    if record.state is JobState.SUCCEEDED:
        return f"has succeeded, and {record.table} is written"
    return {JobState.LOST: "is lost, and its process is gone", JobState.CANCELLED: "was cancelled"}.get(
        record.state, "has failed"
    )
