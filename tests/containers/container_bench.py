"""The container driver's world, for the driver contract: real containers of a small image with Python."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from contract.benches import Kind, environment, never_ready, program
from pyml_sandbox.drivers.container.compose.compose_program import find_compose
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.service_runner import ContainerRunner
from pyml_sandbox.services.container_spec import Container
from pyml_sandbox.services.runner_contract import ServiceRunner
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from support.waiting import DEADLINE_S

INIT = 1
"""Processes of a container besides the service's own: the init that Docker puts before it."""


@dataclass
class ContainerScene:
    """Real containers of sandboxes below a temporary folder."""

    root: Path
    engine: Engine
    image: str

    def home(self, sandbox: str) -> SandboxHome:
        home = SandboxHome(self.root, sandbox)
        home.create()
        return home

    def runner(self, sandbox: str = "one") -> ServiceRunner:
        return ContainerRunner(self.home(sandbox), self.engine, find_compose(self.engine))

    def spec(self, kind: Kind) -> ServiceSpec:
        command = ("python3", "-c", program(kind).replace("sys.executable", "'python3'"))
        container = Container(self.image)
        endpoint = Endpoint(kind.name, "", never_ready)
        return ServiceSpec(endpoint, command, Path("/"), stop_timeout_s=1, container=container)

    def start_elsewhere(self, spec: ServiceSpec) -> None:
        code = (
            "import pickle, sys; from pyml_sandbox.drivers.container.service_runner import ContainerRunner; "
            "from pyml_sandbox.drivers.container.compose.compose_program import find_compose; "
            "from pyml_sandbox.drivers.container.engine.docker_engine import find_engine; "
            "home, spec = pickle.load(sys.stdin.buffer); engine = find_engine(); "
            "ContainerRunner(home, engine, find_compose(engine)).start(spec)"
        )
        job = pickle.dumps((self.home("one"), spec))
        subprocess.run([sys.executable, "-c", code], input=job, check=True, env=environment(), timeout=DEADLINE_S)

    def processes(self, sandbox: str = "one", name: str | None = None) -> int:
        wanted = [f"{labels.SANDBOX}={self.home(sandbox).project}", *([f"{labels.SERVICE}={name}"] if name else [])]
        found = self.engine.client.containers.list(filters={"label": wanted, "status": "running"})
        return sum(len(container.top()["Processes"]) - INIT for container in found)

    def kill(self, name: str) -> None:
        """Kill it behind the engine's back, as the kernel does when memory runs out."""
        (found,) = (service for service in self.runner().live() if service.name == name)
        assert found.pid is not None
        assert os.path.isdir(self.engine.facts.root), "the engine runs in a virtual machine: its pids are not ours"
        os.kill(found.pid, signal.SIGKILL)

    def pause(self, name: str) -> None:
        wanted = [f"{labels.SANDBOX}={self.home('one').project}", f"{labels.SERVICE}={name}"]
        (container,) = self.engine.client.containers.list(filters={"label": wanted})
        container.pause()
