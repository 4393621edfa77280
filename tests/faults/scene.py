"""The sandbox that faults strike, with either driver: its processes, its commands, and what it holds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import psutil

from faults.actor import NAME, SERVER, query, rows_file, write_actor
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, find_engine
from pyml_sandbox.drivers.container.engine.lookup import containers_of
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.services.inside_paths import WAREHOUSE
from pyml_sandbox.services.runner_contract import LiveService
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.process_tags import process_tags
from pyml_sandbox.workspace.state import require_state
from support.own_sandbox import OwnSandbox, free_port_options
from support.waiting import wait_for

if TYPE_CHECKING:
    from docker.models.containers import Container

TARGET = "ml.target"
KEPT_ROWS, JOB_ROWS = 1000, 500
Table = tuple[int, float]


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code, what it printed, and how long it took in seconds."""

    arguments: tuple[str, ...]
    code: int
    output: str
    error: str
    seconds: float

    @property
    def text(self) -> str:
        """All that it printed."""
        return (
            f"$ pyml {' '.join(self.arguments)}   -> {self.code} after {self.seconds:.1f} s\n{self.output}{self.error}"
        )


@dataclass(frozen=True)
class Running:
    """A command that runs."""

    arguments: tuple[str, ...]
    process: subprocess.Popen[str]
    begun: float

    def end(self, timeout_s: float = 300) -> Done:
        """Wait for its end."""
        try:
            output, error = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            output, error = self.process.communicate()
            message = f"still running after {timeout_s:.0f} s: {' '.join(self.arguments)}\n{output}{error}"
            raise AssertionError(message) from late
        return Done(self.arguments, self.process.returncode, output, error, time.monotonic() - self.begun)

    def send(self, number: int, timeout_s: float = 300) -> Done:
        """Send it a signal, and wait for its end."""
        self.process.send_signal(number)
        return self.end(timeout_s)


