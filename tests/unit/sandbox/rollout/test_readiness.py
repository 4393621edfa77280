"""Waiting for readiness, with a clock that tests turn and services that run nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pyml.errors import ServiceFailedError
from pyml.probes import NotAnsweringError, NotListeningError, NotReadyError
from pyml_sandbox.drivers.fake_runner import Behaviour, FakeMachine, FakeRunner
from pyml_sandbox.rollout.readiness import end_of, failure, wait_until_ready
from pyml_sandbox.services.runner_contract import Exit, LiveService, ServiceState
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import Event


@dataclass
class Script:
    """A probe that gives prepared answers, the last one again and again."""

    answers: list[NotReadyError | None]
    asked: int = 0

    def __call__(self, timeout_s: float) -> None:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if answer is not None:
            raise answer


@dataclass
class Scene:
    """A driver, its services, and what was told."""

    machine: FakeMachine = field(default_factory=FakeMachine)
    events: list[Event] = field(default_factory=list)

    @property
    def runner(self) -> FakeRunner:
        return FakeRunner(self.machine, "test")

    def start(self, name: str, *answers: NotReadyError | None, start_timeout_s: float = 60) -> ServiceSpec:
        endpoint = Endpoint(name, f"{name}.example", Script(list(answers)))
        spec = ServiceSpec(endpoint, ("run",), Path("/"), start_timeout_s=start_timeout_s)
        self.runner.start(spec)
        return spec

    def wait(self, *specs: ServiceSpec, clock: Callable[[], float], **more: dict[str, int]) -> dict[str, float]:
        return wait_until_ready(specs, self.runner, self.events.append, clock=clock, **more)

    def told(self, name: str) -> list[tuple[str, str]]:
        return [(str(event.progress), event.detail) for event in self.events if event.subject == name]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def standing() -> float:
    return 0.0


def ticking(step_s: float) -> Callable[[], float]:
    """A clock that goes on by `step_s` whenever it is looked at."""

    def ticks() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += step_s

    return ticks().__next__


LISTENING_LATER = NotListeningError("a.example")
ANSWERING_LATER = NotAnsweringError("a.example", "UNAVAILABLE")


def test_ready_services_are_reported_with_their_address(scene: Scene) -> None:
    took = scene.wait(scene.start("a", None), scene.start("b", None), clock=standing)
    assert set(took) == {"a", "b"}
    assert scene.told("a") == [("ready", "a.example")]


def test_each_reason_to_wait_is_told_once(scene: Scene) -> None:
    spec = scene.start("a", LISTENING_LATER, LISTENING_LATER, ANSWERING_LATER, ANSWERING_LATER, None)
    scene.wait(spec, clock=standing)
    assert scene.told("a") == [
        ("waiting", "not listening yet on a.example (at most 60 s)"),
        ("waiting", "listening on a.example but not answering: UNAVAILABLE (at most 60 s)"),
        ("ready", "a.example"),
    ]


@pytest.mark.parametrize(
    ("reason", "words"),
    [(LISTENING_LATER, "not listening yet"), (ANSWERING_LATER, "listening on a.example but not answering")],
)
def test_a_time_out_says_how_far_the_service_was(scene: Scene, reason: NotReadyError, words: str) -> None:
    spec = scene.start("a", reason, start_timeout_s=10)
    with pytest.raises(ServiceFailedError, match=f"a did not start: no answer within 10 s: {words}"):
        scene.wait(spec, clock=ticking(1))


def test_a_service_that_exits_fails_at_once_with_code_and_last_lines(scene: Scene) -> None:
    scene.machine.behaviours = {"a": Behaviour(("ERROR XSDB6: it is locked",), exit_code=1)}
    spec = scene.start("a", LISTENING_LATER)
    with pytest.raises(ServiceFailedError) as caught:
        scene.wait(spec, clock=ticking(1))
    assert "a did not start: exit code 1" in caught.value.message
    assert "last log: ERROR XSDB6: it is locked" in caught.value.message
    assert "pyml dev logs a" in caught.value.hint
    assert caught.value.exit_code == 1
    assert scene.told("a")[-1] == ("failed", "exit code 1")


def test_a_failed_service_is_not_started_again_and_the_others_are_left_running(scene: Scene) -> None:
    scene.machine.behaviours = {"a": Behaviour(exit_code=1)}
    specs = scene.start("a", LISTENING_LATER), scene.start("b", LISTENING_LATER)
    with pytest.raises(ServiceFailedError):
        scene.wait(*specs, clock=ticking(1))
    states = {service.name: service.state for service in scene.runner.live()}
    assert states == {"a": ServiceState.STOPPED, "b": ServiceState.RUNNING}


def test_a_kept_service_may_have_come_back_before(scene: Scene) -> None:
    spec = scene.start("a", LISTENING_LATER, LISTENING_LATER, None)
    scene.machine.kill("test", "a")
    assert scene.wait(spec, clock=ticking(0.5), exits_before={"a": 1}).keys() == {"a"}


RUNNING = LiveService("a", ServiceState.RUNNING, "d", 1)
ENDED = Exit(None, "terminated by SIGKILL")


@pytest.mark.parametrize(
    ("found", "before", "expected"),
    [
        (RUNNING, 0, None),
        (None, 0, "it is gone"),
        (LiveService("a", ServiceState.STOPPED, "d"), 0, "another command stopped it"),
        (LiveService("a", ServiceState.RUNNING, "d", 2, exits=1, last_exit=ENDED), 0, "terminated by SIGKILL"),
        (LiveService("a", ServiceState.RUNNING, "d", 2, exits=1, last_exit=ENDED), 1, None),
    ],
)
def test_how_a_service_ended(found: LiveService | None, before: int, expected: str | None) -> None:
    assert end_of(found, before) == expected


def test_a_known_cause_comes_with_its_own_fix() -> None:
    error = failure("metastore", "exit code 1", ["Another instance of Derby may have already booted the database /d."])
    assert "another process holds the metastore's database /d" in error.message
    assert error.hint == "pyml dev down   then   pyml dev up\n  more: pyml dev logs metastore"
