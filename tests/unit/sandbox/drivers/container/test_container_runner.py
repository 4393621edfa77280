"""The container driver's decisions: what it makes of what the engine says, and what it has Compose and the engine do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
import requests
import yaml

from pyml.errors import SandboxError
from pyml.probes import NotListeningError
from pyml_sandbox.drivers.container.compose.compose_program import Compose
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.service_runner import ContainerRunner, _whole_lines
from pyml_sandbox.services.container_spec import Container
from pyml_sandbox.services.runner_contract import Exit, Resources, ServiceState
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from support.fake_docker import FakeContainer, FakeDocker, FakeThing, container


@dataclass
class FakeCompose:
    """Takes down what it is asked to run."""

    ran: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, *arguments: str, timeout_s: float) -> str:
        self.ran.append(arguments)
        return ""


@dataclass
class Scene:
    """A driver of one sandbox on a fake engine."""

    home: SandboxHome
    docker: FakeDocker = field(default_factory=FakeDocker)
    compose: FakeCompose = field(default_factory=FakeCompose)

    @property
    def runner(self) -> ContainerRunner:
        return ContainerRunner(self.home, self.docker.engine(), cast(Compose, self.compose))

    @property
    def file(self) -> Path:
        return self.home.conf / "compose.yaml"

    def has(self, service: str, status: str = "running", **more: object) -> FakeContainer:
        found = container(self.home.project, service, status, **more)
        self.docker.made.append(found)
        return found


@pytest.fixture
def context(tmp_path: Path) -> Scene:
    return Scene(SandboxHome(tmp_path))


def not_asked(timeout_s: float) -> None:
    raise NotListeningError("nowhere")


def spec(name: str, command: str = "run", **container_: Any) -> ServiceSpec:
    made = Container("sha256:aa", **container_)
    return ServiceSpec(Endpoint(name, "nowhere", not_asked), (command,), Path("/"), container=made)


# ---- what is there


STATES = [
    ("created", {}, ServiceState.STOPPED),
    ("running", {}, ServiceState.RUNNING),
    ("paused", {}, ServiceState.PAUSED),
    ("restarting", {}, ServiceState.FAILED),
    ("removing", {}, ServiceState.STOPPING),
    ("exited", {}, ServiceState.STOPPED),
    ("dead", {}, ServiceState.FAILED),
    ("a new word of Docker's", {}, ServiceState.FAILED),
    ("created", {"on_request": "true"}, ServiceState.WAITING),
    ("exited", {"on_request": "true"}, ServiceState.WAITING),
    ("running", {"on_request": "true"}, ServiceState.RUNNING),
    ("dead", {"on_request": "true"}, ServiceState.FAILED),
]


@pytest.mark.parametrize(("status", "more", "state"), STATES)
def test_the_state_of_a_service_follows_from_its_containers(
    status: str, more: dict[str, object], state: ServiceState, context: Scene
) -> None:
    context.has("fare", status, **more)
    (found,) = context.runner.live()
    assert (found.name, found.state, found.digest) == ("fare", state, "d1")


@pytest.mark.parametrize(("status", "runs"), [("running", True), ("exited", False), ("restarting", False)])
def test_only_what_runs_has_a_process_and_a_time(status: str, runs: bool, context: Scene) -> None:
    context.has("fare", status)
    (found,) = context.runner.live()
    assert (found.pid is not None, found.uptime_s > 0) == (runs, runs)


def test_what_a_job_started_is_told_from_what_up_did(context: Scene) -> None:
    context.has("worker-fare-1", job_scoped="true")
    context.has("gateway")
    assert {found.name: found.is_job_scoped for found in context.runner.live()} == {
        "worker-fare-1": True,
        "gateway": False,
    }


def test_another_sandboxs_services_are_not_seen(context: Scene) -> None:
    context.docker.made.append(container("pyml-other", "gateway"))
    assert context.runner.live() == ()


LATER = "2026-11-25T11:00:00Z"


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        (("running", {}), ("exited", {"created": LATER}), 0),
        (("exited", {}), ("running", {}), 1),
        (("exited", {}), ("exited", {"created": LATER}), 1),
        (("created", {"created": LATER}), ("exited", {}), 0),
    ],
)
def test_of_two_containers_of_a_service_the_one_that_runs_counts_else_the_newer(
    first: tuple[str, dict[str, object]], second: tuple[str, dict[str, object]], chosen: int, context: Scene
) -> None:
    for number, (status, more) in enumerate((first, second)):
        context.has("fare", status, digest=f"d{number}", **more)
    (found,) = context.runner.live()
    assert found.digest == f"d{chosen}"


EXITS = [
    ("exited", {"exit_code": 1}, Exit(1, "exit code 1")),
    ("exited", {"exit_code": 0}, Exit(0, "exit code 0")),
    ("exited", {"exit_code": 137}, Exit(None, "terminated by SIGKILL")),
    ("exited", {"exit_code": 143}, Exit(None, "terminated by SIGTERM")),
    ("exited", {"exit_code": 255}, Exit(255, "exit code 255")),
    ("exited", {"exit_code": 137, "oom": True}, Exit(None, "it used more memory than its limit allows")),
    ("running", {"oom": True}, Exit(None, "it used more memory than its limit allows")),
]


@pytest.mark.parametrize(("status", "more", "expected"), EXITS)
def test_how_a_service_ended_last_is_said_in_words(
    status: str, more: dict[str, object], expected: Exit, context: Scene
) -> None:
    context.has("fare", status, restarts=2, **more)
    (found,) = context.runner.live()
    assert (found.exits, found.last_exit) == (2, expected)


@pytest.mark.parametrize("status", ["exited", "running"])
def test_an_end_that_was_asked_for_is_not_how_a_service_ended(status: str, context: Scene) -> None:
    ended = context.has("fare", status, restarts=1, exit_code=143)
    context.docker.died = {ended.id: [3, None, 143]}
    assert context.runner.live()[0].last_exit == Exit(3, "exit code 3")


def test_one_whose_network_was_removed_has_failed(context: Scene) -> None:
    """It runs, and nothing reaches it; `up` starts again what has failed."""
    context.has("fare", networks=())
    (found,) = context.runner.live()
    assert (found.state, found.last_exit) == (ServiceState.FAILED, Exit(None, "its network was removed"))


def test_what_never_ended_by_itself_has_no_exit(context: Scene) -> None:
    context.has("fare", "exited", exit_code=137)
    assert context.runner.live()[0].last_exit is None


@pytest.mark.parametrize(
    ("codes", "expected"), [([1, 139], Exit(None, "terminated by SIGSEGV")), ([], Exit(None, "it ended"))]
)
def test_how_one_that_runs_again_ended_is_asked_of_the_engines_events_once_for_each_end(
    codes: list[int], expected: Exit, context: Scene
) -> None:
    ended = context.has("fare", restarts=1)
    context.docker.died = {ended.id: codes}
    runner = context.runner
    assert [runner.live()[0].last_exit for _ in range(3)] == [expected] * 3
    (asked,) = context.docker.asked_events
    assert (asked["container"], asked["event"]) == (ended.id, ["die", "kill"])
    ended.attrs["RestartCount"] = 2
    runner.live()
    assert len(context.docker.asked_events) == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda runner: runner.live(timeout_s=7),
        lambda runner: runner.stop("fare", timeout_s=7),
        lambda runner: runner.shut_down(timeout_s=7),
        lambda runner: runner.remove_orphans(timeout_s=7),
    ],
    ids=["live", "stop", "shut down", "remove orphans"],
)
def test_the_engine_is_given_the_time_that_the_caller_gives(
    ask: Callable[[ContainerRunner], object], context: Scene
) -> None:
    context.has("fare")
    ask(context.runner)
    assert context.docker.timeouts[-1] == 7
    assert context.docker.api.timeout == 120


def test_an_engine_that_is_gone_is_an_error_of_ours(context: Scene) -> None:
    context.docker.error = requests.exceptions.ConnectionError("Connection refused")
    with pytest.raises(SandboxError, match="could not list containers: connection refused"):
        context.runner.live()


MEMORY = [
    ({"usage": 100, "stats": {"inactive_file": 30}}, 70),
    ({"usage": 100, "stats": {"total_inactive_file": 40, "inactive_file": 30}}, 60),
    ({"usage": 100}, 100),
    ({"usage": 10, "stats": {"inactive_file": 30}}, 0),
    ({}, 0),
]


@pytest.mark.parametrize(("memory", "expected"), MEMORY)
def test_what_could_be_given_back_at_once_is_no_memory_of_a_service(
    memory: dict[str, object], expected: int, context: Scene
) -> None:
    context.has("fare").memory = memory
    assert context.runner.resources("fare") == Resources(expected, 0)


def test_what_does_not_run_has_no_memory(context: Scene) -> None:
    context.has("fare", "exited").memory = {"usage": 100}
    assert context.runner.resources("fare") == context.runner.resources("unknown") == Resources()


# ---- logs


def test_the_log_of_a_container_is_the_engines_and_that_of_a_removed_one_the_kept(context: Scene) -> None:
    context.has("fare").said = b"one\ntwo\xff\n"
    context.home.logs.mkdir(parents=True)
    (context.home.logs / "gone.log").write_text("a\nb\nc\n")
    assert list(context.runner.logs("fare", 5)) == ["one", "two\N{REPLACEMENT CHARACTER}"]
    assert list(context.runner.logs("gone", 2)) == ["b", "c"]
    assert list(context.runner.logs("fare", 0)) == []


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"on", b"e\ntw", b"o\n"], ["one", "two"]),
        ([b"one\r\n", b"two"], ["one", "two"]),
        (["ü".encode()[:1], "ü".encode()[1:] + b"\n"], ["ü"]),
        ([b"\n\n"], ["", ""]),
        ([], []),
    ],
)
def test_lines_are_whole_however_they_arrive(parts: list[bytes], lines: list[str]) -> None:
    assert list(_whole_lines(iter(parts))) == lines


# ---- what changes


def test_services_are_started_and_those_that_wait_for_a_request_only_made(context: Scene) -> None:
    context.runner.start(spec("gateway"), spec("model-fare-1", starts_on_request=True))
    options = ("--no-deps", "--force-recreate", "--no-build", "--pull", "never", "--quiet-pull")
    project = ("--project-name", context.home.project, "--file", str(context.file), "up")
    assert context.compose.ran == [
        (*project, "--detach", *options, "gateway"),
        (*project, "--no-start", *options, "model-fare-1"),
    ]


def test_what_runs_from_the_same_spec_is_left_alone(context: Scene) -> None:
    wanted = spec("gateway")
    context.has("gateway", digest=wanted.digest)
    context.runner.start(wanted)
    assert not context.compose.ran
    assert not context.file.exists()


def test_what_runs_from_another_spec_is_refused(context: Scene) -> None:
    context.has("gateway", digest="another")
    with pytest.raises(SandboxError, match="runs from a different specification"):
        context.runner.start(spec("gateway"))


def test_the_file_keeps_what_was_started_before_and_replaces_what_is_started_again(context: Scene) -> None:
    context.runner.start(spec("metastore", volumes={"warehouse": "/w"}), spec("gateway"))
    context.runner.start(spec("gateway", "other", volumes={"routes": "/r"}))
    written = yaml.safe_load(context.file.read_text())
    assert {name: each["command"] for name, each in written["services"].items()} == {
        "metastore": ["run"],
        "gateway": ["other"],
    }
    assert set(written["volumes"]) == {"warehouse", "routes"}


@pytest.mark.parametrize(
    ("status", "more", "done"),
    [
        ("running", {}, ["stop"]),
        ("exited", {}, ["stop"]),
        ("running", {"on_request": "true"}, ["stop", "logs 10000", "remove"]),
        ("exited", {"on_request": "true"}, ["stop", "logs 10000", "remove"]),
        ("running", {"job_scoped": "true"}, ["stop"]),
        ("exited", {"job_scoped": "true"}, ["stop", "logs 10000", "remove"]),
    ],
)
def test_stopping_removes_what_something_else_would_start_again(
    status: str, more: dict[str, object], done: list[str], context: Scene
) -> None:
    stopped = context.has("fare", status, **more)
    stopped.said = b"last words\n"
    context.runner.stop("fare")
    assert stopped.done == done
    assert (context.home.logs / "fare.log").exists() is ("remove" in done)


def test_stopping_what_is_unknown_or_gone_since_is_fine(context: Scene) -> None:
    context.has("fare").is_gone = True
    context.runner.stop("fare")
    context.runner.stop("unknown")


def test_shutting_down_keeps_logs_and_removes_containers_and_networks(context: Scene) -> None:
    context.runner.start(spec("gateway"))
    found = context.has("gateway")
    found.said = b"last words\n"
    network = FakeThing("default")
    context.docker.owned_networks.append(network)
    volume = FakeThing("warehouse")
    context.docker.owned_volumes.append(volume)
    context.runner.shut_down()
    assert context.compose.ran[-1] == ("--project-name", context.home.project, "down", "--remove-orphans")
    assert (context.home.logs / "gateway.log").read_text() == "last words\n"
    assert found.done[-1] == "remove"
    assert network.is_removed
    assert not volume.is_removed
    assert not context.file.exists()


def test_shutting_down_nothing_asks_nothing_of_compose(context: Scene) -> None:
    context.runner.shut_down()
    assert not context.compose.ran


def test_what_is_left_over_is_a_second_container_of_a_service(context: Scene) -> None:
    old, new = context.has("gateway", "exited"), context.has("gateway")
    other = context.has("metastore", "exited")
    assert context.runner.remove_orphans() == 1
    assert (old.done, new.done, other.done) == (["remove"], [], [])


def test_labels_say_what_a_container_is_for(context: Scene) -> None:
    context.runner.start(spec("gateway"), replace(spec("worker-1", is_job_scoped=True)))
    written = yaml.safe_load(context.file.read_text())["services"]
    assert written["gateway"]["labels"][labels.DIGEST] == spec("gateway").digest
    assert labels.JOB_SCOPED in written["worker-1"]["labels"]
    assert labels.JOB_SCOPED not in written["gateway"]["labels"]
