"""Probes of services whose ports are not known in advance, or not published."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from pyml.errors import SandboxError
from pyml.probes import NotListeningError, NotReadyError
from pyml.probes.spark_probe import SparkProbe
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.engine.lookup import published_port, running
from pyml_sandbox.workspace.ports import HOST

T = TypeVar("T")


@dataclass(frozen=True)
class InsideProbe:
    """Runs a service's own health check in its container.

    Attributes:
        engine: runs the container.
        project: name of the sandbox in the engine.
        service: name of the service.
        command: the health check; its exit code is 0 if the service answered.
    """

    engine: Engine
    project: str
    service: str
    command: Sequence[str]

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        code, output = _within(timeout_s, self.service, self._run)
        if code != 0:
            text = output.decode(errors="replace") if isinstance(output, bytes) else ""
            reason = text.strip().partition("\n")[0]
            raise NotReadyError(reason or f"the health check of {self.service} failed without output")

    def _run(self) -> tuple[int | None, object]:
        container = running(self.engine, self.project, self.service)
        try:
            with translated():
                code, output = container.exec_run(list(self.command))
        except SandboxError as error:
            raise NotListeningError(self.service) from error
        return code, output


@dataclass(frozen=True)
class ConnectProbe:
    """Probes a Spark Connect server on the port that the engine chose for it, and whether its master knows it.

    Attributes:
        engine: runs the container.
        project: name of the sandbox in the engine.
        service: name of the service.
        port: of the server, inside the container.
        command: asks the master, in the container.
    """

    engine: Engine
    project: str
    service: str
    port: int
    command: Sequence[str]

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        port = _within(timeout_s, self.service, self._published)
        SparkProbe(HOST, port)(timeout_s)
        InsideProbe(self.engine, self.project, self.service, self.command)(timeout_s)

    def _published(self) -> int:
        return published_port(self.engine, self.project, self.service, self.port)


def _within(timeout_s: float, service: str, ask: Callable[[], T]) -> T:
    """The result of a call, made in a thread: the SDK waits minutes for an engine, and for ever for a health check."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            answer.set_exception(error)

    threading.Thread(target=run, name="pyml-probe", daemon=True).start()
    try:
        return answer.result(timeout_s)
    except TimeoutError as error:
        raise NotReadyError(f"{service} gave no answer within {timeout_s:g} s") from error
