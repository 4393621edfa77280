"""Deploying beside versions whose upload is gone: they keep no other from being served, and can be undeployed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError, ServiceFailedError, SetupError, UsageError
from pyml.gateway.replica import Replica
from pyml_sandbox.drivers.container.driver import ContainerDriver
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.drivers.fake_runner import FakeMachine, FakeRunner
from pyml_sandbox.lifecycle import deployment
from pyml_sandbox.lifecycle.deployment import (
    deploy,
    deployed_versions,
    is_coming_back,
    lost_versions,
    model_endpoints,
    model_servers,
    raise_why_away,
    served_meanwhile,
    stop_interrupted,
    undeploy,
)
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.models.routes import Deployment, Routes, load_routes, routes_text, save_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.services import gateway_server
from pyml_sandbox.services.model_server import serves, service_name
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import Event
from pyml_sandbox.workspace.home import SandboxHome
from support.uploads import keep

LOST, GOOD, NEXT = "999999999999", "111111111111", "222222222222"


def answers(timeout_s: float) -> None:
    """A probe of a service that is ready."""


def spec_of(name: str) -> ServiceSpec:
    return ServiceSpec(Endpoint(name, "nowhere", answers), ("true",), Path())


@dataclass
class FakeDriver:
    """A stack whose services are a fake driver's."""

    home: SandboxHome
    runner: FakeRunner = field(default_factory=lambda: FakeRunner(FakeMachine(), "tests"))
    builder: object = None

    def model_servers(self, version: ModelVersion, environment: object) -> Sequence[ServiceSpec]:
        return [spec_of(service_name(version.name, version.version, each)) for each in range(2)]

    def model_endpoints(self, version: ModelVersion) -> Sequence[Endpoint]:
        return [spec.endpoint for spec in self.model_servers(version, None)]

    def publish(self, routes: Routes) -> None:
        save_routes(self.home, routes_text(routes, lambda *_: []))


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    """A sandbox in which `fare` and `delay` are deployed, and the upload of `fare` is gone."""
    found = SandboxHome(tmp_path)
    gone = keep(found, f"fare@{LOST}")
    for model_id in (f"delay@{GOOD}", f"delay@{NEXT}"):
        keep(found, model_id)
    routes = Routes().with_version("fare", LOST).with_version("delay", GOOD)
    save_routes(found, routes_text(routes, lambda *_: []))
    shutil.rmtree(gone)
    return found


