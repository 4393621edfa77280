"""Carrying a plan out: the order of things, what is waited for, and what is left where it is interrupted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pyml.errors import ServiceFailedError
from pyml.probes import NotReadyError
from pyml_sandbox.drivers.fake_runner import FakeMachine, FakeRunner
from pyml_sandbox.rollout.apply import apply_plan
from pyml_sandbox.rollout.plan import Plan
from pyml_sandbox.services.runner_contract import LiveService, ServiceState
from pyml_sandbox.services.spec import Endpoint, Probe, ServiceSpec
from pyml_sandbox.workspace.events import Event


@dataclass
class Told(FakeRunner):
    """A driver that takes down what it is told to do."""

    machine: FakeMachine = field(default_factory=FakeMachine)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.machine, "tests")

    def start(self, *specs: ServiceSpec, timeout_s: float = 30) -> None:
        self.done.append(f"start {' '.join(spec.name for spec in specs)}")
        super().start(*specs)

    def stop(self, name: str, timeout_s: float = 60) -> None:
        self.done.append(f"stop {name}")
        super().stop(name)


def spec(name: str, probe: Probe | None = None, start_timeout_s: float = 0.2) -> ServiceSpec:
    def answers(timeout_s: float) -> None:
        """A probe of a service that is ready."""

    return ServiceSpec(
        Endpoint(name, "nowhere", probe or answers), ("run",), Path("/"), start_timeout_s=start_timeout_s
    )


def refuses(timeout_s: float) -> None:
    raise NotReadyError("not today")


def test_what_stops_stops_before_anything_starts_and_all_are_asked_once_they_run() -> None:
    runner = Told()

    def asked(timeout_s: float) -> None:
        runner.done.append("ask new")

    runner.start(spec("old"))
    plan = Plan(("old",), (spec("new", asked), spec("newer")), ())
    took_s = apply_plan(plan, runner, runner.live(), lambda event: None, lambda: runner.done.append("publish"))
    assert runner.done[1:] == ["stop old", "start new newer", "publish", "ask new"]
    assert set(took_s) == {"new", "newer"}


def test_several_are_stopped_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=20)

    class Waiting(Told):
        def stop(self, name: str, timeout_s: float = 60) -> None:
            meeting.wait()  # breaks where one is stopped after the other

    apply_plan(Plan(("a", "b", "c"), (), ()), Waiting(), [], lambda event: None)


def test_a_plan_without_anything_to_do_does_nothing() -> None:
    runner = Told()
    assert apply_plan(Plan((), (), ()), runner, [], lambda event: None) == {}
    assert not runner.done


def test_what_is_kept_is_asked_as_well() -> None:
    runner = Told()
    kept = spec("kept", refuses)
    runner.start(kept)
    with pytest.raises(ServiceFailedError, match="kept"):
        apply_plan(Plan((), (), (kept,)), runner, runner.live(), lambda event: None)
    assert runner.done == ["start kept"]  # it ran before, and is left to be looked at


def test_a_kept_service_that_ended_before_and_runs_again_has_not_failed() -> None:
    runner = Told()
    kept = spec("kept", start_timeout_s=60)
    runner.start(kept)
    runner.machine.kill("tests", "kept")
    assert set(apply_plan(Plan((), (), (kept,)), runner, runner.live(), lambda event: None)) == {"kept"}


WAITING = LiveService("idle", ServiceState.WAITING, "d")


@pytest.mark.parametrize("asks_idle", [False, True])
def test_what_waits_for_a_request_is_asked_only_where_that_is_wanted_since_it_starts_it(asks_idle: bool) -> None:
    asked: list[str] = []

    def asks(timeout_s: float) -> None:
        asked.append("idle")

    idle = spec("idle", asks)
    took_s = apply_plan(Plan((), (), (idle,)), Told(), [WAITING], lambda event: None, asks_idle=asks_idle)
    assert (asked == ["idle"]) is asks_idle
    assert (took_s == {"idle": 0.0}) is not asks_idle


def test_each_that_starts_is_told_of_before_it_does() -> None:
    events: list[Event] = []
    runner = Told()
    apply_plan(Plan((), (spec("new"),), ()), runner, [], events.append)
    assert [(event.subject, str(event.progress)) for event in events] == [("new", "waiting"), ("new", "ready")]


@pytest.mark.parametrize(("runs", "left"), [(True, "new"), (False, "nothing")])
def test_ctrl_c_leaves_what_runs_and_says_how_to_stop_it(runs: bool, left: str) -> None:
    events: list[Event] = []
    runner = Told()

    def interrupted() -> None:
        if not runs:
            runner.stop("new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_plan(Plan((), (spec("new"),), ()), runner, [], events.append, interrupted)
    assert events[-1].detail == f"left running: {left}. Stop it: pyml dev down"
