"""The logs of a sandbox's services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyml.errors import UsageError
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.lifecycle.status import all_endpoints
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import require_state


def find_logs(home: SandboxHome, name: str | None, lines: int, follow: bool) -> Iterator[tuple[str, str]]:
    """The last lines of one service, or of all, as (service, line).

    Args:
        home: the sandbox.
        name: of the service, or the beginning of its name; None for all services.
        lines: how many lines of each service.
        follow: whether each new line follows; the iterator is then endless.

    Raises:
        UsageError: no service of this name has a log.
        SandboxError: the sandbox has never been up.
    """
    driver = driver_for(home, require_state(home))
    runner = driver.runner
    known = [endpoint.name for endpoint in all_endpoints(home, driver)]
    names = known if name is None else [_known_name(name, known, runner)]
    return runner.follow(names, lines) if follow else _last_lines(runner, names, lines)


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
