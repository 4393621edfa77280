"""What a job started and no longer answers is stopped, so that the next job starts it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.probes import NotReadyError
from pyml_sandbox.drivers.fake_runner import FakeMachine, FakeRunner
from pyml_sandbox.rollout import unready
from pyml_sandbox.rollout.unready import stop_unready
from pyml_sandbox.services.spec import Endpoint, Probe, ServiceSpec
from pyml_sandbox.workspace.events import Event


def answers(timeout_s: float) -> None:
    """It is ready."""


def refuses(timeout_s: float) -> None:
    raise NotReadyError("the Spark master does not know this driver")


@pytest.fixture
def runner() -> FakeRunner:
    """Two services run."""
    runner = FakeRunner(FakeMachine(), "tests")
    runner.start(*(ServiceSpec(Endpoint(name, "", answers), ("true",), Path()) for name in ("spark-a", "worker-a")))
    return runner


def stopped(runner: FakeRunner, probe: Probe, wait_s: float = 0) -> tuple[list[str], list[Event]]:
    """What is stopped where the driver has such a probe, and what is said."""
    events: list[Event] = []
    endpoints = [Endpoint("worker-a", "", answers), Endpoint("spark-a", "", probe), Endpoint("spark-b", "", refuses)]
    return stop_unready(endpoints, runner.live(), runner, events.append, wait_s), events


def test_what_answers_is_left_alone(runner: FakeRunner) -> None:
    assert stopped(runner, answers) == ([], [])
    assert all(service.pid for service in runner.live())


def test_what_does_not_answer_is_stopped_and_said(runner: FakeRunner) -> None:
    names, events = stopped(runner, refuses)
    assert names == ["spark-a"]
    assert "the Spark master does not know this driver" in events[0].detail
    assert {service.name for service in runner.live() if service.pid} == {"worker-a"}


def test_what_comes_back_within_the_time_is_left_alone(runner: FakeRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unready, "LOOK_EVERY_S", 0)
    results = iter([refuses, refuses, answers])
    assert stopped(runner, lambda timeout_s: next(results)(timeout_s), wait_s=60) == ([], [])
