"""How a sandbox is doing, and what its services wrote: from what the driver knows and what probes answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pyml.errors import SandboxError, SetupError, UsageError
from pyml.probes import NotAnsweringError
from pyml_sandbox.drivers.contract import DataLocation
from pyml_sandbox.drivers.fake_runner import MEMORY_PER_PROCESS_BYTES, Behaviour, FakeMachine, FakeRunner
from pyml_sandbox.lifecycle import service_logs, shell_environment
from pyml_sandbox.lifecycle import status as status_module
from pyml_sandbox.lifecycle.service_logs import find_logs
from pyml_sandbox.lifecycle.status import Health, SandboxStatus, ServiceStatus, changes, each_status, status
from pyml_sandbox.models.routes import Routes, routes_text, save_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.services.model_server import service_name
from pyml_sandbox.services.runner_contract import Exit, LiveService, ServiceState
from pyml_sandbox.services.spec import Endpoint, Probe, ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import SandboxState, locked, save_state
from support.uploads import keep

FARE = "fare-111111111111"


def answers(timeout_s: float) -> None:
    """A probe of a service that is ready."""


def is_silent(timeout_s: float) -> None:
    raise NotAnsweringError("gateway:8470", "it is starting")


@dataclass
class FakeDriver:
    """Two services that are always there, and a server for each deployed version."""

    runner: FakeRunner = field(default_factory=lambda: FakeRunner(FakeMachine(), "tests"))
    probes: dict[str, Probe] = field(default_factory=dict)

    def endpoints(self) -> Sequence[Endpoint]:
        return [self._endpoint("metastore"), self._endpoint("gateway")]

    def model_endpoints(self, version: ModelVersion) -> Sequence[Endpoint]:
        return [self._endpoint(service_name(version.name, version.version))]

    def _endpoint(self, name: str) -> Endpoint:
        return Endpoint(name, f"{name}:1", self.probes.get(name, answers))

    def data(self) -> DataLocation:
        return DataLocation("a folder", 7)


@dataclass
class Scene:
    """A sandbox that was up."""

    home: SandboxHome
    driver: FakeDriver
    monkeypatch: pytest.MonkeyPatch

    def start(self, *names: str, **behaviours: Behaviour) -> None:
        self.driver.runner._machine.behaviours = behaviours
        specs = [ServiceSpec(Endpoint(name, "nowhere", answers), ("run",), Path("/")) for name in names]
        self.driver.runner.start(*specs)

    def finds(self, *live: LiveService) -> None:
        self.monkeypatch.setattr(FakeRunner, "live", lambda runner, timeout_s=10: live)

    def of(self, name: str) -> ServiceStatus:
        (found,) = (each for each in status(self.home).services if each.name == name)
        return found


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    home = SandboxHome(tmp_path)
    home.create()
    save_state(home, SandboxState("process", Ports(), None, "0.1", "4.0"))
    keep(home, "fare@111111111111")
    routes = Routes().with_version("fare", "111111111111")
    save_routes(home, routes_text(routes, lambda model, version: []))
    made = Scene(home, FakeDriver(), monkeypatch)
    for module in (status_module, service_logs):
        monkeypatch.setattr(module, "driver_for", lambda home, state: made.driver)
    return made


# ---- one service


GATEWAY = LiveService("gateway", ServiceState.RUNNING, "d", pid=7, uptime_s=60.04, exits=2)
CASES = [
    (GATEWAY, answers, Health.READY, ""),
    (GATEWAY, is_silent, Health.NOT_ANSWERING, "it is starting"),
    (replace(GATEWAY, state=ServiceState.STOPPING), answers, Health.READY, ""),
    (replace(GATEWAY, state=ServiceState.WAITING), is_silent, Health.IDLE, "the next request starts it"),
    (replace(GATEWAY, state=ServiceState.STOPPED), answers, Health.STOPPED, ""),
    (replace(GATEWAY, state=ServiceState.FAILED), answers, Health.STOPPED, ""),
    (
        replace(GATEWAY, state=ServiceState.FAILED, last_exit=Exit(1, "exit code 1")),
        answers,
        Health.FAILED,
        "exit code 1",
    ),
    (
        replace(GATEWAY, state=ServiceState.STOPPED, last_exit=Exit(1, "exit code 1")),
        answers,
        Health.FAILED,
        "exit code 1",
    ),
    (None, answers, Health.STOPPED, ""),
]


@pytest.mark.parametrize(("found", "probe", "health", "detail"), CASES)
def test_a_service_is_what_its_driver_and_its_probe_say(
    found: LiveService | None, probe: Probe, health: Health, detail: str, scene: Scene
) -> None:
    scene.driver.probes["gateway"] = probe
    scene.finds(*filter(None, [found]))
    seen = scene.of("gateway")
    assert seen.health is health
    assert detail in seen.detail
    assert bool(seen.detail) is bool(detail)


def test_what_waits_or_has_ended_is_not_asked_since_that_would_start_it(scene: Scene) -> None:
    def never(timeout_s: float) -> None:
        raise AssertionError("it was asked")

    scene.driver.probes["gateway"] = never
    for state in (ServiceState.WAITING, ServiceState.STOPPED, ServiceState.FAILED):
        scene.finds(replace(GATEWAY, state=state))
        scene.of("gateway")


def test_what_runs_says_for_how_long_how_often_it_ended_and_what_it_uses(scene: Scene) -> None:
    scene.start("metastore", "gateway")
    seen = scene.of("gateway")
    assert seen.memory_bytes == MEMORY_PER_PROCESS_BYTES
    scene.finds(GATEWAY)
    assert scene.of("gateway").json == {
        "name": "gateway", "state": "ready", "address": "gateway:1", "detail": "", "pid": 7, "uptime_s": 60.0,
        "restarts": 2, "last_exit": "", "memory_bytes": MEMORY_PER_PROCESS_BYTES, "threads": 1,
    }  # fmt: skip


def test_how_it_last_ended_is_said_though_it_is_back(scene: Scene) -> None:
    scene.start("metastore", "gateway")
    scene.finds(replace(GATEWAY, last_exit=Exit(7, "exit code 7")))
    seen = scene.of("gateway")
    assert (seen.health, seen.last_exit, seen.json["last_exit"]) == (Health.READY, "exit code 7", "exit code 7")


# ---- the sandbox


def test_a_sandbox_is_up_where_everything_answers_or_waits_for_a_request(scene: Scene) -> None:
    scene.start("metastore", "gateway", f"model-{FARE}")
    assert status(scene.home).is_up
    scene.driver.probes["gateway"] = is_silent
    assert not status(scene.home).is_up
    del scene.driver.probes["gateway"]
    scene.finds(
        GATEWAY, replace(GATEWAY, name="metastore"), replace(GATEWAY, name=f"model-{FARE}", state=ServiceState.WAITING)
    )
    assert status(scene.home).is_up
    scene.finds(GATEWAY, replace(GATEWAY, name="metastore"))
    assert not status(scene.home).is_up


def test_servers_of_deployed_versions_are_among_the_services(scene: Scene) -> None:
    assert [each.name for each in status(scene.home).services] == ["metastore", "gateway", f"model-{FARE}"]


def test_a_version_whose_upload_is_gone_is_told_apart(scene: Scene) -> None:
    shutil.rmtree(scene.home.models / "fare")
    found = status(scene.home)
    assert [each.name for each in found.services] == ["metastore", "gateway"]
    assert [lost.model_id for lost in found.lost] == ["fare@111111111111"]
    assert '"model_id": "fare@111111111111"' in json.dumps(found.json)


def test_who_holds_the_sandbox_now_is_said(scene: Scene) -> None:
    assert status(scene.home).busy is None
    with locked(scene.home, "pyml dev up"):
        assert str(status(scene.home).busy).startswith("`pyml dev up`, pid ")


def test_a_sandbox_that_was_never_up_has_no_status(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="There is no sandbox 'mine' yet") as caught:
        status(SandboxHome(tmp_path, "mine"))
    assert caught.value.hint == "pyml dev up --sandbox mine"


# ---- the sandbox, looked at again and again


def test_it_is_asked_again_after_each_wait_until_it_is_gone(scene: Scene) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            scene.start("metastore", "gateway", f"model-{FARE}")
        else:
            shutil.rmtree(scene.home.folder)

    seen = each_status(scene.home, 0.5, wait)
    assert [next(seen).is_up, next(seen).is_up] == [False, True]
    with pytest.raises(SandboxError, match="There is no sandbox"):
        next(seen)
    assert waits == [0.5, 0.5]


def test_a_change_is_what_a_user_must_know_and_not_what_always_changes(scene: Scene) -> None:
    scene.start("metastore", "gateway", f"model-{FARE}")
    first = status(scene.home)
    gateway = first.services[1]

    def now(**facts: object) -> SandboxStatus:
        return replace(first, services=[first.services[0], replace(gateway, **facts), *first.services[2:]])  # type: ignore[arg-type]

    older = now(uptime_s=99.0, memory_bytes=1, threads=9)
    told = [
        now(health=Health.NOT_ANSWERING, detail="it is starting"),
        now(pid=8, restarts=1),
        replace(first, busy="`pyml dev up`, pid 7"),
    ]
    assert list(changes([first, older, replace(first, data=DataLocation("a folder", 8))])) == [first]
    assert list(changes([first, *told, told[-1], first])) == [first, *told, first]
    assert list(changes([])) == []


# ---- logs


def lines(scene: Scene, name: str | None, count: int = 9) -> list[tuple[str, str]]:
    return list(find_logs(scene.home, name, count, follow=False))


@pytest.fixture
def talking(scene: Scene) -> Scene:
    """Services that have written something, one of which is gone."""
    names = ("metastore", "gateway", f"model-{FARE}", "model-old-1")
    scene.start(*names, **{name: Behaviour((f"{name} one", f"{name} two")) for name in names})
    scene.driver.runner.stop("model-old-1")
    return scene


def test_without_a_name_every_service_that_shall_run_is_heard(talking: Scene) -> None:
    assert lines(talking, None, 1) == [(name, f"{name} two") for name in ("metastore", "gateway", f"model-{FARE}")]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("gateway", "gateway"),
        ("gate", "gateway"),
        (f"model-{FARE}", f"model-{FARE}"),
        ("fare", f"model-{FARE}"),
        ("fare-11", f"model-{FARE}"),
        ("model-old-1", "model-old-1"),
    ],
)
def test_a_service_is_named_by_its_beginning_or_by_its_model_and_one_that_is_gone_in_full(
    name: str, meant: str, talking: Scene
) -> None:
    assert {found for found, _ in lines(talking, name)} == {meant}


@pytest.mark.parametrize("name", ["none", "old", "teway"])
def test_a_name_that_means_no_service_is_refused_with_those_that_there_are(name: str, talking: Scene) -> None:
    with pytest.raises(UsageError, match=f"no service '{name}'; there are metastore, gateway, model-{FARE}"):
        lines(talking, name)


def test_a_name_that_means_several_is_refused(talking: Scene) -> None:
    keep(talking.home, "fare_2@222222222222")
    routes = Routes().with_version("fare", "111111111111").with_version("fare_2", "222222222222")
    save_routes(talking.home, routes_text(routes, lambda model, version: []))
    with pytest.raises(UsageError, match="no service 'fare'"):
        lines(talking, "fare")


def test_how_a_service_ended_by_itself_is_the_last_line_of_its_log(
    talking: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = replace(GATEWAY, exits=2, last_exit=Exit(None, "terminated by SIGKILL"))
    monkeypatch.setattr(FakeRunner, "live", lambda self, timeout_s=10: [ended])
    *_, last = lines(talking, "gateway")
    said = "gateway has ended by itself 2 times since it was started, last: terminated by SIGKILL"
    assert last == ("gateway", f"pyml: {said}")
    assert [name for name, line in lines(talking, "metastore") if line.startswith("pyml: ")] == []


def test_following_is_the_drivers(talking: Scene) -> None:
    assert list(find_logs(talking.home, "gateway", 1, follow=True)) == [("gateway", "gateway two")]


# ---- the shell


def test_addresses_are_named_as_other_tools_read_them(scene: Scene) -> None:
    ports = Ports()
    found = shell_environment.shell_environment(scene.home, {"PATH": "", "HOME": str(scene.home.root)})
    assert found["SPARK_REMOTE"] == f"sc://127.0.0.1:{ports.spark}"
    assert found["HIVE_METASTORE_URIS"] == f"thrift://127.0.0.1:{ports.metastore}"
    assert (found["PYML_HOME"], found["PYML_SANDBOX"]) == (str(scene.home.root), "default")
    assert found["PYML_GATEWAY_REST"] == f"http://127.0.0.1:{ports.rest}"


def test_where_there_is_no_java_none_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_java(home: SandboxHome, environ: object) -> None:
        raise SetupError("Java 17 or newer is not installed here.")

    monkeypatch.setattr(shell_environment, "find_java", no_java)
    assert "JAVA_HOME" not in shell_environment.shell_environment(scene.home, {})
