"""Probes of services whose ports are not known beforehand, or not published at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyml.errors import SandboxError
from pyml.probes import NotListeningError, NotReadyError
from pyml.probes.spark import SparkProbe
from pyml_sandbox.containers.engine import Engine, translated
from pyml_sandbox.containers.find import published_port, running
from pyml_sandbox.ports import HOST


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
