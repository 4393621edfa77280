"""`pyml jobs`: what wrote which table when, with which version; one job in detail, and the end of one that runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.command_line import command
from pyml.errors import SandboxError
from pyml_cli.completion import jobs as job_ids
from pyml_cli.completion import running_jobs, tables
from pyml_cli.options import Sandbox, is_listing
from pyml_cli.output import AsJson, choose_output, progress
from pyml_cli.rich_table import table_text
from pyml_cli.time_words import duration, moment

if TYPE_CHECKING:
    from pyml_sandbox.predict.offline_jobs.job_record import JobRecord
    from pyml_sandbox.workspace.events import JSON

app = typer.Typer(rich_markup_mode=None)

JOB_HELP = "Id of a job, as `pyml jobs` lists it."
PATIENCE_S = 60.0
"""How long `cancel` waits for the end; Spark may take half of it to stop a query."""


@app.callback(invoke_without_command=True)
def jobs(
    context: typer.Context,
    table: Annotated[
        str | None,
        typer.Option(metavar="DATABASE.TABLE", help="Only jobs that write this table.", autocompletion=tables),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Maximum number of jobs to list.")] = 20,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """List the offline jobs, the latest first: state, table, version, rows. Those of a parity check are left out."""
    if not is_listing(context, table, sandbox, json):
        return
    from pyml_sandbox.listings.job_list import list_jobs
    from pyml_sandbox.workspace.home import SandboxHome

    found = list_jobs(SandboxHome.find(sandbox), table)
    choose_output(json).result(JobsView(found[:limit], left_out=max(0, len(found) - limit)))


@app.command()
def show(
    job_id: Annotated[str, typer.Argument(metavar="JOB", help=JOB_HELP, autocompletion=job_ids)],
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Show one job: its query, how far it is, how it ended, and where it ran."""
    from pyml_sandbox.listings.job_list import find_job
    from pyml_sandbox.workspace.home import SandboxHome

    choose_output(json).result(JobDetailsView(find_job(SandboxHome.find(sandbox), job_id)))


@app.command()
def cancel(
    job_id: Annotated[str, typer.Argument(metavar="JOB", help=JOB_HELP, autocompletion=running_jobs)],
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Cancel a running job, of any shell or program, and wait for its end. Its table is left unchanged."""
    from pyml_sandbox.listings.job_list import cancel_job, wait_for_end
    from pyml_sandbox.workspace.events import timed
    from pyml_sandbox.workspace.home import SandboxHome

    home = SandboxHome.find(sandbox)
    cancel_job(home, job_id)
    with progress() as on_event, timed("cancel", on_event, "waiting for the end of the job") as done:
        record = wait_for_end(home, job_id, PATIENCE_S)
        done(str(record.state))
    if record.is_running:
        message = f"The job {job_id} was asked to end, and still runs after {PATIENCE_S:.0f} s."
        raise SandboxError(message, command("pyml jobs show", job_id))
    choose_output(json).result(CancelView(record))


@dataclass(frozen=True)
class JobsView:
    """Jobs, one per line.

    Attributes:
        jobs: the latest first.
        left_out: how many more there are.
    """

    jobs: Sequence[JobRecord]
    left_out: int = 0

    @property
    def json(self) -> Mapping[str, JSON]:
        """All facts of every job, without what its workers say of themselves."""
        return {"jobs": [_without_workers(job) for job in self.jobs], "left_out": self.left_out}

    @property
    def text(self) -> str:
        """State, table, version and rows of each job, when it began, and how long it took."""
        if not self.jobs:
            return "There are no jobs.\nNext:   pyml predict offline NAME --sql QUERY --table DATABASE.TABLE"
        columns = ("job", "state", "table", "model", "rows", "started", "took")
        rows = [
            (
                job.job_id,
                str(job.state),
                target_text(job),
                job.model_id,
                rows_text(job),
                moment(job.started_at),
                took_text(job),
            )
            for job in self.jobs
        ]
        more = [f"and {self.left_out} earlier ones: --limit {self.left_out + len(self.jobs)}"] if self.left_out else []
        return "\n".join([table_text(columns, rows, ("rows", "took")), *more])


@dataclass(frozen=True)
class JobDetailsView:
    """One job."""

    job: JobRecord

    @property
    def json(self) -> Mapping[str, JSON]:
        """All its facts."""
        return self.job.json

    @property
    def text(self) -> str:
        """One line for each fact, then the query."""
        job = self.job
        steps = ", ".join(f"{name} {duration(seconds)}" for name, seconds in job.seconds.items())
        hosts = ", ".join(sorted({worker.host for worker in job.workers}))
        facts = {
            "state": str(job.state),
            "error": job.error.replace("\n", "\n           "),
            "table": target_text(job),
            "model": job.model_id,
            "rows": rows_text(job),
            "key": ", ".join(job.key),
            "started": moment(job.started_at),
            "took": took_text(job),
            "steps": steps,
            "tasks": f"{job.tasks_done:,} of {job.tasks_total:,}" if job.tasks_total else "",
            "spark": job.spark,
            "image": job.image or "",
            "workers": hosts,
            "process": str(job.pid) if job.is_running else "",
        }
        lines = [f" {name:<9} {value}" for name, value in facts.items() if value]
        ending = [f"Cancel it:   {command('pyml jobs cancel', job.job_id)}"] if job.is_running else []
        return "\n".join([job.job_id, *lines, "", job.query.strip(), *ending])


@dataclass(frozen=True)
class CancelView:
    """A job that was asked to end."""

    job: JobRecord

    @property
    def json(self) -> Mapping[str, JSON]:
        """The job, its state and its table."""
        return {
            "job_id": self.job.job_id,
            "state": str(self.job.state),
            "table": self.job.table,
            "error": self.job.error,
        }

    @property
    def text(self) -> str:
        """One line."""
        if self.job.state == "succeeded":
            return f" {self.job.job_id} was already replacing {self.job.table}, and has succeeded."
        return f" {self.job.job_id} is {self.job.state}; {self.job.table} is unchanged."


def _without_workers(job: JobRecord) -> dict[str, JSON]:
    return {name: value for name, value in job.json.items() if name != "workers"}


def target_text(job: JobRecord) -> str:
    """The table that a job writes, with the partition, and a plus if it adds rows."""
    values = "".join(f" {name}={value}" for name, value in job.partition.items())
    return f"{job.table}{values}{' +' if job.append else ''}"


def rows_text(job: JobRecord) -> str:
    """The rows that a job wrote; for one that runs, how many of its tasks are done."""
    if job.rows is not None:
        return f"{job.rows:,}"
    return f"{job.tasks_done:,}/{job.tasks_total:,} tasks" if job.is_running and job.tasks_total else ""


def took_text(job: JobRecord) -> str:
    """How long a job took, or has run; empty if nobody knows when it ended."""
    if job.is_running:
        return duration(max(0.0, time.time() - job.started_at))
    return "" if job.finished_at is None else duration(job.finished_at - job.started_at)
