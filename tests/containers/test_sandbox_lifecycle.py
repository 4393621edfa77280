"""The life of one sandbox of containers, beside the shared one: faults on the way, nothing lost, nothing left over."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.images.base_image import BaseImage
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.own_sandbox import OwnSandbox, count, free_port_options
from support.packages import ECHO, write_package
from support.slow_cases import slow
from support.waiting import wait_for

ALWAYS = {"metastore", "spark-master", "spark", "gateway"}
ROWS = "SELECT id, CAST(id AS DOUBLE) AS a FROM range(100)"


@dataclass(frozen=True)
class Own(OwnSandbox):
    """A sandbox of containers."""

    engine: Engine

    def containers(self, *wanted: str) -> dict[str, Any]:
        """Its containers by service, running or not; of those, the ones with further labels."""
        label = [f"{labels.SANDBOX}={self.home.project}", *wanted]
        found = self.engine.client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
        return {container.labels[labels.SERVICE]: container for container in found}

    def ids(self) -> dict[str, str]:
        """Container id by service."""
        return {name: container.id for name, container in self.containers().items()}

    def predict(self) -> str:
        """One prediction through the gateway."""
        rows = self.home.root / "rows.csv"
        rows.write_text("a\n1.5\n")
        done = self.pyml("predict", "online", "echo", "--rows", str(rows))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def left_over(self) -> list[str]:
        """Everything of it in the engine but volumes."""
        wanted = {"label": f"{labels.SANDBOX}={self.home.project}"}
        networks = self.engine.client.networks.list(filters=wanted)
        return [*self.ids(), *(str(network.name) for network in networks)]

    def volumes(self) -> list[str]:
        """The names of its volumes."""
        wanted = {"label": f"{labels.SANDBOX}={self.home.project}"}
        return sorted(str(volume.name) for volume in self.engine.client.volumes.list(filters=wanted))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, engine: Engine, base_image: BaseImage) -> Iterator[Own]:
    """Up for the first time, with a table of five rows and a model that is served."""
    home = SandboxHome(tmp_path_factory.mktemp("own"), "own")
    own = Own(home, {**os.environ, "PYML_HOME": str(home.root), "PYML_SANDBOX": "own"}, engine)
    try:
        own.up("--driver", "container", *free_port_options())
        with session(home) as spark:
            spark.sql("CREATE TABLE kept AS SELECT id FROM range(5)")
        for command in (("upload", str(write_package(home.root / "echo"))), ("deploy", "echo")):
            done = own.pyml(*command)
            assert done.returncode == 0, done.stderr
        yield own
    finally:
        up_and_down.reset(home)


def assert_all_ready(own: Own, *more: str) -> None:
    """Every service answers, the model's server included."""
    states = {name: service["state"] for name, service in own.services().items()}
    assert set(states.values()) <= {"ready", "idle"}, states
    assert set(states) >= ALWAYS
    assert any(name.startswith("model-echo-") for name in states)
    assert set(more) <= set(states)


def test_it_runs_beside_another_sandbox_without_sharing_tables(own: Own, container_sandbox: SandboxHome) -> None:
    with session(container_sandbox) as spark:
        assert not spark.catalog.tableExists("kept")
    assert count(own.home, "kept") == 5


def test_up_again_leaves_every_container_alone(own: Own) -> None:
    before = own.ids()
    own.up()
    assert own.ids() == before
    assert_all_ready(own)


