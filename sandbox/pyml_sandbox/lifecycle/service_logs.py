"""The logs of a sandbox's services."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyml.errors import UsageError
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.lifecycle.status import all_endpoints
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import require_state

_ALL = 1_000_000


@dataclass(frozen=True)
class LogFilter:
    """Which lines are wanted; None for any.

    Attributes:
        model: name of a model: requests to it in the gateway's log, and all lines of its servers.
        request_id: id of a request: its line in the gateway's log, and what a model server says of it.
    """

    model: str | None = None
    request_id: str | None = None

    def has(self, service: str, line: str) -> bool:
        """Whether a line of a service is wanted."""
        entry = _entry(line)
        return self._is_of_model(service, entry) and self._is_of_request(line, entry)

    def _is_of_model(self, service: str, entry: dict[str, object]) -> bool:
        if self.model is None or entry.get("model") == self.model:
            return True
        return re.fullmatch(rf"model-{re.escape(self.model)}-[^-]+(-\d{{1,4}})?", service) is not None

    def _is_of_request(self, line: str, entry: dict[str, object]) -> bool:
        wanted = self.request_id
        return wanted is None or entry.get("request_id") == wanted or f"[{wanted}]" in line


def _entry(line: str) -> dict[str, object]:
    """The line of a request as the gateway wrote it; empty for any line that is no object of JSON."""
    if not line.startswith("{"):
        return {}
    try:
        found: dict[str, object] = json.loads(line)
    except ValueError:
        return {}
    return found


def find_logs(
    home: SandboxHome, name: str | None, lines: int, follow: bool, wanted: LogFilter | None = None
) -> Iterator[tuple[str, str]]:
    """The last lines of one service, or of all, as (service, line).

    Args:
        home: the sandbox.
        name: of the service, or the beginning of its name; None for all services.
        lines: how many lines of each service.
        follow: whether each new line follows; the iterator is then endless.
        wanted: which lines to give; None for all.

    Raises:
        UsageError: no service of this name has a log.
        SandboxError: the sandbox has never been up.
    """
    driver = driver_for(home, require_state(home))
    runner = driver.runner
    known = [endpoint.name for endpoint in all_endpoints(home, driver)]
    names = known if name is None else [_known_name(name, known, runner)]
    if wanted is None or wanted == LogFilter():
        return runner.follow(names, lines) if follow else _last_lines(runner, names, lines)
    found = runner.follow(names, _ALL) if follow else _lines_of(runner, names, _ALL)
    matching = ((service, line) for service, line in found if wanted.has(service, line))
    return matching if follow else _last_of_each(matching, lines)


def _last_of_each(found: Iterator[tuple[str, str]], lines: int) -> Iterator[tuple[str, str]]:
    by_service: dict[str, deque[str]] = {}
    for service, line in found:
        by_service.setdefault(service, deque(maxlen=lines)).append(line)
    return ((service, line) for service, kept in by_service.items() for line in kept)


def _lines_of(runner: ServiceRunner, names: Sequence[str], lines: int) -> Iterator[tuple[str, str]]:
    return ((name, line) for name in names for line in runner.logs(name, lines))


def _last_lines(runner: ServiceRunner, names: Sequence[str], lines: int) -> Iterator[tuple[str, str]]:
    """The lines of each service, and how it ended by itself: a process that was killed could not say so."""
    ends = {service.name: f"pyml: {end_line(service)}" for service in runner.live() if service.last_exit is not None}
    for name in names:
        for line in (*runner.logs(name, lines), *([ends[name]] if name in ends else [])):
            yield name, line


def end_line(service: LiveService) -> str:
    """How a service ended by itself, and how often, in one line."""
    times = "once" if service.exits == 1 else f"{service.exits} times"
    reason = service.last_exit.reason if service.last_exit else "unknown"
    return f"{service.name} has ended by itself {times} since it was started, last: {reason}"


def _known_name(name: str, known: Sequence[str], runner: ServiceRunner) -> str:
    """The service that a name stands for: of this name, gone but with a log, or the only one that begins with it."""
    if name in known or runner.logs(name, 1):
        return name
    alike = [each for each in known if each.startswith((name, f"model-{name}"))]
    if len(alike) == 1:
        return alike[0]
    raise UsageError(f"There is no service {name!r}; there are {', '.join(known)}.", "pyml dev logs NAME")
