"""Up, down and reset, on a driver that runs nothing: what is decided, in which order, and what is told and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pyml.errors import SandboxError, ServiceFailedError, SetupError
from pyml.probes import NotReadyError
from pyml_sandbox.drivers.contract import DataLocation
from pyml_sandbox.drivers.fake_runner import Behaviour, FakeMachine, FakeRunner
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.lifecycle.up_and_down import Options, down, examine, reset, up, wanted_state, what_is_deleted
from pyml_sandbox.models.routes import Routes
from pyml_sandbox.services import spark
from pyml_sandbox.services.machine_check import Check, MachineContext, MachineVerdict
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import Event, OnEvent
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import PortChoices, Ports
from pyml_sandbox.workspace.state import ContainerChoices, ContainerOptions, SandboxState, load_state, save_state

NAMES = ("metastore", spark.NAME, "gateway")


def answers(timeout_s: float) -> None:
    """A probe of a service that is ready."""


def refuses(timeout_s: float) -> None:
    raise NotReadyError("not today")


@dataclass
class FakeDriver:
    """A stack on a fake machine, and what was asked of it, in order.

    Attributes:
        broken: a service that does not become ready.
        missing: what the machine lacks.
        unmakeable: why images cannot be made.
    """

    home: SandboxHome
    machine: FakeMachine = field(default_factory=FakeMachine)
    asked: list[str] = field(default_factory=list)
    version: int = 1
    broken: str = ""
    missing: str = ""
    unmakeable: str = ""
    has_no_engine: bool = False
    builder: object = None
    data_description: str = "a folder"

    @property
    def runner(self) -> FakeRunner:
        return FakeRunner(self.machine, "tests")

    @property
    def checks(self) -> Mapping[str, Check]:
        def check(condition: MachineContext) -> str:
            self.asked.append(f"check {sorted(condition.running)}")
            if self.missing:
                raise SetupError(self.missing, "buy some")
            return "enough"

        return {"memory": check}

    def prepare(self, on_event: OnEvent) -> None:
        self.asked.append("prepare")
        if self.unmakeable:
            raise SetupError(self.unmakeable)

    def services(self) -> Sequence[ServiceSpec]:
        return [self._spec(name) for name in NAMES]

    def once_up(self) -> None:
        self.asked.append(f"once up while {len(self.runner.live())} run")

    def _spec(self, name: str) -> ServiceSpec:
        probe = refuses if name == self.broken else answers
        return ServiceSpec(
            Endpoint(name, f"{name}:1", probe), ("run", str(self.version)), Path("/"), start_timeout_s=0.2
        )

    def publish(self, routes: Routes) -> None:
        self.asked.append(f"publish while {len(self.runner.live())} run")

    def data(self) -> DataLocation:
        if self.has_no_engine:
            raise SetupError("no engine answers")
        return DataLocation(self.data_description, 2_000_000)

    def delete_data(self) -> None:
        if self.has_no_engine:
            raise SetupError("no engine answers")
        self.asked.append("delete data")


@dataclass
class Scene:
    """A sandbox whose stack is a fake one, by whatever driver."""

    home: SandboxHome
    driver: FakeDriver
    warmed: list[int]
    stacks_for: list[str]

    def up(self, **options: object) -> list[Event]:
        events: list[Event] = []
        up(self.home, Options(**options), events.append, {})  # type: ignore[arg-type]
        return events

    @property
    def runs(self) -> set[str]:
        return {service.name for service in self.driver.runner.live() if service.pid is not None}

    @property
    def state(self) -> SandboxState:
        found = load_state(self.home)
        assert found is not None
        return found


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    home = SandboxHome(tmp_path)
    made = Scene(home, FakeDriver(home), [], [])

    def driver_for(home: SandboxHome, state: SandboxState, environ: Mapping[str, str] | None = None) -> FakeDriver:
        made.stacks_for.append(state.driver)
        return made.driver

    replaced: Mapping[str, Callable[..., object]] = {
        "driver_for": driver_for,
        "start_warm_up": lambda home, port: made.warmed.append(port),
        "an_engine_answers": lambda environ: False,
        "why_no_containers": lambda environ: " (containers are out of reach: no engine)",
        "ports_in_use": lambda environ: set(),
    }
    for name, function in replaced.items():
        monkeypatch.setattr(up_and_down, name, function)
    yield made
    made.driver.runner.shut_down()


# ---- up


def test_up_starts_everything_and_records_what_it_chose(context: Scene) -> None:
    summary = up(context.home, environ={})
    assert context.runs == set(NAMES)
    assert (context.state.driver, context.state.stamp) == ("process", SparkHome.find().stamp)
    assert [spec.name for spec in summary.services] == list(NAMES)
    assert summary.json["driver"] == "process"
    assert json.dumps(summary.json).count('"state": "ready"') == 3


def test_up_checks_the_machine_makes_images_records_and_starts_in_this_order(context: Scene) -> None:
    context.up()
    assert context.driver.asked == ["check []", "prepare", "publish while 3 run", "once up while 3 run"]


def test_up_twice_is_one_up(context: Scene) -> None:
    context.up()
    before = {service.name: service.pid for service in context.driver.runner.live()}
    context.up()
    assert {service.name: service.pid for service in context.driver.runner.live()} == before
    assert "check ['gateway', 'metastore', 'spark']" in context.driver.asked  # what runs holds its ports rightly


def test_what_changed_is_started_anew_and_what_ended_is_started(context: Scene) -> None:
    context.up()
    before = {service.name: service.pid for service in context.driver.runner.live()}
    context.driver.runner.stop("gateway")
    context.up()
    after = {service.name: service.pid for service in context.driver.runner.live()}
    assert {name for name in NAMES if after[name] != before[name]} == {"gateway"}
    context.driver.version = 2
    context.up()
    assert all(service.pid not in after.values() for service in context.driver.runner.live())


def test_spark_is_warmed_where_it_is_started_and_only_there(context: Scene) -> None:
    context.up(ports=PortChoices(spark=12345))
    context.up()
    context.driver.runner.stop("gateway")
    context.up()
    assert context.warmed == [12345]


def test_a_machine_that_lacks_something_starts_nothing_and_chooses_nothing(context: Scene) -> None:
    context.driver.missing = "too little memory"
    with pytest.raises(SetupError, match="too little memory"):
        context.up()
    assert not context.runs
    assert load_state(context.home) is None


def test_images_that_cannot_be_made_leave_the_choice_of_a_driver_open(context: Scene) -> None:
    context.driver.unmakeable = "no mirror answers"
    with pytest.raises(SetupError, match="no mirror"):
        context.up(driver="container")
    assert load_state(context.home) is None
    context.driver.unmakeable = ""
    context.up(driver="process")
    assert context.state.driver == "process"


def test_where_a_service_does_not_become_ready_the_others_are_left_to_be_looked_at(context: Scene) -> None:
    context.driver.broken = "gateway"
    with pytest.raises(ServiceFailedError, match="gateway"):
        context.up()
    assert {"metastore", spark.NAME} <= context.runs
    assert context.state.driver == "process"


def test_what_an_earlier_run_left_behind_is_cleared_away_and_told(context: Scene) -> None:
    context.up()
    context.driver.machine.kill_watcher("tests")
    (note,) = (event for event in context.up() if event.subject == "sandbox")
    assert note.detail == "removed 3 orphans of an earlier run"


@pytest.mark.parametrize(
    ("options", "detail"),
    [({}, "process (containers are out of reach: no engine)"), ({"driver": "process"}, "process")],
)
def test_why_it_is_no_container_is_told_where_nobody_chose(
    options: Mapping[str, object], detail: str, context: Scene
) -> None:
    assert [event.detail for event in context.up(**options) if event.subject == "driver"] == [detail]
    assert [event.detail for event in context.up() if event.subject == "driver"] == ["process"]


def test_other_ports_than_the_usual_ones_are_told_once(context: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up_and_down, "ports_in_use", lambda environ: set(Ports().by_service.values()))
    (note,) = (event for event in context.up() if event.subject == "ports")
    assert str(context.state.ports.gateway) in note.detail
    assert context.state.ports != Ports()
    assert not [event for event in context.up() if event.subject == "ports"]


# ---- what a sandbox shall have


RECORDED = SandboxState("container", Ports(), None, "0.1", "4.0", ContainerChoices(workers=3, idle_stop_s=60))


def wanted(context: Scene, recorded: SandboxState | None, **options: object) -> SandboxState:
    return wanted_state(context.home, recorded, Options(**options), {})  # type: ignore[arg-type]


def test_recorded_choices_stay_but_for_those_that_are_given(context: Scene) -> None:
    found = wanted(context, RECORDED, container=ContainerOptions(workers=1), ports=PortChoices(gateway=9999))
    assert found.container == ContainerChoices(workers=1, idle_stop_s=60)
    assert found.ports == replace(Ports(), gateway=9999)


@pytest.mark.parametrize(
    ("recorded", "given", "found"),
    [(False, None, False), (False, True, True), (True, None, True), (True, False, False)],
)
def test_the_log_of_all_requests_is_remembered(context: Scene, recorded: bool, given: bool | None, found: bool) -> None:
    state = wanted(context, replace(RECORDED, access_log=recorded), access_log=given)
    assert state.access_log is found
    save_state(context.home, state)
    assert load_state(context.home) == state


def test_the_ports_of_a_sandbox_stay_whatever_others_use_now(context: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up_and_down, "ports_in_use", lambda environ: set(Ports().by_service.values()))
    assert wanted(context, RECORDED).ports == RECORDED.ports


def test_another_driver_than_the_recorded_one_is_refused(context: Scene) -> None:
    with pytest.raises(SetupError, match="made with the container driver"):
        wanted(context, RECORDED, driver="process")


def test_versions_are_those_that_are_installed(context: Scene) -> None:
    assert wanted(context, RECORDED).spark_version == SparkHome.find().version


# ---- doctor


def test_doctor_makes_the_checks_of_up_and_starts_nothing(context: Scene) -> None:
    context.driver.missing = "too little memory"
    runner, memory = examine(context.home, {})
    assert (runner.check, runner.verdict) == ("driver", MachineVerdict.OK)
    assert "out of reach" in runner.detail
    assert (memory.check, memory.verdict, memory.hint) == ("memory", MachineVerdict.FAILED, "buy some")
    assert not context.runs
    assert load_state(context.home) is None


def test_doctor_looks_on_where_the_driver_does_not_answer(context: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def live(self: FakeRunner, timeout_s: float = 10) -> None:
        raise SandboxError("the watcher hangs")

    with monkeypatch.context() as patch:
        patch.setattr(FakeRunner, "live", live)
        assert [finding.check for finding in examine(context.home, {})] == ["driver", "memory"]


# ---- down


def test_down_stops_everything_and_keeps_data_and_models(context: Scene) -> None:
    context.up()
    for folder in (context.home.scratch, context.home.models):
        folder.mkdir(parents=True, exist_ok=True)
    events: list[Event] = []
    stopped = down(context.home, events.append)
    assert set(stopped.services) == {event.subject for event in events} == set(NAMES)
    assert stopped.data == "a folder"
    assert not context.runs
    assert context.home.models.exists()
    assert not context.home.scratch.exists()
    assert "delete data" not in context.driver.asked


def test_down_twice_is_fine_and_says_that_nothing_ran(context: Scene) -> None:
    context.up()
    down(context.home)
    assert down(context.home).services == []


def test_down_where_there_never_was_a_sandbox_is_fine(context: Scene) -> None:
    assert down(context.home) == up_and_down.Stopped()
    assert not context.stacks_for


def test_down_with_data_deletes_what_models_and_jobs_left_and_forgets_who_wrote_the_data(context: Scene) -> None:
    context.up()
    kept = [context.home.models, context.home.parity, context.home.jobs]
    for folder in kept:
        folder.mkdir(parents=True, exist_ok=True)
    context.home.routes_file.write_text("{}")
    down(context.home, with_data=True)
    assert "delete data" in context.driver.asked
    assert not any(path.exists() for path in [*kept, context.home.routes_file])
    assert context.state.stamp is None
    assert context.state.driver == "process"


def test_down_ends_what_does_not_answer(context: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    context.up()

    def live(self: FakeRunner, timeout_s: float = 10) -> None:
        raise SandboxError("the watcher hangs")

    with monkeypatch.context() as patch:
        patch.setattr(FakeRunner, "live", live)
        assert down(context.home).services == []
    assert not context.runs


# ---- reset


def test_reset_leaves_nothing_of_a_sandbox(context: Scene) -> None:
    context.up()
    reset(context.home)
    assert not context.runs
    assert "delete data" in context.driver.asked
    assert [path.name for path in context.home.folder.iterdir() if not path.name.startswith("sandbox.lock")] == []
    assert load_state(context.home) is None


def test_reset_frees_what_an_engine_that_is_gone_still_holds_from_being_waited_for_and_names_it(
    context: Scene,
) -> None:
    context.up()
    context.driver.has_no_engine = True
    events: list[Event] = []
    reset(context.home, events.append)
    assert [event.detail for event in events if event.subject == "reset"] == ["a folder not deleted: no engine answers"]
    assert load_state(context.home) is None


@pytest.mark.parametrize(("has_engine", "drivers"), [(False, ["process"]), (True, ["process", "container"])])
@pytest.mark.parametrize("state", ["none", "damaged"])
def test_reset_of_what_cannot_be_read_looks_at_whatever_drivers_there_are(
    state: str, has_engine: bool, drivers: list[str], context: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.home.folder.mkdir(parents=True)
    if state == "damaged":
        context.home.state_file.write_text("{")
    monkeypatch.setattr(up_and_down, "an_engine_answers", lambda environ: has_engine)
    reset(context.home)
    assert context.stacks_for == drivers


def test_what_is_deleted_is_listed_with_its_size(context: Scene) -> None:
    save_state(context.home, RECORDED)
    context.home.models.mkdir(parents=True)
    (context.home.models / "a").write_bytes(b"x" * 1000)
    tables, models, *_ = what_is_deleted(context.home)
    assert "2.0 MB  tables and the metastore's database, in a folder" in tables
    assert "1.0 kB  uploaded models" in models
    context.driver.has_no_engine = True
    assert what_is_deleted(context.home)[0].strip().startswith("?")


def test_a_service_that_ends_at_once_is_an_error_with_its_last_words(context: Scene) -> None:
    context.driver.machine.behaviours = {"gateway": Behaviour(("cannot bind",), exit_code=3)}
    context.driver.broken = "gateway"
    with pytest.raises(ServiceFailedError, match="exit code 3"):
        context.up()
