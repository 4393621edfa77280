"""The sandbox itself: its services as boxes on the two paths, their logs, and the checks of the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page import Asked, Page

if TYPE_CHECKING:
    from pyml_sandbox.workspace.events import JSON

STATUS_FRESH_S = 1.0
DOCTOR_FRESH_S = 30.0
LOG_LINES = 300
TAIL_LINES = 3
GROUPS = ("gateway", "models", "spark", "metastore")


def sandbox(asked: Asked) -> Facts:
    """Every service with its state, as `pyml dev status --json` says it, by the path that it belongs to."""
    from pyml_sandbox.lifecycle.status import status

    home = asked.bench.home
    answer = asked.bench.answers.ask("status", lambda: status(home).json, STATUS_FRESH_S, is_awaited=asked.is_whole)
    found = answer.value
    services = cast("Sequence[Mapping[str, JSON]]", found["services"]) if found else []
    return {
        "status": found,
        "error": answer.error,
        "is_pending": answer.is_pending,
        "tails": _tails(asked),
        "groups": {group: [each for each in services if group_of(str(each["name"])) == group] for group in GROUPS},
    }


def _tails(asked: Asked) -> Mapping[str, Sequence[str]]:
    """The last lines of each service's log; empty while they are not known."""
    from pyml_sandbox.lifecycle.service_logs import find_logs

    home = asked.bench.home

    def question() -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for service, line in find_logs(home, None, TAIL_LINES, follow=False):
            found.setdefault(service, []).append(line)
        return found

    return asked.bench.answers.ask("tails", question, STATUS_FRESH_S, is_awaited=asked.is_whole).value or {}


def group_of(service: str) -> str:
    """The part of the picture that a service belongs to."""
    if service.startswith("model-"):
        return "models"
    return service if service in ("gateway", "metastore") else "spark"


def log(asked: Asked) -> Facts:
    """The last lines of one service's log.

    Raises:
        UsageError: there is no such service.
        SandboxError: the sandbox has never been up.
    """
    from pyml_sandbox.lifecycle.service_logs import find_logs

    name = asked.path["service"]
    found = list(find_logs(asked.bench.home, name, LOG_LINES, follow=False))
    return {"service": found[0][0] if found else name, "lines": [line for _, line in found]}


def doctor(asked: Asked) -> Facts:
    """The checks that `pyml dev doctor` makes."""

    def question() -> Sequence[Mapping[str, JSON]]:
        from pyml_sandbox.lifecycle.up_and_down import examine

        return [finding.json for finding in examine(asked.bench.home, os.environ)]

    answer = asked.bench.answers.ask("doctor", question, DOCTOR_FRESH_S, is_awaited=asked.is_whole)
    return {"checks": answer.value, "error": answer.error, "is_pending": answer.is_pending}


PAGES = (
    Page("/sandbox", "sandbox.jinja", sandbox),
    Page("/sandbox/doctor", "doctor.jinja", doctor),
    Page("/sandbox/logs/{service}", "log.jinja", log),
)
