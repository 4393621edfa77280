"""A sandbox of containers: servers of a version, routes, images and data, decided from what the engine says."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from pyml.errors import SandboxError, SetupError
from pyml_sandbox.drivers.container import driver as container_stack
from pyml_sandbox.drivers.container import service_specs as services
from pyml_sandbox.drivers.container.driver import ContainerDriver
from pyml_sandbox.drivers.container.images.base_image import BaseImage
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.drivers.process.driver import ProcessDriver
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.models.routes import Routes, load_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.services.inside_paths import METASTORE, SOCKETS, WAREHOUSE
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import ContainerChoices, DataStamp, SandboxState
from support.fake_docker import FACTS, FakeContainer, FakeDocker, FakeThing, container
from support.uploads import keep

FARE = "fare@111111111111"
PYTHON = Environment("key", "/usr/bin/python3", "/opt/pyml/model", image="sha256:" + "cd" * 32, note="image cd")
STATE = SandboxState("container", Ports(), None, "1", "4")


@dataclass
class Scene:
    """A stack on a fake engine."""

    home: SandboxHome
    docker: FakeDocker = field(default_factory=FakeDocker)

    def driver(self, **choices: object) -> ContainerDriver:
        chosen = replace(ContainerChoices(), **choices)  # type: ignore[arg-type]
        driver = ContainerDriver(self.home, replace(STATE, container=chosen), {})
        vars(driver).update(
            engine=self.docker.engine(), _base=BaseImage("sha256:" + "ab" * 32, "pyml-base:key", "3.11", reused=True)
        )
        return driver

    def has(self, service: str, status: str = "running", **more: object) -> FakeContainer:
        found = container(self.home.project, service, status, **more)
        self.docker.made.append(found)
        return found

    def version(self, toml: str = "") -> ModelVersion:
        folder = keep(self.home, FARE)
        (folder / "package" / "pyml.toml").write_text(toml)
        return find_version(self.home, FARE)


@pytest.fixture
def context(tmp_path: Path) -> Scene:
    return Scene(SandboxHome(tmp_path))


# ---- services


def test_the_services_that_are_always_there_have_an_endpoint_each(context: Scene) -> None:
    driver = context.driver()
    names = [spec.name for spec in driver.services()]
    assert names == ["metastore", "spark-master", "spark", "gateway"]
    assert [endpoint.name for endpoint in driver.endpoints()] == names


def test_spark_has_two_cores_at_least_and_else_those_of_the_engine(context: Scene) -> None:
    for cpus, cores in ((1, 2), (4, 4)):
        driver = context.driver()
        vars(driver)["engine"] = context.docker.engine(replace(FACTS, cpus=cpus))
        (sql,) = (spec for spec in driver.services() if spec.name == "spark")
        assert f"spark.master=local[{cores}]" in sql.command


def mounts(driver: ContainerDriver) -> Mapping[str, str]:
    (gateway,) = (spec for spec in driver.services() if spec.name == "gateway")
    assert gateway.container is not None
    return gateway.container.volumes


def test_the_gateway_gets_the_engines_socket_unless_that_is_refused(context: Scene) -> None:
    assert services.ENGINE_SOCKET in mounts(context.driver())
    assert services.ENGINE_SOCKET not in mounts(context.driver(docker_socket=False))


# ---- online


@pytest.mark.parametrize(
    ("toml", "names"),
    [
        ("", ["model-fare-111111111111"]),
        (
            "[serving]\nreplicas = 3",
            ["model-fare-111111111111", "model-fare-111111111111-2", "model-fare-111111111111-3"],
        ),
    ],
)
def test_a_version_has_as_many_servers_as_it_asks_for_each_with_a_socket_of_its_own(
    toml: str, names: list[str], context: Scene
) -> None:
    version = context.version(toml)
    specs = context.driver().model_servers(version, PYTHON)
    assert [spec.name for spec in specs] == names
    assert [spec.endpoint.address for spec in specs] == [
        f"unix:{SOCKETS}/m-{name.removeprefix('model-')}" for name in names
    ]
    assert len({spec.command for spec in specs}) == len(names)
    assert [each.name for each in context.driver().model_endpoints(version)] == names


@pytest.mark.parametrize(("cpus", "expected"), [(2, 2), (16, 4)])
def test_a_server_gets_what_pyml_toml_says_and_no_more_cores_than_there_are(
    cpus: int, expected: float, context: Scene
) -> None:
    version = context.version(f"[serving]\nmemory_mb = 100\ncpus = {cpus}")
    (spec,) = context.driver().model_servers(version, PYTHON)
    assert spec.container is not None
    assert spec.container.limits is not None
    assert (spec.container.limits.memory_bytes, spec.container.limits.cpus) == (100 * 1024 * 1024, expected)
    assert (spec.container.image, spec.container.has_network) == (PYTHON.image, False)


def routes_in(gateway: FakeContainer) -> dict[str, object]:
    with tarfile.open(fileobj=io.BytesIO(gateway.put[services.ROUTES])) as archive:
        (entry,) = archive.getmembers()
        file = archive.extractfile(entry)
        assert file is not None
        assert (entry.name, entry.uid, entry.mode) == ("routes.json", 1000, 0o644)
        document: dict[str, object] = json.loads(file.read())
        return document


def test_routes_are_kept_here_and_copied_into_the_gateway(context: Scene) -> None:
    context.version("[serving]\nreplicas = 2")
    gateway, other = context.has("gateway"), context.has("spark")
    routes = Routes().with_version("fare", "111111111111")
    context.driver().publish(routes)
    assert load_routes(context.home) == routes
    written = json.dumps(routes_in(gateway))
    assert f"{SOCKETS}/m-fare-111111111111-2" in written
    assert "model-fare-111111111111-2" in written
    assert not other.put


def test_routes_are_kept_where_no_gateway_runs_yet(context: Scene) -> None:
    routes = Routes().with_version("fare", "111111111111")
    context.driver().publish(routes)
    assert load_routes(context.home) == routes


def test_a_deployed_version_whose_upload_is_gone_has_one_route(context: Scene) -> None:
    gateway = context.has("gateway")
    context.driver().publish(Routes().with_version("lost", "999999999999"))
    written = json.dumps(routes_in(gateway))
    assert "m-lost-999999999999" in written
    assert "m-lost-999999999999-2" not in written


def test_the_gateway_starts_servers_only_where_it_has_the_engines_socket(context: Scene) -> None:
    context.version()
    gateway = context.has("gateway")
    written = []
    for has_socket in (True, False):
        context.driver(docker_socket=has_socket).publish(Routes().with_version("fare", "111111111111"))
        written.append(json.dumps(routes_in(gateway)))
    assert ['"on_request": true' in text for text in written] == [True, False]


# ---- images


def test_the_image_of_a_host_is_that_of_the_one_container_with_such_an_id(context: Scene) -> None:
    worker = context.has("worker-fare-1", image="sha256:w")
    context.has("gateway", image="sha256:g")
    driver = context.driver()
    assert driver.image_of(worker.id[:12]) == "sha256:w"
    assert driver.image_of("ffffffffffff") is None
    assert driver.image_of("0") is None  # of both


def test_the_images_of_all_replicas_count_each_once_and_no_other_services(context: Scene) -> None:
    version = context.version("[serving]\nreplicas = 3")
    for replica, image in (("", "a"), ("-2", "b"), ("-3", "a")):
        context.has(f"model-fare-111111111111{replica}", image=f"sha256:{image}")
    context.has("model-fare-222222222222", image="sha256:c")
    assert context.driver().online_images(version) == ["sha256:a", "sha256:b"]


# ---- data


def test_the_size_of_data_is_asked_of_the_metastore_while_it_runs(context: Scene) -> None:
    context.has("metastore").inside = {"du": (0, f"10\t{WAREHOUSE}\n20\t{METASTORE}\n30\ttotal\n".encode())}
    assert context.driver().data().size_bytes == 30


@pytest.mark.parametrize("status", ["exited", "running"])
def test_else_of_the_engine_which_knows_the_sandboxs_volumes_by_name(status: str, context: Scene) -> None:
    context.has("metastore", status).inside = {"du": (1, b"no such folder")}
    project = context.home.project
    context.docker.disk = [
        {"Name": f"{project}_warehouse", "UsageData": {"Size": 7}},
        {"Name": f"{project}_metastore", "UsageData": None},
        {"Name": f"{project}_sockets", "UsageData": {"Size": 100}},
        {"Name": "other_warehouse", "UsageData": {"Size": 1000}},
    ]
    assert context.driver().data().size_bytes == 7


def test_an_engine_without_volumes_holds_no_data(context: Scene) -> None:
    assert context.driver().data().size_bytes == 0


def test_deleting_data_removes_every_volume_of_the_sandbox(context: Scene) -> None:
    context.docker.owned_volumes += [FakeThing("warehouse"), FakeThing("routes")]
    context.driver().delete_data()
    assert all(volume.is_removed for volume in context.docker.owned_volumes)


# ---- what is missing


def no_engine(environ: Mapping[str, str]) -> None:
    raise SetupError("No Docker engine answers.", "start Docker, or another driver")


@pytest.mark.parametrize(
    ("stamp", "hint"), [(None, "or another driver"), (DataStamp(1, "2.3", "10"), "--sandbox NAME --driver process")]
)
def test_a_sandbox_that_has_data_in_an_engine_is_not_offered_another_driver(
    stamp: DataStamp | None, hint: str, context: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_stack, "find_engine", no_engine)
    with pytest.raises(SetupError, match="No Docker engine answers") as caught:
        _ = ContainerDriver(context.home, replace(STATE, stamp=stamp), {}).engine
    assert hint in caught.value.hint


def test_a_base_image_that_is_gone_is_made_again_by_up(context: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_stack, "find_base", lambda engine, options: None)
    driver = context.driver()
    del vars(driver)["_base"]
    with pytest.raises(SandboxError, match="base image of this sandbox is gone") as caught:
        driver.services()
    assert caught.value.hint == "pyml dev up"


# ---- processes beside it


def test_processes_have_one_server_for_each_version_and_its_socket_is_where_the_route_leads(
    context: Scene,
) -> None:
    version = context.version("[serving]\nreplicas = 3")
    driver: Driver = ProcessDriver(context.home, replace(STATE, driver="process"), {})
    (spec,) = driver.model_servers(version, replace(PYTHON, image=None))
    (endpoint,) = driver.model_endpoints(version)
    assert spec.endpoint == endpoint
    driver.publish(Routes().with_version("fare", "111111111111"))
    assert endpoint.address.removeprefix("unix:") in context.home.routes_file.read_text()


@pytest.mark.parametrize(("load_s", "allowed_s"), [(None, 120), (100.0, 620)])
def test_a_server_has_several_times_as_long_to_load_as_the_trial_took(
    context: Scene, load_s: float | None, allowed_s: float
) -> None:
    version = replace(context.version(), declared={} if load_s is None else {"load_s": load_s})
    processes: Driver = ProcessDriver(context.home, replace(STATE, driver="process"), {})
    for driver in (context.driver(), processes):
        (spec,) = driver.model_servers(version, PYTHON)
        assert spec.start_timeout_s == allowed_s


def test_processes_have_no_image_and_share_one_spark(context: Scene) -> None:
    driver = ProcessDriver(context.home, replace(STATE, driver="process"), {})
    version = context.version()
    assert driver.image_of("host") is None
    assert driver.online_images(version) == ()
    place = driver.offline(version, PYTHON, cast("object", None))  # type: ignore[arg-type]
    assert (place.connect, place.environment) == (f"127.0.0.1:{STATE.ports.spark}", PYTHON)
    assert place.connect == driver.connect_address()


def test_data_of_processes_is_a_folder(context: Scene) -> None:
    driver = ProcessDriver(context.home, replace(STATE, driver="process"), {})
    context.home.data.mkdir(parents=True)
    (context.home.data / "table").write_bytes(b"x" * 10)
    assert (driver.data().description, driver.data().size_bytes) == (str(context.home.data), 10)
    driver.delete_data()
    assert driver.data().size_bytes == 0
