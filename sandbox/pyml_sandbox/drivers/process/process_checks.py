"""The process driver's checks of this machine."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping

from rich.filesize import decimal

from pyml.error_code import ErrorCode
from pyml.errors import SetupError
from pyml_sandbox.drivers.process.java import find_java
from pyml_sandbox.services.machine_check import Check, MachineContext, check_data, check_ports, check_spark
from pyml_sandbox.workspace.home import check_socket_path

MEMORY_NEEDED_BYTES = 1_500_000_000  # metastore 0.25, Spark 0.6 to 1, gateway and a model server 0.1 each
DISK_NEEDED_BYTES = 1_000_000_000
UNFIT = re.compile(r"[\\\[\]{}*?;:\x00-\x1f\x7f\ud800-\udfff]")


def check_java(context: MachineContext) -> str:
    """Check that Java 17 or newer is installed."""
    java = find_java(context.home, context.environ)
    return f"Java {java.version}, from {java.source}"


def check_folder(context: MachineContext) -> str:
    """Check that Hive, Spark and Java can use the path of the sandbox's folder.

    Raises:
        SetupError: it has letters that are patterns of files to Hadoop, or separate paths for Derby and Java.
    """
    folder = str(context.home.folder)
    found = sorted(set(UNFIT.findall(folder)))
    if found:
        raise SetupError(
            f"Hive and Spark cannot use a folder with {' '.join(map(repr, found))} in its path: {folder}",
            "set PYML_HOME to a folder with a path of letters, digits, blanks and -_.",
        )
    return folder


def check_sockets(context: MachineContext) -> str:
    """Check that the path of the folder for Unix sockets is short enough."""
    check_socket_path(context.home.runtime_dir)
    return str(context.home.runtime_dir)


def check_memory(context: MachineContext) -> str:
    """Check that there is memory for the services that do not run yet.

    Raises:
        SetupError: there is too little.
    """
    import psutil

    available = psutil.virtual_memory().available
    if available < MEMORY_NEEDED_BYTES and "spark" not in context.running:
        raise SetupError(
            f"{decimal(available)} of memory is available; the sandbox needs {decimal(MEMORY_NEEDED_BYTES)}.",
            "close other programs, or stop another sandbox: pyml dev down --sandbox NAME",
        )
    return f"{decimal(available)} available"


def check_disk(context: MachineContext) -> str:
    """Check that there is disk space below the sandbox's folder, and that it can be written.

    Raises:
        SetupError: there is too little, or it cannot be written.
    """
    folder = next(parent for parent in (context.home.folder, *context.home.folder.parents) if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SetupError(
            f"{folder} cannot be written.",
            "make it writable for you, or set PYML_HOME to a folder of yours",
            ErrorCode.NOT_WRITABLE,
        )
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED_BYTES:
        raise SetupError(
            f"{decimal(free)} of disk space is free below {folder}; the sandbox needs {decimal(DISK_NEEDED_BYTES)}.",
            "free some disk space, or set PYML_HOME to a folder on another disk",
        )
    return f"{decimal(free)} free below {folder}"


PROCESS_CHECKS: Mapping[str, Check] = {
    "java": check_java,
    "spark": check_spark,
    "folder": check_folder,
    "data": check_data,
    "ports": check_ports,
    "sockets": check_sockets,
    "memory": check_memory,
    "disk": check_disk,
}
