"""The container driver's checks of this machine, and the engine's socket for the gateway."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.filesize import decimal

from pyml.errors import SetupError
from pyml_sandbox.drivers.container.compose.compose_program import find_compose
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.published_ports import check_ports
from pyml_sandbox.drivers.container.service_specs import ENGINE_SOCKET
from pyml_sandbox.services import machine_check
from pyml_sandbox.workspace.home import SandboxHome

OLDEST_API = (1, 41)
MEMORY_NEEDED_BYTES = (
    3_000_000_000  # metastore 0.25, master 0.2, two Spark drivers 0.5 each, a worker with executor 0.8
)
DISK_NEEDED_BYTES = 3_000_000_000


def container_checks(engine: Callable[[], Engine], home: SandboxHome) -> Mapping[str, machine_check.Check]:
    """The checks by name. Each of them asks for the engine, so that a missing engine is a finding.

    Args:
        engine: gives the engine, or raises.
        home: the sandbox.
    """
    return {
        "engine": lambda _: check_engine(engine()),
        "compose": lambda _: check_compose(engine()),
        "spark": machine_check.check_spark,
        "data": machine_check.check_data,
        "ports": lambda context: check_ports(engine(), context),
        "memory": lambda context: check_memory(engine(), context),
        "disk": lambda _: check_disk(engine(), home),
    }


def check_engine(engine: Engine) -> str:
    """Check that the engine is new enough.

    Raises:
        SetupError: it is too old.
    """
    facts = engine.facts
    where = f"at {engine.endpoint}{', rootless' if facts.is_rootless else ''}"
    if tuple(int(part) for part in facts.api_version.split(".")) < OLDEST_API:
        oldest = ".".join(map(str, OLDEST_API))
        raise SetupError(
            f"{facts.name} {facts.version} {where} has API {facts.api_version}; expected {oldest} or newer.",
            "update Docker, or   pyml dev up --driver process",
        )
    return f"{facts.name} {facts.version}, API {facts.api_version}, {facts.architecture}, {where}"


def check_compose(engine: Engine) -> str:
    """Check that Compose v2 is installed."""
    compose = find_compose(engine)
    return f"Compose {compose.version}, {' '.join(compose.program)}"


def check_memory(engine: Engine, context: machine_check.MachineContext) -> str:
    """Check that the engine's machine has enough memory.

    Raises:
        SetupError: it has too little.
    """
    memory = engine.facts.memory_bytes
    if memory < MEMORY_NEEDED_BYTES and not context.running:
        raise SetupError(
            f"The engine has {decimal(memory)} of memory; the sandbox needs {decimal(MEMORY_NEEDED_BYTES)}.",
            "give Docker more memory, or   pyml dev up --driver process",
        )
    return f"{decimal(memory)} in all, {engine.facts.cpus} cores"


def check_disk(engine: Engine, home: SandboxHome) -> str:
    """Check that there is disk space for images and volumes, if the engine's folder is on this machine.

    Raises:
        SetupError: there is too little.
    """
    root = Path(engine.facts.root)
    folder = (
        root if os.path.isdir(root) else next(each for each in (home.folder, *home.folder.parents) if each.exists())
    )
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED_BYTES:
        raise SetupError(
            f"{decimal(free)} of disk space is free below {folder}; the sandbox needs {decimal(DISK_NEEDED_BYTES)}.",
            "free some disk space: pyml image prune, docker system prune",
        )
    return f"{decimal(free)} free below {folder}" + (
        "" if os.path.isdir(root) else " (the engine's own disk is elsewhere)"
    )


def socket_for_gateway(engine: Engine) -> tuple[str, str]:
    """The engine's socket as a path on the engine's machine, and the id of the group that may use it.

    If the engine runs in a virtual machine, its socket has a different path there, and belongs to root.
    """
    here = engine.socket
    if here is not None and os.path.isdir(engine.facts.root):
        group = "0" if engine.facts.is_rootless else str(here.stat().st_gid)
        return str(here), group
    return ENGINE_SOCKET, "0"