def test_a_model_server_can_reach_nothing_and_write_nothing(own: Own) -> None:
    (server,) = (each for name, each in own.containers().items() if name.startswith("model-"))
    host = server.attrs["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (2048 * 1024 * 1024, 2_000_000_000, 512)
    code, said = server.exec_run(["/opt/pyml/venv/bin/python", "-c", "open('/opt/pyml/model/x', 'w')"])
    assert code != 0
    assert b"Read-only file system" in said or b"Permission denied" in said
    code, said = server.exec_run(["/opt/pyml/venv/bin/python", "-c", "import os; print(os.getuid())"])
    assert (code, said.strip()) == (0, b"1000")
    code, said = server.exec_run(["/bin/sh", "-c", "cat /proc/net/dev | tail -n +3 | cut -d: -f1"])
    assert said.split() == [b"lo"]


def test_nothing_is_published_beyond_this_machine(own: Own) -> None:
    places = [p for each in own.containers().values() for ports in each.ports.values() for p in ports or ()]
    assert len(places) >= len(ALWAYS)
    assert {place["HostIp"] for place in places} == {"127.0.0.1"}


@pytest.mark.parametrize("name", ["gateway", slow("metastore"), "spark", slow("spark-master"), "model-echo-"])
def test_a_killed_container_comes_back_and_loses_nothing(own: Own, name: str) -> None:
    (service,) = (each for each in own.containers() if each == name or (name.endswith("-") and each.startswith(name)))
    before = own.containers()[service]
    if not os.path.isdir(own.engine.facts.root):
        pytest.skip("the engine runs in a virtual machine, whose processes cannot be killed from here")
    os.kill(before.attrs["State"]["Pid"], signal.SIGKILL)
    wait_for(
        lambda: own.containers()[service].attrs["State"]["Pid"] not in (0, before.attrs["State"]["Pid"]), "it is back"
    )
    own.up()
    assert_all_ready(own)
    assert count(own.home, "kept") == 5
    assert own.predict() == '{"a": 1.5}'
    assert own.services()[service]["restarts"] == 1


def test_a_job_proves_that_it_ran_in_the_models_image_on_every_worker(own: Own) -> None:
    own.up("--workers", "2")
    done = own.pyml("predict", "offline", "echo", "--sql", ROWS, "--table", "ml.echoes", "--key", "id", "--json")
    assert done.returncode == 0, done.stderr
    job_id = json.loads(done.stdout)["job_id"]
    record = json.loads(own.pyml("jobs", "show", job_id, "--json").stdout)
    workers = {each.id[:12]: each for each in own.containers(labels.IDLE_WITH).values()}
    assert len(workers) == 2
    assert {worker["host"] for worker in record["workers"]} <= set(workers)
    for worker in record["workers"]:
        assert worker["image"] == record["image"] == workers[worker["host"]].attrs["Image"]
        assert {"pandas", "pyarrow", "pyspark"} <= set(worker["packages"])
    assert own.engine.client.images.get(record["image"]).labels[labels.MODEL] == "echo"


def test_up_leaves_the_spark_of_a_model_alone(own: Own) -> None:
    own.up("--workers", "2")
    done = own.pyml("predict", "offline", "echo", "--sql", ROWS, "--table", "ml.echoes", "--key", "id")
    assert done.returncode == 0, done.stderr
    before = {name: each.id for name, each in own.containers(labels.JOB_SCOPED).items()}
    assert len(before) == 3
    own.up()
    assert {name: each.id for name, each in own.containers(labels.JOB_SCOPED).items()} == before
    assert_all_ready(own, *before)


@pytest.mark.slow
def test_a_new_version_takes_the_place_of_the_warm_spark_of_the_one_before(own: Own) -> None:
    package = write_package(own.home.root / "echo")
    (package / "model.py").write_text((package / "model.py").read_text() + "\n# another version\n")
    before = set(own.containers(labels.SPARK_UI))
    own.pyml("upload", str(package))
    own.pyml("deploy", "echo")
    newest = own.pyml("upload", str(package)).stdout.strip()
    done = own.pyml("predict", "offline", newest, "--sql", ROWS, "--table", "ml.echoes", "--key", "id")
    assert done.returncode == 0, done.stderr
    running = {name for name, each in own.containers(labels.SPARK_UI).items() if each.status == "running"}
    assert running == {f"spark-{newest.replace('@', '-')}"}
    assert running != before


def test_what_nobody_uses_is_stopped_and_the_next_request_brings_it_back(own: Own) -> None:
    own.up("--idle-stop", "3")
    (server,) = (name for name in own.containers() if name.startswith("model-"))
    wait_for(lambda: own.containers()[server].status == "exited", "the model server is stopped")
    assert own.services()[server]["state"] == "idle"
    assert own.predict() == '{"a": 1.5}'
    assert own.containers()[server].status == "running"
    own.pyml("predict", "offline", "echo", "--sql", ROWS, "--table", "ml.echoes", "--key", "id")
    assert own.containers(labels.JOB_SCOPED)
    wait_for(
        lambda: all(each.status != "running" for each in own.containers(labels.JOB_SCOPED).values()), "Spark is stopped"
    )
    assert_all_ready(own)
    own.up("--idle-stop", "1800")


@pytest.mark.slow
def test_without_the_engines_socket_the_gateway_still_serves(own: Own) -> None:
    own.up("--no-docker-socket")
    gateway = own.containers()["gateway"]
    assert not any("docker.sock" in mount["Source"] for mount in gateway.attrs["Mounts"])
    assert own.predict() == '{"a": 1.5}'
    (server,) = (each for name, each in own.containers().items() if name.startswith("model-"))
    assert labels.ON_REQUEST not in server.labels
    own.up("--docker-socket")
    assert own.predict() == '{"a": 1.5}'


def test_replicas_share_the_requests_and_one_may_die(own: Own) -> None:
    package = write_package(own.home.root / "echo", toml="[serving]\nreplicas = 2\nmemory_mb = 512\n")
    model_id = own.pyml("upload", str(package)).stdout.strip()
    done = own.pyml("deploy", model_id)
    assert done.returncode == 0, done.stderr
    servers = {name: each for name, each in own.containers().items() if name.startswith("model-")}
    assert len(servers) == 2
    assert {each.attrs["HostConfig"]["Memory"] for each in servers.values()} == {512 * 1024 * 1024}
    next(iter(servers.values())).kill()
    assert {own.predict() for _ in range(4)} == {'{"a": 1.5}'}


def test_a_model_that_does_not_start_says_why_and_the_one_before_goes_on(own: Own) -> None:
    served_alone = "import sys\nif 'pyml.server' in sys.orig_argv:\n    raise OSError('no licence for servers')\n"
    model_id = own.pyml("upload", str(write_package(own.home.root / "echo", served_alone + ECHO))).stdout.strip()
    done = own.pyml("deploy", model_id)
    assert done.returncode == 1, done.stderr
    assert "no licence for servers" in done.stderr
    assert own.predict() == '{"a": 1.5}'


def test_a_model_that_is_too_large_for_its_server_is_not_uploaded(own: Own) -> None:
    done = own.pyml("upload", str(write_package(own.home.root / "echo", toml="[serving]\nmemory_mb = 20\n")))
    assert done.returncode == 1, done.stderr
    assert "it takes more memory than the 20 MiB that its server may have" in done.stderr
    assert "give it more in pyml.toml: [serving] memory_mb" in done.stderr


def test_a_port_that_a_container_holds_names_the_container(own: Own, container_sandbox: SandboxHome) -> None:
    port = own.containers()["gateway"].ports["8470/tcp"][0]["HostPort"]
    environ = {**own.environ, "PYML_SANDBOX": "third"}
    done = OwnSandbox(own.home, environ).pyml("dev", "up", "--driver", "container", "--gateway-port", port)
    assert done.returncode == 3
    assert f"is taken by the container {own.home.project}-gateway-1" in done.stderr


def test_logs_of_containers_are_shown(own: Own) -> None:
    assert "ready: gRPC on" in own.pyml("dev", "logs", "gateway").stdout


def test_down_keeps_volumes_and_leaves_nothing_else(own: Own) -> None:
    done = own.pyml("dev", "down")
    assert done.returncode == 0, done.stderr
    assert own.left_over() == []
    assert own.volumes() == [f"{own.home.project}_{name}" for name in ("metastore", "routes", "sockets", "warehouse")]
    assert {service["state"] for service in own.services().values()} == {"stopped"}
    assert "ready: gRPC on" in own.pyml("dev", "logs", "gateway").stdout


def test_ctrl_c_during_up_says_what_is_left_and_the_next_up_goes_on(own: Own) -> None:
    own.pyml("dev", "down")
    command = own.start("dev", "up")
    wait_for(lambda: len(own.containers()) >= len(ALWAYS), "services are being started")
    command.send_signal(signal.SIGINT)
    _, words = command.communicate(timeout=60)
    assert command.returncode == 130, words
    assert "pyml dev down" in words
    own.up()
    assert count(own.home, "kept") == 5
    assert own.predict() == '{"a": 1.5}'


@pytest.mark.slow
def test_two_ups_at_once_are_one_up(own: Own) -> None:
    own.pyml("dev", "down")
    commands = [own.start("dev", "up") for _ in range(2)]
    outcomes = [(command.communicate(timeout=200)[1], command.returncode) for command in commands]
    assert [code for _, code in outcomes] == [0, 0], outcomes
    assert_all_ready(own)


def test_reset_leaves_nothing_in_the_engine(own: Own) -> None:
    done = own.pyml("dev", "reset", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"in the volumes {own.home.project}_*" in done.stderr
    assert own.left_over() == []
    assert own.volumes() == []


def test_what_cannot_come_up_in_containers_is_not_recorded_so_that_processes_can_be_chosen(
    engine: Engine, tmp_path: Path
) -> None:
    home = SandboxHome(tmp_path)
    never = OwnSandbox(home, {**os.environ, "PYML_HOME": str(tmp_path)})
    done = never.pyml("dev", "up", "--driver", "container", "--python-image", "localhost:1/nobody/nothing:1")
    assert done.returncode == 3
    assert "localhost:1/nobody/nothing:1" in done.stderr
    assert "pyml dev up --driver process" in done.stderr
    assert not home.state_file.exists()
