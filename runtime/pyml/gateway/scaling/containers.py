"""The containers of one sandbox, as the gateway sees them: it starts and stops existing ones, and creates none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pyml.error_code import ErrorCode
from pyml.errors import PymlError

_STOPPED = ("created", "exited", "stopped", "configured")  # the last two are podman's


class EngineError(PymlError):
    """The container engine does not answer, denies access, or refused the call."""

    general_code = ErrorCode.ENGINE


@dataclass(frozen=True)
class ServerContainer:
    """One container, as the engine describes it.

    Attributes:
        id: id of the container.
        service: name of the service that it runs.
        status: as the engine names it: "created", "running", "restarting", "paused", "exited", "dead", "removing".
        started_at: when it was last started, in seconds since 1970; 0 if never.
        exit_code: of its last run; 0 while it runs.
        restarts: how often the engine restarted it after a failure, since the last explicit start.
        is_out_of_memory: its last run was killed because it was out of memory.
        labels: all labels of the container.
    """

    id: str
    service: str
    status: str
    started_at: float = 0
    exit_code: int = 0
    restarts: int = 0
    is_out_of_memory: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """True if it runs, even if it does not answer yet."""
        return self.status == "running"

    @property
    def is_stopped(self) -> bool:
        """True if it does not run and the engine will not restart it."""
        return self.status in _STOPPED

    @property
    def end(self) -> str:
        """How it ended, for messages."""
        memory = " (out of memory)" if self.is_out_of_memory else ""
        times = "once" if self.restarts == 1 else f"{self.restarts} times"
        restarted = f", restarted {times}" if self.restarts else ""
        return f"ended with exit code {self.exit_code}{memory}{restarted}"


class Containers(Protocol):
    """The containers of one sandbox. Every method blocks, and raises `EngineError`."""

    def find(self, service: str | None = None) -> Sequence[ServerContainer]:
        """The containers of a service, or of all services, running or not; newest first."""

    def start(self, container_id: str) -> None:
        """Start a container. No effect if it is running; a removed container shows up in the next `find`."""

    def stop(self, container_id: str) -> None:
        """Stop a container within its own stop timeout. No effect if it is stopped or removed."""

    def last_end(self, service: str, since: float) -> str | None:
        """How a service's container ended by itself since a time in seconds since 1970; None if it did not."""

    def close(self) -> None:
        """Close the connection to the engine."""
