"""A service runner that runs nothing, for tests; it passes the same contract tests as the real ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pyml_sandbox.services.runner_contract import Exit, LiveService, Resources, ServiceState, not_running
from pyml_sandbox.services.spec import ServiceSpec

MEMORY_PER_PROCESS_BYTES = 1_000_000


@dataclass(frozen=True)
class Behaviour:
    """How a service behaves after its start.

    Attributes:
        lines: what it writes first.
        exit_code: the code with which it exits at once; None if it runs until it is stopped.
        children: how many child processes it starts.
    """

    lines: tuple[str, ...] = ()
    exit_code: int | None = None
    children: int = 0


@dataclass
class FakeMachine:
    """What outlives a runner: the services of all sandboxes, and their watchers.

    Attributes:
        behaviours: by the service's name; a service without one runs until it is stopped.
        sandboxes: the services that were started, by sandbox and name.
        orphans: number of processes whose watcher was killed, by sandbox.
    """

    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    sandboxes: dict[str, dict[str, LiveService]] = field(default_factory=dict)
    logs: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    orphans: dict[str, int] = field(default_factory=dict)
    pids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def kill(self, sandbox: str, name: str) -> None:
        """Kill a service's process; its watcher restarts it."""
        found = self.sandboxes[sandbox][name]
        ended = Exit(None, "terminated by SIGKILL")
        self.sandboxes[sandbox][name] = replace(found, pid=next(self.pids), exits=found.exits + 1, last_exit=ended)

    def pause(self, sandbox: str, name: str) -> None:
        """Stop a service's process where it is."""
        self.sandboxes[sandbox][name] = replace(self.sandboxes[sandbox][name], state=ServiceState.PAUSED)

    def kill_watcher(self, sandbox: str) -> None:
        """Kill the watcher of a sandbox; the processes of its services stay."""
        self.orphans[sandbox] = self.processes(sandbox)
        self.sandboxes.pop(sandbox, None)

    def processes(self, sandbox: str, name: str | None = None) -> int:
        """How many processes a service has; without a name, those of all services, and orphans."""
        services = self.sandboxes.get(sandbox, {})
        running = [each for each in services.values() if each.pid is not None and name in (None, each.name)]
        children = sum(self.behaviours.get(each.name, Behaviour()).children for each in running)
        return len(running) + children + (self.orphans.get(sandbox, 0) if name is None else 0)


class FakeRunner:
    """Keeps services in a `FakeMachine`. See `ServiceRunner`."""

    name = "fake"

    def __init__(self, machine: FakeMachine, sandbox: str) -> None:
        self._machine = machine
        self._sandbox = sandbox

    def start(self, *specs: ServiceSpec, timeout_s: float = 30) -> None:
        """See `ServiceRunner.start`."""
        self.remove_orphans()
        services = self._machine.sandboxes.setdefault(self._sandbox, {})
        for spec in not_running(specs, self.live()):
            behaviour = self._machine.behaviours.get(spec.name, Behaviour())
            self._machine.logs[self._sandbox, spec.name] = list(behaviour.lines)
            services[spec.name] = self._started(spec, behaviour)

    def stop(self, name: str, timeout_s: float = 60) -> None:
        """See `ServiceRunner.stop`."""
        found = self._services().get(name)
        if found is not None:
            self._services()[name] = replace(found, state=ServiceState.STOPPED, pid=None)

    def resume(self, name: str, timeout_s: float = 30) -> None:
        """See `ServiceRunner.resume`."""
        found = self._services().get(name)
        if found is not None and found.state is ServiceState.PAUSED:
            self._services()[name] = replace(found, state=ServiceState.RUNNING)

    def shut_down(self, timeout_s: float = 60) -> None:
        """See `ServiceRunner.shut_down`."""
        self._machine.sandboxes.pop(self._sandbox, None)
        self._machine.orphans.pop(self._sandbox, None)

    def remove_orphans(self, timeout_s: float = 30) -> int:
        """See `ServiceRunner.remove_orphans`."""
        return self._machine.orphans.pop(self._sandbox, 0)

    def live(self, timeout_s: float = 10) -> Sequence[LiveService]:
        """See `ServiceRunner.live`."""
        return tuple(self._services().values())

    def logs(self, name: str, lines: int) -> Sequence[str]:
        """See `ServiceRunner.logs`."""
        written = self._machine.logs.get((self._sandbox, name), [])
        return tuple(written[-lines:]) if lines > 0 else ()

    def follow(self, names: Sequence[str], lines: int) -> Iterator[tuple[str, str]]:
        """See `ServiceRunner.follow`. Ends after the existing lines, since nothing writes more."""
        for name in names:
            for line in self.logs(name, lines):
                yield name, line

    def resources(self, name: str) -> Resources:
        """See `ServiceRunner.resources`. Each process has one thread."""
        processes = self._machine.processes(self._sandbox, name)
        return Resources(processes * MEMORY_PER_PROCESS_BYTES, processes)

    def _services(self) -> dict[str, LiveService]:
        return self._machine.sandboxes.get(self._sandbox, {})

    def _started(self, spec: ServiceSpec, behaviour: Behaviour) -> LiveService:
        if behaviour.exit_code is None:
            return LiveService(spec.name, ServiceState.RUNNING, spec.digest, next(self._machine.pids))
        ended = Exit(behaviour.exit_code, f"exit code {behaviour.exit_code}")
        return LiveService(spec.name, ServiceState.FAILED, spec.digest, exits=1, last_exit=ended)
