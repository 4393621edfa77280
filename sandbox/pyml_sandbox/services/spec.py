"""What a service of the sandbox is: plain data that every driver can run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from pyml_sandbox.services.container_spec import Container


class Probe(Protocol):
    """Asks a service one real request."""

    def __call__(self, timeout_s: float) -> None:
        """Return when the service answered; blocks at most about `timeout_s`.

        Raises:
            NotReadyError: it did not.
        """


@dataclass(frozen=True)
class Endpoint:
    """Where a service answers, and how it is asked.

    Attributes:
        name: of the service, unique in its sandbox, for instance "metastore".
        address: where it answers, for people.
        probe: how readiness is asked.
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
        environment: variables set for it, on top of a few inherited ones such as PATH and HOME.
        working_directory: where it runs.
        depends_on: services that its probe needs.
        stop_timeout_s: how long it may take to stop before it is killed.
        start_timeout_s: how long it may take until its probe succeeds.
        note: one more fact for the summary, for instance "env 7c1e2b (reused)".
        container: how it runs as a container; None where it is a process.
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
        """Changes whenever the running process would have to be replaced."""
        facts = [
            self.command,
            sorted(self.environment.items()),
            str(self.working_directory),
            None if self.container is None else asdict(self.container),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
