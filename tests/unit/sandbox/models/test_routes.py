"""Deployments: each change gives new routes, and the file is what the gateway reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml.gateway.replica import Replica
from pyml.gateway.routes_file import Routes as GatewayRoutes
from pyml_sandbox.drivers.process.driver import ProcessDriver
from pyml_sandbox.models.routes import Deployment, Routes, delete_routes, load_routes, routes_text, save_routes
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import SandboxState


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


def test_the_first_version_is_the_default() -> None:
    assert Routes().with_version("m", "1").models == {"m": Deployment("1", ("1",))}


def test_a_further_version_is_not_the_default() -> None:
    assert Routes().with_version("m", "1").with_version("m", "2").models == {"m": Deployment("1", ("1", "2"))}


def test_adding_a_version_twice_is_adding_it_once() -> None:
    assert Routes().with_version("m", "1").with_version("m", "1").models == {"m": Deployment("1", ("1",))}


def test_one_version_takes_the_place_of_all_others_of_its_model_alone() -> None:
    routes = Routes().with_version("m", "1").with_version("other", "7").only_version("m", "2")
    assert routes.deployed == [("m", "2"), ("other", "7")]
    assert routes.without("m").deployed == [("other", "7")]
    assert routes.without("nobody") == routes


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("1", Deployment("3", ("2", "3"))),  # the default
        ("2", Deployment("1", ("1", "3"))),
        ("9", Deployment("1", ("1", "2", "3"))),
    ],
)
def test_one_version_is_taken_away(gone: str, left: Deployment) -> None:
    routes = Routes().with_version("m", "1").with_version("m", "2").with_version("m", "3")
    assert routes.without_version("m", gone).models == {"m": left}


def test_a_model_without_versions_is_not_deployed() -> None:
    assert Routes().with_version("m", "1").without_version("m", "1") == Routes()
    assert Routes().without_version("m", "1") == Routes()


def two(model: str, version: str) -> list[Replica]:
    return [Replica(f"/run/{model}-{version}-{at}", f"model-{at}") for at in (1, 2)]


def test_the_file_is_read_as_it_was_written(home: SandboxHome) -> None:
    routes = Routes().with_version("m", "1").with_version("m", "2")
    save_routes(home, routes_text(routes, two))
    assert load_routes(home) == routes


def test_the_process_driver_names_socket_and_service_of_each_version(home: SandboxHome) -> None:
    ProcessDriver(home, SandboxState("process", Ports(), None, "0", "4"), {}).publish(Routes().with_version("m", "1"))
    replica = {"socket": str(home.sockets / "m-m-1"), "service": "model-m-1"}
    batching = {"together": False, "batching": "its upload is gone or damaged"}
    assert json.loads(home.routes_file.read_text()) == {
        "version": 2,
        "models": {"m": {"default": "1", "versions": {"1": {"replicas": [replica], "on_request": False, **batching}}}},
    }


def test_the_gateway_reads_replicas_and_what_is_started_on_request() -> None:
    text = routes_text(Routes().with_version("m", "1"), two, on_request=True)
    route = GatewayRoutes.parse(text).find("m")
    assert (route.replicas, route.on_request) == (tuple(two("m", "1")), True)


def test_a_file_of_the_format_before_is_read(home: SandboxHome) -> None:
    home.folder.mkdir(parents=True)
    version = {"socket": "/s", "service": "model-m-1"}
    models = {"m": {"default": "1", "versions": {"1": version}}}
    home.routes_file.write_text(json.dumps({"version": 1, "models": models}))
    assert load_routes(home) == Routes().with_version("m", "1")


def test_before_the_first_deployment_there_are_none(home: SandboxHome) -> None:
    assert load_routes(home) == Routes()


@pytest.mark.parametrize("text", ["", "[]", '{"models": {"m": {}}}'])
def test_a_file_that_holds_no_routes_is_refused(home: SandboxHome, text: str) -> None:
    home.folder.mkdir(parents=True)
    home.routes_file.write_text(text)
    with pytest.raises(SetupError, match="cannot be read"):
        load_routes(home)


@pytest.mark.parametrize("text", ["", "[]", '{"models": {"m": {}}}', '{"version": 2, "mod'])
def test_damaged_routes_are_read_from_their_copy(home: SandboxHome, text: str) -> None:
    routes = Routes().with_version("m", "1")
    save_routes(home, routes_text(routes, two))
    home.routes_file.write_text(text)
    assert load_routes(home) == routes
    delete_routes(home)
    assert load_routes(home) == Routes()
