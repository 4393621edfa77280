"""Offline jobs: those that run, those that ran, and the check of a query while it is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyml.errors import ProblemsError, PymlError
from pyml_cli.console.actions import lines
from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page import Asked, Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyml_cli.console.workbench import Workbench


def jobs(asked: Asked) -> Facts:
    """All jobs, the latest first; of one table if the query names it."""
    from pyml_sandbox.listings.job_list import list_jobs

    return {"jobs": [job.json for job in list_jobs(asked.bench.home, asked.query.get("table") or None)]}


def job(asked: Asked) -> Facts:
    """One job.

    Raises:
        UsageError: there is no such job.
    """
    from pyml_sandbox.listings.job_list import find_job

    return {"job": find_job(asked.bench.home, asked.path["job"]).json}


def query_problems(bench: Workbench, form: Mapping[str, str]) -> Sequence[str]:
    """Why a query does not fit a model, as the job itself would say it; empty if it fits or is not yet written.

    Blocks for about a second: Spark reads the query, and runs nothing.
    """
    from pyml.offline.job import OfflineJob
    from pyml.offline.job_query import check_query, kept_columns, planned
    from pyml.offline.spark_errors import translated_errors
    from pyml_sandbox.models.registry import find_version
    from pyml_sandbox.predict.spark_session import session

    if not form["sql"] or not form["model"]:
        return ()
    try:
        version = find_version(bench.home, form["model"])
        signature = version.signature
        key = tuple(lines(form["key"]))
        wanted = OfflineJob(str(version.package), signature.inputs, signature.outputs, form["sql"], form["table"], key)
        with session(bench.home) as spark, translated_errors():
            rows = planned(spark, form["sql"])
            check_query(rows, wanted, kept_columns(rows, wanted))
    except ProblemsError as error:
        return [f"{problem.message}   {problem.hint}".strip() for problem in error.problems]
    except PymlError as error:
        return [str(error)]
    return ()


PAGES = (Page("/jobs", "jobs.jinja", jobs), Page("/jobs/{job}", "job.jinja", job))
