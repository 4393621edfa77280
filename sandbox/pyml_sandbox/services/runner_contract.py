"""The contract of a service runner: the whole interface to what runs the services. Every operation has a timeout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pyml.errors import SandboxError
from pyml_sandbox.services.spec import ServiceSpec


class ServiceState(StrEnum):
    """What a runner knows about a service. A running service need not be ready: only its probe tells."""

    RUNNING = "running"
    WAITING = "waiting"
    """Created; the first request that needs it starts it."""
    PAUSED = "paused"
    """Somebody stopped its processes where they were (`docker pause`, SIGSTOP); it answers nothing until `resume`."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Exit:
    """How a process exited without being stopped by its runner.

    Attributes:
        code: exit code; None if a signal ended the process or it never ran.
        reason: for people: "exit code 1", "terminated by SIGKILL", "can't find command 'x'".
    """

    code: int | None
    reason: str


@dataclass(frozen=True)
class LiveService:
    """A service as its runner finds it.

    Attributes:
        name: the spec's name.
        state: see `ServiceState`.
        digest: of the spec that it was started from.
        pid: of its first process, in the kernel that runs it; None if it does not run.
        uptime_s: seconds since that process started; 0 if it does not run.
        exits: how often it exited by itself since `start`. A service that was restarted is RUNNING again.
        last_exit: its latest exit; None if it never exited.
        is_job_scoped: a job started it, not `up`.
    """

    name: str
    state: ServiceState
    digest: str
    pid: int | None = None
    uptime_s: float = 0
    exits: int = 0
    last_exit: Exit | None = None
    is_job_scoped: bool = False


@dataclass(frozen=True)
class Resources:
    """What the processes of a service use.

    Attributes:
        memory_bytes: resident memory.
        threads: number of threads, of whatever library.
    """

    memory_bytes: int = 0
    threads: int = 0


class ServiceRunner(Protocol):
    """Runs services, and keeps them running after the process that started them has ended.

    One runner serves one sandbox. Any process may make a runner for the same sandbox, and sees the same services. A
    service that exits by itself is restarted, at growing intervals.

    Every operation raises SandboxError if supervisord or the engine does not answer within the timeout.
    """

    @property
    def name(self) -> str:
        """Name of the driver that it belongs to: "process" or "container"."""

    def start(self, *specs: ServiceSpec, timeout_s: float = 30) -> None:
        """Start services; returns at once, long before they are ready.

        A service that already runs from the same spec is left alone.

        Raises:
            SandboxError: a service runs from a different spec; stop it first.
        """

    def stop(self, name: str, timeout_s: float = 60) -> None:
        """Stop a service and all its descendants: by SIGTERM, then by force. Does nothing if it does not run.

        Blocks until none of its processes is left.
        """

    def resume(self, name: str, timeout_s: float = 30) -> None:
        """Let a paused service go on. Does nothing if it is not paused."""

    def shut_down(self, timeout_s: float = 60) -> None:
        """Stop all services at once, and what watches them. Blocks. Does nothing if nothing runs."""

    def remove_orphans(self, timeout_s: float = 30) -> int:
        """End the processes of an earlier run whose watcher was killed; returns how many there were. Blocks."""

    def live(self, timeout_s: float = 10) -> Sequence[LiveService]:
        """All services that were started since the last `shut_down`, running or not."""

    def logs(self, name: str, lines: int) -> Sequence[str]:
        """The last lines that a service wrote; kept after it exits, until it is started again."""

    def follow(self, names: Sequence[str], lines: int) -> Iterator[tuple[str, str]]:
        """The last lines of the named services, then each new line, as (name, line). Endless."""

    def resources(self, name: str) -> Resources:
        """What a service's processes use now; nothing if it does not run."""


def not_running(specs: Sequence[ServiceSpec], live: Sequence[LiveService]) -> list[ServiceSpec]:
    """The specs whose service does not run yet.

    Raises:
        SandboxError: a service runs from a different spec.
    """
    running = {service.name: service for service in live if service.state is ServiceState.RUNNING}
    for spec in specs:
        if spec.name in running and running[spec.name].digest != spec.digest:
            raise SandboxError(f"{spec.name} runs from a different specification.", "stop it first")
    return [spec for spec in specs if spec.name not in running]
