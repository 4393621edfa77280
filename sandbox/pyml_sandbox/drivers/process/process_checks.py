"""What a machine must have for the process driver."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from rich.filesize import decimal

from pyml.errors import SetupError
from pyml_sandbox.drivers.process.java import find_java
from pyml_sandbox.services.machine_check import Check, MachineContext, check_data, check_ports, check_spark
from pyml_sandbox.workspace.home import check_socket_path

MEMORY_NEEDED_BYTES = 1_500_000_000  # metastore 0.25, Spark 0.6 to 1, gateway and a model server 0.1 each


DISK_NEEDED_BYTES = 1_000_000_000


def check_java(situation: MachineContext) -> str:
    """Java 17 or newer can be found."""
    java = find_java(situation.home, situation.environ)
    return f"Java {java.version}, from {java.source}"


def check_sockets(situation: MachineContext) -> str:
    """The folder for Unix sockets has a path that is short enough."""
    check_socket_path(situation.home.runtime_dir)
    return str(situation.home.runtime_dir)


def check_memory(situation: MachineContext) -> str:
    """There is memory for what does not run yet."""
    import psutil

    available = psutil.virtual_memory().available
    if available < MEMORY_NEEDED_BYTES and "spark" not in situation.running:
        raise SetupError(
            f"{decimal(available)} of memory are available; the sandbox needs {decimal(MEMORY_NEEDED_BYTES)}.",
            "close other programs, or stop another sandbox: pyml dev down --sandbox NAME",
        )
    return f"{decimal(available)} available"


def check_disk(situation: MachineContext) -> str:
    """There is room below the sandbox's folder."""
    folder = next(parent for parent in (situation.home.folder, *situation.home.folder.parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED_BYTES:
        raise SetupError(
            f"{decimal(free)} are free below {folder}; the sandbox needs {decimal(DISK_NEEDED_BYTES)}.",
            "free some space, or set PYML_HOME to a folder on another disk",
        )
    return f"{decimal(free)} free below {folder}"


PROCESS_CHECKS: Mapping[str, Check] = {
    "java": check_java,
    "spark": check_spark,
    "data": check_data,
    "ports": check_ports,
    "sockets": check_sockets,
    "memory": check_memory,
    "disk": check_disk,
}
