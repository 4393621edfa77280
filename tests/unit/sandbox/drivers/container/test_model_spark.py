"""The Sparks of model versions: what a job starts, what makes room for it, and which of them answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pyml.errors import SandboxError
from pyml_sandbox.drivers.container import service_specs as services
from pyml_sandbox.drivers.container.model_spark import ModelSpark
from pyml_sandbox.drivers.fake_runner import FakeMachine, FakeRunner
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.services.inside_paths import INSIDE
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import ignore
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from support.fake_docker import FakeContainer, FakeDocker, container
from support.uploads import keep

IDLE, BUSY = (0, b""), (1, b"a job runs")


def answers(timeout_s: float) -> None:
    """A probe of a service that is ready."""


def spec(name: str) -> ServiceSpec:
    return ServiceSpec(Endpoint(name, "nowhere", answers), ("true",), Path())


@dataclass
class Scene:
    """A sandbox whose master runs, with the Sparks of some versions."""

    home: SandboxHome
    docker: FakeDocker = field(default_factory=FakeDocker)
    machine: FakeMachine = field(default_factory=FakeMachine)

    @property
    def runner(self) -> FakeRunner:
        return FakeRunner(self.machine, "tests")

    def sparks(self, workers: int = 1) -> ModelSpark:
        settings = services.ContainerSettings(self.home.project, Ports(), cores=2)
        return ModelSpark(self.home, self.docker.engine(), self.runner, settings, workers)

    def version(self, model_id: str) -> ModelVersion:
        keep(self.home, model_id)
        return find_version(self.home, model_id)

    def warm(self, stem: str, started: str, state: tuple[int, bytes] = IDLE, workers: int = 1) -> FakeContainer:
        """The Spark of a version such as `fare-1`, started by an earlier job."""
        connect, model = f"spark-{stem}", stem.partition("-")[0]
        names = [connect, *(f"worker-{stem}-{number + 1}" for number in range(workers))]
        self.runner.start(*map(spec, names))
        of_connect = {"spark_ui": "4040", "model": model, "started": started}
        for name, more in ((name, of_connect if name == connect else {"idle_with": connect}) for name in names):
            made = container(self.home.project, name, job_scoped="true", **more)
            made.inside = dict.fromkeys(services.health("spark-idle", services.DRIVER_UI_PORT)[:1], state)
            self.docker.made.append(made)
        return self.docker.made[-len(names)]

    def publishes(self, service: str, port: int) -> None:
        """The container that a job's start would make, with the port that the engine chose."""
        made = container(self.home.project, service, job_scoped="true")
        made.ports = {f"{INSIDE.spark}/tcp": [{"HostPort": str(port)}]}
        self.docker.made.append(made)

    @property
    def runs(self) -> set[str]:
        return {service.name for service in self.runner.live() if service.pid is not None}


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(SandboxHome(tmp_path))
    made.runner.start(spec(services.MASTER))
    for name in ("_worker_probe", "_connect_probe"):
        monkeypatch.setattr(ModelSpark, name, lambda self, name: answers)
    return made


PYTHON = Environment("key", "/usr/bin/python3", "/opt/pyml/model", image="sha256:" + "cd" * 32)


def place(context: Scene, model_id: str = "fare@111111111111", workers: int = 1) -> str:
    stem = model_id.replace("@", "-")
    context.publishes(f"spark-{stem}", 41234)
    return context.sparks(workers).target(context.version(model_id), PYTHON, ignore).connect


def test_the_first_job_of_a_version_starts_its_workers_and_their_driver_and_says_where_it_answers(
    context: Scene,
) -> None:
    assert place(context, workers=2) == "127.0.0.1:41234"
    stem = "fare-111111111111"
    assert context.runs == {services.MASTER, f"spark-{stem}", f"worker-{stem}-1", f"worker-{stem}-2"}


def test_a_further_job_starts_none(context: Scene) -> None:
    place(context)
    before = {service.name: service.pid for service in context.runner.live()}
    context.sparks().target(find_version(context.home, "fare@111111111111"), PYTHON, ignore)
    assert {service.name: service.pid for service in context.runner.live()} == before


def test_all_parts_of_a_version_run_in_its_own_image(context: Scene) -> None:
    specs = context.sparks(2)._specs(context.version("fare@111111111111"), "sha256:cd")
    assert {spec.container.image for spec in specs if spec.container} == {"sha256:cd"}
    assert [spec.name.partition("-")[0] for spec in specs] == ["worker", "worker", "spark"]


@pytest.mark.parametrize("state", ["stopped", "missing"])
def test_without_a_master_there_is_no_sandbox_to_run_in(state: str, context: Scene) -> None:
    context.runner.stop(services.MASTER) if state == "stopped" else context.runner.shut_down()
    with pytest.raises(SandboxError, match="The sandbox is not up") as caught:
        place(context)
    assert caught.value.hint == "pyml dev up"


def test_another_version_of_the_model_makes_room_with_its_workers(context: Scene) -> None:
    context.warm("fare-0", "10:00", workers=2)
    place(context)
    assert not {name for name in context.runs if "fare-0" in name}


def test_one_that_works_is_left_to_its_work(context: Scene) -> None:
    context.warm("fare-0", "10:00", BUSY)
    place(context)
    assert {"spark-fare-0", "worker-fare-0-1"} <= context.runs


def test_of_other_models_the_one_that_was_started_last_stays(context: Scene) -> None:
    for model, started in (("eta", "09:00"), ("delay", "11:00"), ("fraud", "10:00")):
        context.warm(f"{model}-1", started)
    place(context)
    assert {name for name in context.runs if name.startswith("spark-") and name != services.MASTER} == {
        "spark-delay-1",
        "spark-fare-111111111111",
    }


def test_what_does_not_run_keeps_no_place_from_others(context: Scene) -> None:
    context.warm("eta-1", "09:00")
    stopped = context.warm("delay-1", "11:00")
    stopped.status = "exited"
    place(context)
    assert "spark-eta-1" in context.runs


def test_which_parts_are_asked_is_what_is_meant_to_run(context: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    context.warm("fare-1", "10:00")
    context.warm("eta-1", "10:00")
    context.runner.stop("spark-eta-1")
    live = [replace(each, is_job_scoped=each.name != services.MASTER) for each in context.runner.live()]
    monkeypatch.setattr(FakeRunner, "live", lambda self, timeout_s=10: live)
    found = {endpoint.name: endpoint.address for endpoint in context.sparks().endpoints()}
    assert found == {
        "spark-fare-1": "driver of its jobs",
        "worker-fare-1-1": services.MASTER,
        "worker-eta-1-1": services.MASTER,
    }
