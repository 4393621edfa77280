"""What somebody paused goes on."""

from __future__ import annotations

from pathlib import Path

from pyml_sandbox.drivers.fake_runner import FakeMachine, FakeRunner
from pyml_sandbox.rollout.paused import resume_paused
from pyml_sandbox.services.runner_contract import ServiceState
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import Event


def test_only_what_is_paused_is_resumed_and_said() -> None:
    machine, events = FakeMachine(), list[Event]()
    runner = FakeRunner(machine, "tests")
    runner.start(*(ServiceSpec(Endpoint(name, "", lambda timeout_s: None), ("true",), Path()) for name in "ab"))
    assert resume_paused(runner.live(), runner, events.append) == runner.live()
    machine.pause("tests", "b")
    found = resume_paused(runner.live(), runner, events.append)
    assert [service.state for service in found] == [ServiceState.RUNNING] * 2
    assert [(event.subject, event.detail) for event in events] == [("b", "was paused, and goes on")]
