"""What a driver does: the whole contract with whatever runs the services. Every operation has a timeout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pyml.errors import SandboxError
from pyml_sandbox.services.spec import ServiceSpec


class ServiceState(StrEnum):
    """What a driver knows about a service. Running is not ready: only a probe knows that."""

    RUNNING = "running"
    WAITING = "waiting"
    """Made, and started by the first request that needs it."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


OUT_OF_MEMORY = "it needed more memory than its limit allows"
"""The reason of an `Exit` that the kernel forced."""


@dataclass(frozen=True)
class Exit:
    """How a process ended by itself.

    Attributes:
        code: its exit code; None when a signal ended it or it never ran.
        reason: in words: "exit code 1", "terminated by SIGKILL", "can't find command 'x'".
    """

    code: int | None
    reason: str


@dataclass(frozen=True)
class LiveService:
    """A service as the driver finds it.

    Attributes:
        name: the spec's name.
        state: see `ServiceState`.
        digest: of the spec it was started from.
        pid: of its first process, in the kernel under which it runs; None when it does not run.
        uptime_s: seconds since that process started; 0 when it does not run.
        exits: how often it ended by itself since `start`. A watched service that came back is RUNNING again.
        last_exit: how it last did; None when it never did.
        is_on_demand: a job started it, and not `up`.
    """

    name: str
    state: ServiceState
    digest: str
    pid: int | None = None
    uptime_s: float = 0
    exits: int = 0
    last_exit: Exit | None = None
    is_on_demand: bool = False


class ServiceRunner(Protocol):
    """Runs services and keeps them running after the process that started them is gone.

    One driver object serves one sandbox; any process may make another object for the same sandbox and sees the same
    services. A service that ends by itself is started again, at growing intervals.

    Every operation raises SandboxError when what runs the services does not answer within the timeout.
    """

    @property
    def name(self) -> str:
        """How the driver is called: "process", "container"."""

    def start(self, *specs: ServiceSpec, timeout_s: float = 30) -> None:
        """Make the services run; returns at once, long before they are ready.

        One that runs from the same spec is left alone.

        Raises:
            SandboxError: also when one runs from another spec; stop it first.
        """

    def stop(self, name: str, timeout_s: float = 60) -> None:
        """Stop a service and all its descendants: politely, then by force. A stopped or unknown one is fine.

        Blocks until no process of it is left.
        """

    def shut_down(self, timeout_s: float = 60) -> None:
        """Stop every service side by side, and what watches them. Blocks; nothing running is fine."""

    def remove_orphans(self, timeout_s: float = 30) -> int:
        """End what an earlier run left behind when its watcher was killed; returns how many processes. Blocks."""

    def live(self, timeout_s: float = 10) -> Sequence[LiveService]:
        """The services started since the last `shut_down`, running or not."""

    def logs(self, name: str, lines: int) -> Sequence[str]:
        """The last lines a service wrote; kept after it ended, until it is started anew."""

    def follow(self, names: Sequence[str], lines: int) -> Iterator[tuple[str, str]]:
        """The last lines of the named services and each new one, as (name, line). Endless."""

    def memory_bytes(self, name: str) -> int:
        """Resident memory of a service's processes; 0 when it does not run."""


def not_running(specs: Sequence[ServiceSpec], live: Sequence[LiveService]) -> list[ServiceSpec]:
    """The specs that have no running service yet.

    Raises:
        SandboxError: one runs from another spec.
    """
    running = {service.name: service for service in live if service.state is ServiceState.RUNNING}
    for spec in specs:
        if spec.name in running and running[spec.name].digest != spec.digest:
            raise SandboxError(f"{spec.name} runs from another specification.", "stop it first")
    return [spec for spec in specs if spec.name not in running]