@pytest.fixture
def driver(home: SandboxHome, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """Its services: the gateway, and two servers of each version."""
    found = FakeDriver(home)
    names = [service_name(name, digits, each) for name, digits in load_routes(home).deployed for each in range(2)]
    found.runner.start(*map(spec_of, [gateway_server.NAME, *names]))
    monkeypatch.setattr(deployment, "driver_for", lambda home, state: found)
    monkeypatch.setattr(deployment, "require_state", lambda home: None)
    monkeypatch.setattr(deployment, "prepare", lambda version, builder, on_event: None)
    return found


def running(driver: FakeDriver) -> set[str]:
    return {service.name for service in driver.runner.live() if service.pid is not None}


def test_a_version_whose_upload_is_gone_has_no_server_and_is_told_of(home: SandboxHome, driver: FakeDriver) -> None:
    events: list[Event] = []
    specs = model_servers(home, cast("Driver", driver), events.append)
    assert [spec.name for spec in specs] == [f"model-delay-{GOOD}", f"model-delay-{GOOD}-2"]
    (note,) = events
    assert note.subject == f"fare@{LOST}"
    assert "pyml undeploy fare" in note.lines[0]


@pytest.mark.parametrize("code", [ErrorCode.UPLOAD_DAMAGED, ErrorCode.SETUP])
def test_a_damaged_version_keeps_no_other_from_being_served_and_a_failed_build_does(
    home: SandboxHome, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch, code: ErrorCode
) -> None:
    keep(home, f"fare@{LOST}")

    def prepare(version: ModelVersion, builder: object, on_event: object) -> None:
        if version.version == LOST:
            raise SetupError("its files differ", "", code)

    monkeypatch.setattr(deployment, "prepare", prepare)
    events: list[Event] = []
    if code is ErrorCode.SETUP:
        with pytest.raises(SetupError, match="its files differ"):
            model_servers(home, cast("Driver", driver))
        return
    specs = model_servers(home, cast("Driver", driver), events.append)
    assert [spec.name for spec in specs] == [f"model-delay-{GOOD}", f"model-delay-{GOOD}-2"]
    assert [(event.subject, event.lines) for event in events] == [
        (f"fare@{LOST}", ("     fix: pyml upload FOLDER   to restore it; or   pyml undeploy fare",))
    ]


def test_status_and_logs_see_the_versions_that_are_there(home: SandboxHome, driver: FakeRunner) -> None:
    assert [each.name for each in model_endpoints(home, cast("Driver", driver))] == [
        f"model-delay-{GOOD}",
        f"model-delay-{GOOD}-2",
    ]
    assert [version.model_id for version in deployed_versions(home)] == [f"delay@{GOOD}"]
    assert [lost.model_id for lost in lost_versions(home)] == [f"fare@{LOST}"]


def test_a_model_is_deployed_beside_one_whose_upload_is_gone(home: SandboxHome, driver: FakeDriver) -> None:
    deploy(home, f"delay@{NEXT}")
    assert load_routes(home).models["delay"].versions == (NEXT,)
    assert not any(GOOD in name for name in running(driver))
    assert f"model-delay-{NEXT}-2" in running(driver)


def test_a_new_version_takes_the_place_of_one_whose_upload_is_gone(home: SandboxHome, driver: FakeDriver) -> None:
    keep(home, f"fare@{NEXT}")
    deploy(home, f"fare@{NEXT}")
    assert load_routes(home).models["fare"].versions == (NEXT,)
    assert not any(LOST in name for name in running(driver))


def test_a_version_whose_upload_is_gone_can_be_undeployed(home: SandboxHome, driver: FakeDriver) -> None:
    assert undeploy(home, "fare") == [f"fare@{LOST}"]
    assert lost_versions(home) == []
    assert not any(LOST in name for name in running(driver))
    assert f"model-delay-{GOOD}" in running(driver)
    assert undeploy(home, "fare") == []


def test_a_version_cannot_be_undeployed_since_a_model_serves_one(home: SandboxHome, driver: FakeDriver) -> None:
    with pytest.raises(UsageError) as caught:
        undeploy(home, f"delay@{NEXT}")
    assert caught.value.hint == "pyml undeploy delay"
    assert "delay" in load_routes(home).models


def test_routes_in_containers_name_one_server_of_a_version_whose_upload_is_gone(home: SandboxHome) -> None:
    state = cast("Any", SimpleNamespace(ports=None, stamp=None, container=None, access_log=False))
    replicas = ContainerDriver(home, state, {})._replicas("fare", LOST)
    assert [replica.service for replica in replicas] == [f"model-fare-{LOST}"]
    assert isinstance(replicas[0], Replica)


@pytest.mark.parametrize(
    ("service", "is_one"),
    [
        ("model-fare-111111111111", True),
        ("model-fare-111111111111-2", True),
        ("model-fare-111111111111-222222222222", False),
        ("model-fares-111111111111", False),
        ("model-fare-1111111111112", False),
        ("gateway", False),
    ],
)
def test_servers_of_a_version_are_known_by_their_names(service: str, is_one: bool) -> None:
    assert serves(service, "fare", GOOD) is is_one


def test_a_version_is_served_meanwhile_beside_the_default_and_then_stopped(
    home: SandboxHome, driver: FakeDriver
) -> None:
    before = load_routes(home)
    with served_meanwhile(home, find_version(home, f"delay@{NEXT}")):
        assert load_routes(home).models["delay"] == Deployment(GOOD, (GOOD, NEXT))
        assert {f"model-delay-{GOOD}", f"model-delay-{NEXT}", f"model-delay-{NEXT}-2"} <= running(driver)
    assert load_routes(home) == before
    assert not any(NEXT in name for name in running(driver))
    assert f"model-delay-{GOOD}" in running(driver)


def test_a_model_that_is_not_deployed_is_served_only_meanwhile(home: SandboxHome, driver: FakeDriver) -> None:
    keep(home, f"tip@{GOOD}")
    with ExitStack() as stack:
        stack.enter_context(served_meanwhile(home, find_version(home, f"tip@{GOOD}")))
        assert load_routes(home).models["tip"].default == GOOD
    assert "tip" not in load_routes(home).models


def test_a_deployed_version_is_served_afterwards_as_well(home: SandboxHome, driver: FakeDriver) -> None:
    before = load_routes(home)
    with served_meanwhile(home, find_version(home, f"delay@{GOOD}")):
        pass
    assert load_routes(home) == before
    assert f"model-delay-{GOOD}" in running(driver)


def test_what_is_deployed_by_name_meanwhile_stays(home: SandboxHome, driver: FakeDriver) -> None:
    with served_meanwhile(home, find_version(home, f"delay@{NEXT}")):
        deploy(home, f"delay@{NEXT}")
    assert load_routes(home).models["delay"] == Deployment(NEXT, (NEXT,))
    assert f"model-delay-{NEXT}" in running(driver)


def test_a_model_that_is_deployed_by_name_while_it_is_served_meanwhile_stays(
    home: SandboxHome, driver: FakeDriver
) -> None:
    keep(home, f"tip@{GOOD}")
    with served_meanwhile(home, find_version(home, f"tip@{GOOD}")):
        deploy(home, f"tip@{GOOD}")
    assert load_routes(home).models["tip"] == Deployment(GOOD, (GOOD,))
    assert f"model-tip-{GOOD}" in running(driver)


def killed_while_serving(home: SandboxHome, model_id: str) -> None:
    """What a process leaves that was killed while it served a version: its route, and a mark without a lock."""
    model, _, version = model_id.partition("@")
    save_routes(home, routes_text(load_routes(home).with_version(model, version), lambda *_: []))
    home.serving.mkdir()
    (home.serving / model_id).touch()


def test_what_a_killed_process_served_is_stopped_by_the_next(home: SandboxHome, driver: FakeDriver) -> None:
    before = load_routes(home)
    killed_while_serving(home, f"delay@{NEXT}")
    driver.runner.start(spec_of(service_name("delay", NEXT, 0)))
    with served_meanwhile(home, find_version(home, f"delay@{GOOD}")):
        assert load_routes(home) == before
    assert f"model-delay-{NEXT}" not in running(driver)
    assert f"model-delay-{GOOD}" in running(driver)
    assert stop_interrupted(home, cast("Driver", driver)) == []


def test_what_a_process_still_serves_is_not_taken_for_interrupted(home: SandboxHome, driver: FakeDriver) -> None:
    with served_meanwhile(home, find_version(home, f"delay@{NEXT}")):
        assert stop_interrupted(home, cast("Driver", driver)) == []
        assert load_routes(home).models["delay"].versions == (GOOD, NEXT)


def test_a_server_comes_back_unless_it_or_the_gateway_was_stopped(tmp_path: Path) -> None:
    machine, home = FakeMachine(), SandboxHome(tmp_path)
    runner = FakeRunner(machine, "tests")
    names = ("gateway", "model-fare-1")
    runner.start(*(ServiceSpec(Endpoint(name, "", lambda timeout_s: None), ("true",), tmp_path) for name in names))
    assert is_coming_back(home, runner, "fare", "1")
    assert not is_coming_back(home, runner, "fare", "2")
    machine.pause("tests", "model-fare-1")
    with pytest.raises(SandboxError, match="model-fare-1 does not answer: it is paused"):
        is_coming_back(home, runner, "fare", "1")
    runner.stop("model-fare-1")
    assert not is_coming_back(home, runner, "fare", "1")
    runner.stop("gateway")
    with pytest.raises(SandboxError, match="The sandbox is not up") as caught:
        is_coming_back(home, runner, "fare", "1")
    assert caught.value.code is ErrorCode.SANDBOX_DOWN


def test_why_a_server_does_not_come_back_is_said_with_its_last_words(tmp_path: Path) -> None:
    machine = FakeMachine()
    runner = FakeRunner(machine, "tests")
    runner.start(ServiceSpec(Endpoint("model-fare-1", "", lambda timeout_s: None), ("true",), tmp_path))
    raise_why_away(runner, "fare", "1", 30)
    machine.kill("tests", "model-fare-1")
    raise_why_away(runner, "fare", "2", 30)
    with pytest.raises(ServiceFailedError, match="model-fare-1 did not start: terminated by SIGKILL") as caught:
        raise_why_away(runner, "fare", "1", 30)
    assert caught.value.hint == "pyml dev logs model-fare-1"
