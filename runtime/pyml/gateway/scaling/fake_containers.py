"""Containers in memory, for tests; they pass the same contract test as those of a real engine."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pyml.gateway.ends.reasons import reason_of
from pyml.gateway.scaling.containers import EngineError, ServerContainer


class FakeContainers:
    """See `Containers`.

    Attributes:
        done: the calls, in order: "start SERVICE", "stop SERVICE".
        error: what every method raises; None if they succeed.

    Args:
        clock: start times of containers, in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.done: list[str] = []
        self.error: EngineError | None = None
        self._clock = clock
        self._ids = (f"{number:04x}" for number in itertools.count(1))
        self._containers: dict[str, ServerContainer] = {}
        self._ends_with: dict[str, int] = {}

    def add(
        self, service: str, labels: Mapping[str, str] | None = None, *, is_running: bool = False, ends_with: int = -1
    ) -> str:
        """Create a container and return its id.

        Args:
            service: name of the service that it runs.
            labels: additional labels.
            is_running: whether to start it at once.
            ends_with: exit code with which it ends as soon as it starts; by default it keeps running.
        """
        made = ServerContainer(next(self._ids), service, "created", labels=dict(labels or {}))
        self._containers[made.id] = made
        if ends_with >= 0:
            self._ends_with[made.id] = ends_with
        if is_running:
            self._run(made.id)
        return made.id

    def set(self, container: ServerContainer) -> None:
        """Replace a container by one with the same id."""
        self._containers[container.id] = container

    def remove(self, container_id: str) -> None:
        """Remove a container."""
        del self._containers[container_id]

    def find(self, service: str | None = None) -> Sequence[ServerContainer]:
        """See `Containers.find`."""
        self._fail()
        newest = sorted(self._containers.values(), key=lambda container: container.id, reverse=True)
        return [container for container in newest if service in (None, container.service)]

    def start(self, container_id: str) -> None:
        """See `Containers.start`."""
        self._fail()
        container = self._containers.get(container_id)
        if container is not None and container.is_stopped:
            self.done.append(f"start {container.service}")
            self._run(container_id)

    def stop(self, container_id: str) -> None:
        """See `Containers.stop`."""
        self._fail()
        container = self._containers.get(container_id)
        if container is not None and not container.is_stopped:
            self.done.append(f"stop {container.service}")
            self.set(replace(container, status="exited"))

    def last_end(self, service: str, since: float) -> str | None:
        """See `Containers.last_end`."""
        ended = [each for each in self.find(service) if each.is_stopped and each.started_at >= since > 0]
        return reason_of(ended[0].exit_code) if ended else None

    def close(self) -> None:
        """See `Containers.close`."""

    def _run(self, container_id: str) -> None:
        code = self._ends_with.get(container_id)
        status = "running" if code is None else "exited"
        found = self._containers[container_id]
        self.set(replace(found, status=status, started_at=self._clock(), exit_code=code or 0, restarts=0))

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error
