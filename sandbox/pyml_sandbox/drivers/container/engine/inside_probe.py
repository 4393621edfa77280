"""Probes of services whose ports are not known beforehand, or not published at all."""

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
        code, output = _within(timeout_s, self.service, self._run)
        if code != 0:
            said = output.decode(errors="replace") if isinstance(output, bytes) else ""
            raise NotReadyError(said.strip().partition("\n")[0] or f"the health check of {self.service} says nothing")

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
    """Asks a Spark Connect server on the port that the engine chose for it."""

    engine: Engine
    project: str
    service: str
    port: int

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        port = _within(timeout_s, self.service, self._published)
        SparkProbe(HOST, port)(timeout_s)

    def _published(self) -> int:
        return published_port(self.engine, self.project, self.service, self.port)


def _within(timeout_s: float, service: str, ask: Callable[[], T]) -> T:
    """What the engine answers, in a thread: the SDK waits minutes for an engine, and for ever for a health check."""
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
