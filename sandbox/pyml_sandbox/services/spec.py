"""A service of the sandbox as plain data that every driver can run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from pyml_sandbox.services.container_spec import Container


class Probe(Protocol):
    """Sends a service one real request."""

    def __call__(self, timeout_s: float) -> None:
        """Return when the service has answered; blocks for at most about `timeout_s` seconds.

        Raises:
            NotReadyError: the service did not answer in time, or answered with an error.
        """


@dataclass(frozen=True)
class Endpoint:
    """Where a service answers, and how its readiness is probed.

    Attributes:
        name: of the service, unique in its sandbox, such as "metastore".
        address: where it answers, for people.
        probe: tells whether the service is ready.
    """

    name: str
    address: str
    probe: Probe


@dataclass(frozen=True)
class ServiceSpec:
    """One service, as data.

    Attributes:
        endpoint: its name, address and probe.
        command: the program and its arguments.
        environment: environment variables, on top of a few inherited ones such as PATH and HOME.
        working_directory: its working directory.
        depends_on: services that its probe needs.
        stop_timeout_s: seconds that it may take to stop before it is killed.
        start_timeout_s: seconds that it may take until its probe succeeds.
        note: one more fact for the summary, such as "env 7c1e2b (reused)".
        container: how it runs as a container; None for a process.
    """

    endpoint: Endpoint
    command: tuple[str, ...]
    working_directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    stop_timeout_s: float = 10
    start_timeout_s: float = 60
    note: str = ""
    container: Container | None = None

    @property
    def name(self) -> str:
        """See `Endpoint`."""
        return self.endpoint.name

    @property
    def digest(self) -> str:
        """A digest that changes whenever the running process has to be replaced."""
        facts = [
            self.command,
            sorted(self.environment.items()),
            str(self.working_directory),
            None if self.container is None else asdict(self.container),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
