"""One service is restarted, and no other. The services here are a fake driver's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pyml.errors import SandboxError, ServiceFailedError, UsageError
from pyml_sandbox.drivers.fake_runner import Behaviour, FakeMachine, FakeRunner
from pyml_sandbox.lifecycle import restart as restart_module
from pyml_sandbox.lifecycle.restart import chosen, restart
from pyml_sandbox.models.routes import Routes, routes_text, save_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.services.model_server import service_name
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import Event
from pyml_sandbox.workspace.home import SandboxHome
from support.uploads import keep

CORE = ("metastore", "spark", "gateway")
SERVER = "model-fare-111111111111"
KNOWN = [*CORE, SERVER, "model-fares-222222222222", "spark-master"]


def spec_of(name: str) -> ServiceSpec:
    return ServiceSpec(Endpoint(name, "nowhere", lambda timeout_s: None), ("true",), Path())


@dataclass
class FakeDriver:
    """A driver whose services run in a fake machine."""

    machine: FakeMachine = field(default_factory=FakeMachine)
    published: list[Routes] = field(default_factory=list)
    builder: None = None

    @property
    def runner(self) -> FakeRunner:
        return FakeRunner(self.machine, "tests")

    def services(self) -> Sequence[ServiceSpec]:
        return [spec_of(name) for name in CORE]

    def endpoints(self) -> Sequence[Endpoint]:
        return [spec.endpoint for spec in self.services()]

    def model_servers(self, version: ModelVersion, environment: object) -> Sequence[ServiceSpec]:
        return [spec_of(service_name(version.name, version.version))]

    def model_endpoints(self, version: ModelVersion) -> Sequence[Endpoint]:
        return [spec.endpoint for spec in self.model_servers(version, None)]

    def publish(self, routes: Routes) -> None:
        self.published.append(routes)

    def pids(self) -> Mapping[str, int | None]:
        return {service.name: service.pid for service in self.runner.live()}


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    home = SandboxHome(tmp_path)
    keep(home, "fare@111111111111")
    save_routes(home, routes_text(Routes().with_version("fare", "111111111111"), lambda name, version: []))
    return home


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    driver = FakeDriver()
    state: Any = object()
    monkeypatch.setattr(restart_module, "require_state", lambda home: state)
    monkeypatch.setattr(restart_module, "driver_for", lambda home, state: driver)
    monkeypatch.setattr(restart_module, "prepare", lambda version, builder, on_event: None)
    driver.runner.start(*map(spec_of, (*CORE, SERVER)))
    return driver


@pytest.mark.parametrize(
    ("asked", "name"), [("gateway", "gateway"), ("meta", "metastore"), (SERVER, SERVER), ("fare", SERVER)]
)
def test_a_service_has_a_new_process_and_no_other_has(
    asked: str, name: str, home: SandboxHome, driver: FakeDriver
) -> None:
    before, events = driver.pids(), list[Event]()
    assert restart(home, asked, events.append) == name
    after = driver.pids()
    assert {each for each in before if before[each] != after[each]} == {name}
    assert after[name] is not None
    assert [str(event.progress) for event in events if event.subject == name][-1] == "ready"


def test_a_gateway_that_is_made_anew_gets_its_routes(home: SandboxHome, driver: FakeDriver) -> None:
    restart(home, "gateway")
    assert [routes.deployed for routes in driver.published] == [[("fare", "111111111111")]]


def test_a_paused_service_goes_on_before_it_is_stopped(home: SandboxHome, driver: FakeDriver) -> None:
    driver.machine.pause("tests", "spark")
    restart(home, "spark")
    assert {str(service.state) for service in driver.runner.live()} == {"running"}


def test_a_service_that_does_not_come_back_is_an_error(home: SandboxHome, driver: FakeDriver) -> None:
    driver.machine.behaviours = {"metastore": Behaviour(("it cannot be",), exit_code=7)}

    def never(timeout_s: float) -> None:
        from pyml.probes import NotListeningError

        raise NotListeningError("nowhere")

    endpoint = Endpoint("metastore", "nowhere", never)
    driver.services = lambda: [ServiceSpec(endpoint, ("true",), Path())]  # type: ignore[method-assign]
    with pytest.raises(ServiceFailedError, match="metastore did not start: exit code 7"):
        restart(home, "metastore")


def test_nothing_is_restarted_where_nothing_runs(home: SandboxHome, driver: FakeDriver) -> None:
    driver.runner.shut_down()
    with pytest.raises(SandboxError, match="is not up"):
        restart(home, "gateway")


@pytest.mark.parametrize("asked", ["nope", "", "gateway2", "model-nope"])
def test_an_unknown_service_is_refused_with_all_names(asked: str, home: SandboxHome, driver: FakeDriver) -> None:
    with pytest.raises(UsageError, match=f"there are metastore, spark, gateway, {SERVER}"):
        restart(home, asked)


@pytest.mark.parametrize(
    ("asked", "name"),
    [("spark", "spark"), ("spark-", "spark-master"), ("fares", KNOWN[4]), ("m", None), ("fare", None)],
)
def test_a_name_is_the_service_or_the_only_beginning_of_one(asked: str, name: str | None) -> None:
    if name is not None:
        assert chosen(asked, KNOWN) == name
        return
    with pytest.raises(UsageError, match="is the beginning of several services"):
        chosen(asked, KNOWN)
