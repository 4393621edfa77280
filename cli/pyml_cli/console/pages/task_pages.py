"""The commands that the console has run, and what each printed."""

from __future__ import annotations

from pyml.errors import UsageError
from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page import Asked, Page


def tasks(asked: Asked) -> Facts:
    """All commands of this console, the latest first."""
    return {"tasks": [task.json for task in asked.bench.tasks]}


def task(asked: Asked) -> Facts:
    """One command, and the report that it made if it was a parity check.

    Raises:
        UsageError: there is no such command.
    """
    found = asked.bench.tasks.find(asked.path["task"])
    if found is None:
        raise UsageError("This console has run no such command.", "open Commands: it lists those that it ran")
    is_check = found.arguments[0] == "parity-check" and found.state == "done"
    return {"task": found.json, "report": _report_since(asked, found.started_at) if is_check else ""}


def _report_since(asked: Asked, started_at: float) -> str:
    """The id of the newest report that was made since; empty if there is none, as after a cached one."""
    from pyml_sandbox.listings.report_list import list_reports

    newest = next(iter(list_reports(asked.bench.home)), None)
    return newest.report_id if newest is not None and newest.finished_at >= started_at else ""


PAGES = (Page("/tasks", "tasks.jinja", tasks), Page("/tasks/{task}", "task.jinja", task))
