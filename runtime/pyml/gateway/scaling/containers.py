"""The containers of one sandbox, as far as the gateway has to do with them: it starts and stops those that exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pyml.error_code import ErrorCode
from pyml.errors import PymlError

_STOPPED = ("created", "exited", "stopped", "configured")  # the last two are podman's words


class EngineError(PymlError):
    """The container engine does not answer, may not be used, or refused."""

    general_code = ErrorCode.ENGINE


@dataclass(frozen=True)
class ServerContainer:
    """What an engine says about one container.

    Attributes:
        id: its id.
        service: name of the service that it runs.
        status: the engine's word: "created", "running", "restarting", "paused", "exited", "dead", "removing".
        started_at: when it was last started, as `time.time()` says; 0 where it never was.
        exit_code: of its last end; 0 while it runs.
        restarts: how often the engine started it again after it had failed, since it was last asked to start it.
        is_out_of_memory: its last end was for want of memory.
        labels: all of them.
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
        """It runs, though perhaps it does not answer yet."""
        return self.status == "running"

    @property
    def is_stopped(self) -> bool:
        """It does not run, and the engine will not start it by itself."""
        return self.status in _STOPPED

    @property
    def end(self) -> str:
        """How it ended, in words."""
        memory = " (out of memory)" if self.is_out_of_memory else ""
        times = "once" if self.restarts == 1 else f"{self.restarts} times"
        again = f", started again {times}" if self.restarts else ""
        return f"ended with exit code {self.exit_code}{memory}{again}"


class Containers(Protocol):
    """The containers of one sandbox. Every method blocks, and raises `EngineError`."""

    def find(self, service: str | None = None) -> Sequence[ServerContainer]:
        """The containers of a service, or of all services; the newest first, whether they run or not."""

    def start(self, container_id: str) -> None:
        """Start a container. One that runs is left alone; that one is gone is seen by the next `find`."""

    def stop(self, container_id: str) -> None:
        """Stop a container, after the time that it was given for this. One that does not run, or is gone, is fine."""

    def close(self) -> None:
        """Let go of the engine."""
