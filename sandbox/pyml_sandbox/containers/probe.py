"""Probes of services whose ports are not known beforehand, or not published at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml.probes import NotListeningError, NotReadyError
from pyml.probes.spark import SparkProbe
from pyml_sandbox.containers import labels
from pyml_sandbox.containers.engine import Engine, translated
from pyml_sandbox.ports import HOST

if TYPE_CHECKING:
    from docker.models.containers import Container as RunningContainer


@dataclass(frozen=True)
class InsideProbe:
    """Runs a service's own health check in its container.

    Attributes:
        engine: where it runs.
        project: the sandbox.
        service: its name.
        command: the health check; exit code 0 when it answered.
    """

    engine: Engine
    project: str
    service: str
    command: Sequence[str]

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        container = running(self.engine, self.project, self.service)
        try:
            with translated():
                code, output = container.exec_run(list(self.command))
        except SandboxError as error:
            raise NotListeningError(self.service) from error
        if code != 0:
            said = output.decode(errors="replace") if isinstance(output, bytes) else ""
            raise NotReadyError(said.strip().partition("\n")[0] or f"the health check of {self.service} says nothing")


@dataclass(frozen=True)
class ConnectProbe:
    """Asks a Spark Connect server on the port that the engine chose for it."""

    engine: Engine
    project: str
    service: str
    port: int

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        SparkProbe(HOST, published_port(self.engine, self.project, self.service, self.port))(timeout_s)


def running(engine: Engine, project: str, service: str) -> RunningContainer:
    """The running container of a service.

    Raises:
        NotListeningError: it does not run.
    """
    wanted = [f"{labels.SANDBOX}={project}", f"{labels.SERVICE}={service}"]
    try:
        with translated():
            found = engine.client.containers.list(filters={"label": wanted, "status": "running"})
    except SandboxError as error:
        raise NotListeningError(service) from error
    if not found:
        raise NotListeningError(service)
    return found[0]


def published_port(engine: Engine, project: str, service: str, port: int) -> int:
    """The port on 127.0.0.1 behind which a container's port is.

    Raises:
        NotListeningError: the container does not run.
    """
    places = running(engine, project, service).ports.get(f"{port}/tcp")
    if not places:
        raise NotListeningError(f"{service}:{port}")
    return int(places[0]["HostPort"])
