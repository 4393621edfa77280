"""Probes of containers keep their time-outs, whatever the engine does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import docker.errors  # noqa: F401 - as an engine's client has, before any thread asks it
import pytest

from pyml.errors import SandboxError
from pyml.probes import NotListeningError, NotReadyError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.inside_probe import ConnectProbe, InsideProbe

TIMEOUT_S = 0.05


@pytest.fixture
def hanging() -> Iterator[Callable[..., object]]:
    """A call that does not come back before the test ends."""
    over = threading.Event()

    def hang(*_arguments: object, **_options: object) -> object:
        over.wait()
        raise SandboxError("the test is over")

    yield hang
    over.set()


def engine_of(list_containers: Callable[..., object]) -> Engine:
    return cast(Engine, SimpleNamespace(client=SimpleNamespace(containers=SimpleNamespace(list=list_containers))))


def engine_with(run: Callable[..., object]) -> Engine:
    return engine_of(lambda **_filters: [SimpleNamespace(status="running", exec_run=run, ports={})])


def probe(engine: Engine) -> InsideProbe:
    return InsideProbe(engine, "project", "worker-1", ["true"])


def test_a_health_check_that_does_not_end_is_given_up(hanging: Callable[..., object]) -> None:
    with pytest.raises(NotReadyError, match=r"worker-1 gave no answer within 0\.05 s"):
        probe(engine_with(hanging))(TIMEOUT_S)


@pytest.mark.parametrize(
    "make", [probe, lambda engine: ConnectProbe(engine, "project", "worker-1", 1, ())], ids=["inside", "connect"]
)
def test_an_engine_that_does_not_answer_is_given_up(
    hanging: Callable[..., object], make: Callable[[Engine], Callable[[float], None]]
) -> None:
    with pytest.raises(NotReadyError, match="no answer within"):
        make(engine_of(hanging))(TIMEOUT_S)


def test_a_health_check_that_passes_is_ready() -> None:
    probe(engine_with(lambda _command: (0, b"")))(60)


def test_a_health_check_that_fails_says_why() -> None:
    with pytest.raises(NotReadyError, match="the master is DEAD"):
        probe(engine_with(lambda _command: (1, b"the master is DEAD\nand more")))(60)


def test_what_does_not_run_is_not_listening() -> None:
    with pytest.raises(NotListeningError):
        probe(engine_of(lambda **_filters: []))(60)