@dataclass(frozen=True)
class Scene(OwnSandbox):
    """A sandbox that is up, with a table and a model that is served."""

    driver_name: str

    @classmethod
    def made(cls, home: SandboxHome, driver: str) -> Scene:
        """Bring one up: with `ml.target`, a table of 1,000 rows that jobs replace, and the model `actor`."""
        scene = cls(home, {**os.environ, "PYML_HOME": str(home.root), "PYML_SANDBOX": home.name}, driver)
        scene.up("--driver", driver, *free_port_options())
        with session(home) as spark:
            spark.sql("CREATE DATABASE ml")
            spark.sql(f"CREATE TABLE {TARGET} AS SELECT id, CAST(2 * id AS DOUBLE) AS b FROM range({KEPT_ROWS})")
        for command in (("upload", str(write_actor(home.root / NAME))), ("deploy", NAME)):
            done = scene.run(*command)
            assert done.code == 0, done.text
        return scene

    # ---- commands

    def begin(self, *arguments: str) -> Running:
        """Start a command."""
        return Running(arguments, self.start(*arguments), time.monotonic())

    def begun(self, *arguments: str, after_s: float = 2.0) -> Running:
        """Start a command, and give it some seconds to begin its work, less if it ends before."""
        running = self.begin(*arguments)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(after_s)
        return running

    def run(self, *arguments: str, timeout_s: float = 300) -> Done:
        """Run a command to its end."""
        return self.begin(*arguments).end(timeout_s)

    def predicting(self, *acts: str) -> Running:
        """Begin a request."""
        return self.begin("predict", "online", NAME, "--rows", str(rows_file(self.home.root, *acts)))

    def predicting_at_work(self, act: str = "sleep 4") -> Running:
        """Begin a request, and wait until `predict` says in the server's log that it has it."""
        before = self._begun()
        request = self.predicting(act)
        wait_for(lambda: request.process.poll() is not None or self._begun() > before, "the model has the request")
        return request

    def _begun(self) -> int:
        return sum(line.startswith("begins ") for line in self.driver.runner.logs(self.live(SERVER).name, 10_000))

    def job(self, act: str = "", rows: int = JOB_ROWS) -> Running:
        """Begin an offline job that replaces the target."""
        return self.begin("predict", "offline", NAME, "--sql", query(rows, act), "--table", TARGET, "--key", "id")

    def job_at_work(self, act: str = "sleep 4") -> Running:
        """Begin a job, and wait until it predicts: its staging table has a folder."""
        before = set(self.staging_folders())
        job = self.job(act)
        wait_for(lambda: job.process.poll() is not None or set(self.staging_folders()) > before, "the job predicts")
        assert job.process.poll() is None, job.end().text
        return job

    # ---- services

    @cached_property
    def driver(self) -> Driver:
        """Of the sandbox."""
        return driver_for(self.home, require_state(self.home), self.environ)

    def live(self, name: str) -> LiveService:
        """A service, by the beginning of its name."""
        return next(each for each in self.driver.runner.live() if each.name.startswith(name))

    def pid(self, name: str) -> int:
        """The process of a service."""
        found = self.live(name).pid
        assert found is not None, f"{name} does not run"
        return found

    def signal(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a service's first process."""
        os.kill(self.pid(name), number)

    def kill_pid(self, pid: int) -> None:
        """Kill a process, and wait until it is gone."""
        process = psutil.Process(pid)
        process.kill()
        wait_for(lambda: not process.is_running() or _is_zombie(process), f"{pid} has ended")

    def kill(self, name: str) -> None:
        """Kill a service behind its runner's back, and wait until the runner has seen it."""
        before = self.pid(name)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.live(name).pid != before, f"{name} has ended")

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """A service does not run meanwhile, as if the machine slept."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def processes(self) -> list[psutil.Process]:
        """The processes of this machine that carry the sandbox's tags or its PYML_HOME, without this one."""
        tags = process_tags(str(self.home.folder))
        found = [each for each in psutil.process_iter() if each.pid != os.getpid()]
        return [each for each in found if _carries(each, tags) or _carries(each, {"PYML_HOME": str(self.home.root)})]

    def orphans(self) -> list[str]:
        """What runs for the sandbox and is watched by nobody, as text."""
        watched: set[int] = set()
        for watcher in (each for each in self.processes() if "supervisor.supervisord" in _command(each)):
            watched |= {watcher.pid, *(child.pid for child in watcher.children(recursive=True))}
        return [f"{each.pid} {_command(each)[:200]}" for each in self.processes() if each.pid not in watched]

    # ---- data

    def staging_folders(self) -> Sequence[str]:
        """The folders of staging tables in the warehouse."""
        if self.driver_name == "process":
            names = os.listdir(self.home.data / "warehouse" / "ml.db")
        else:
            _, listed = self.container("metastore").exec_run(["ls", f"{WAREHOUSE}/ml.db"])
            names = listed.decode().split() if isinstance(listed, bytes) else []
        return [name for name in names if "__staging_" in name]

    @cached_property
    def engine(self) -> Engine:
        """That runs the containers."""
        return find_engine()

    @property
    def label(self) -> str:
        """The label of all that belongs to the sandbox in the engine."""
        return f"{labels.SANDBOX}={self.home.project}"

    def container(self, name: str) -> Container:
        """The container of a service, by the beginning of its name."""
        (found,) = containers_of(self.engine, self.home.project, f"{labels.SERVICE}={self.live(name).name}")
        return found

    def table(self) -> Table:
        """Rows and sum of the target."""
        with session(self.home) as spark:
            (row,) = spark.sql(f"SELECT count(*), CAST(sum(b) AS DOUBLE) FROM {TARGET}").collect()
        return int(row[0]), float(row[1])

    def tables(self) -> list[str]:
        """The tables beside the target."""
        with session(self.home) as spark:
            return sorted(each.name for each in spark.catalog.listTables("ml"))


def doubled(rows: int) -> Table:
    """What the target holds after a job over so many rows."""
    return rows, float(rows * (rows - 1))


def _carries(process: psutil.Process, wanted: Mapping[str, str]) -> bool:
    try:
        environ = process.environ()
        return all(environ.get(name) == value for name, value in wanted.items()) and not _is_zombie(process)
    except psutil.Error:
        return False


def _is_zombie(process: psutil.Process) -> bool:
    return str(process.status()) == psutil.STATUS_ZOMBIE


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
