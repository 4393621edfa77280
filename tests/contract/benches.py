"""What the driver contract needs from the world of each driver: services that misbehave, and faults from outside."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from pyml.probes import NotListeningError
from pyml_sandbox.drivers.fake_runner import Behaviour, FakeMachine, FakeRunner
from pyml_sandbox.drivers.process.service_runner import ProcessRunner
from pyml_sandbox.services.runner_contract import ServiceRunner
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.process_tags import process_tags
from support.waiting import DEADLINE_S, wait_for


@dataclass(frozen=True)
class Kind:
    """A service for the contract: what it does, and how badly."""

    name: str
    lines: tuple[str, ...] = ()
    exit_code: int | None = None
    ignores_sigterm: bool = False
    children: int = 0
    children_escape: bool = False


class RunnerScene(Protocol):
    """One driver with the world around it."""

    def runner(self, sandbox: str = "one") -> ServiceRunner:
        """A new driver object for a sandbox."""

    def spec(self, kind: Kind) -> ServiceSpec:
        """A service of that kind."""

    def start_elsewhere(self, spec: ServiceSpec) -> None:
        """Start a service of sandbox "one" from a process that has ended when this returns."""

    def processes(self, sandbox: str = "one", name: str | None = None) -> int:
        """How many processes a service has, or all services of a sandbox."""

    def kill(self, name: str) -> None:
        """Kill a service's first process in sandbox "one"."""

    def pause(self, name: str) -> None:
        """Stop a service's processes where they are, in sandbox "one"."""


class WatchedScene(RunnerScene, Protocol):
    """The world of a driver that starts a watcher of its own."""

    def kill_watcher(self) -> None:
        """Kill what watches sandbox "one"."""


@dataclass
class FakeScene:
    """The fake driver's world."""

    machine: FakeMachine = field(default_factory=FakeMachine)

    def runner(self, sandbox: str = "one") -> ServiceRunner:
        return FakeRunner(self.machine, sandbox)

    def spec(self, kind: Kind) -> ServiceSpec:
        behaviour = Behaviour(kind.lines, kind.exit_code, kind.children)
        self.machine.behaviours = {**self.machine.behaviours, kind.name: behaviour}
        return ServiceSpec(Endpoint(kind.name, "", never_ready), (kind.name, str(kind)), Path("/"))

    def start_elsewhere(self, spec: ServiceSpec) -> None:
        self.runner().start(spec)

    def processes(self, sandbox: str = "one", name: str | None = None) -> int:
        return self.machine.processes(sandbox, name)

    def kill(self, name: str) -> None:
        self.machine.kill("one", name)

    def pause(self, name: str) -> None:
        self.machine.pause("one", name)

    def kill_watcher(self) -> None:
        self.machine.kill_watcher("one")


@dataclass
class ProcessScene:
    """The process driver's world: real processes below a temporary folder."""

    root: Path

    def home(self, sandbox: str) -> SandboxHome:
        home = SandboxHome(self.root, sandbox)
        home.create()
        return home

    def runner(self, sandbox: str = "one") -> ServiceRunner:
        return ProcessRunner(self.home(sandbox))

    def spec(self, kind: Kind) -> ServiceSpec:
        command = (sys.executable, "-c", program(kind))
        return ServiceSpec(Endpoint(kind.name, "", never_ready), command, self.root, stop_timeout_s=1)

    def start_elsewhere(self, spec: ServiceSpec) -> None:
        code = (
            "import pickle, sys; from pyml_sandbox.drivers.process.service_runner import ProcessRunner; "
            "home, spec = pickle.load(sys.stdin.buffer); ProcessRunner(home).start(spec)"
        )
        job = pickle.dumps((self.home("one"), spec))
        subprocess.run([sys.executable, "-c", code], input=job, check=True, env=environment(), timeout=DEADLINE_S)

    def processes(self, sandbox: str = "one", name: str | None = None) -> int:
        wanted = process_tags(str(self.home(sandbox).folder), name)
        return sum(_has(process, wanted) for process in psutil.process_iter())

    def kill(self, name: str) -> None:
        (found,) = (service for service in self.runner().live() if service.name == name)
        assert found.pid is not None
        os.kill(found.pid, signal.SIGKILL)

    def pause(self, name: str) -> None:
        (found,) = (service for service in self.runner().live() if service.name == name)
        assert found.pid is not None
        os.kill(found.pid, signal.SIGSTOP)

    def kill_watcher(self) -> None:
        watcher = psutil.Process(int((self.home("one").logs / "supervisord.pid").read_text()))
        watcher.kill()
        wait_for(lambda: not watcher.is_running() or watcher.status() == psutil.STATUS_ZOMBIE, "the watcher is gone")


def environment() -> dict[str, str]:
    """For a Python process that must find this repository's packages."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def never_ready(timeout_s: float) -> None:
    """A probe for services that are not asked."""
    raise NotListeningError("nowhere")


def program(kind: Kind) -> str:
    """Python source of a service of that kind."""
    escape = ", start_new_session=True" if kind.children_escape else ""
    return "\n".join(
        [
            "import signal, subprocess, sys, time",
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if kind.ignores_sigterm else "",
            f"for line in {kind.lines!r}: print(line, flush=True)",
            f"sys.exit({kind.exit_code})" if kind.exit_code is not None else "",
            f"for _ in range({kind.children}):",
            f"    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']{escape})",
            "print('running', flush=True)",
            "time.sleep(600)",
        ]
    )


def _has(process: psutil.Process, wanted: Mapping[str, str]) -> bool:
    try:
        environ = process.environ()
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        is_watcher = "supervisor.supervisord" in process.cmdline()
    except psutil.Error:
        return False
    return not is_zombie and not is_watcher and all(environ.get(key) == value for key, value in wanted.items())
