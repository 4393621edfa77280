"""Records of offline jobs for tests that run none."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from pyml_sandbox.predict.offline_jobs.job_history import keep
from pyml_sandbox.predict.offline_jobs.job_record import JobRecord, JobState
from pyml_sandbox.predict.offline_jobs.living_process import start_of_this_process
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.record_folder import new_record_id


def job(after_s: int = 0, state: JobState = JobState.SUCCEEDED, **facts: Any) -> JobRecord:
    """A job of this process."""
    at = 1_700_000_000.0 + after_s
    record = JobRecord(
        new_record_id(at), state, "fare@1", "SELECT 1", "ml.fares", at, os.getpid(), start_of_this_process()
    )
    return replace(record, **facts)


def kept(home: SandboxHome, after_s: int = 0, state: JobState = JobState.SUCCEEDED, **facts: Any) -> JobRecord:
    """A job in the history of a sandbox."""
    record = job(after_s, state, **facts)
    keep(home, record)
    return record
