"""What this machine must have. `up` runs these very checks before it starts anything; `pyml dev doctor` prints them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.filesize import decimal

from pyml.errors import SandboxError, SetupError
from pyml_sandbox.drivers.process.java import find_java
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace import ports as port_rules
from pyml_sandbox.workspace.events import JSON
from pyml_sandbox.workspace.home import SandboxHome, check_socket_path
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import DataStamp, name_option

MEMORY_NEEDED_BYTES = 1_500_000_000  # metastore 0.25, Spark 0.6 to 1, gateway and a model server 0.1 each
DISK_NEEDED_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Situation:
    """What the checks look at.

    Attributes:
        home: the sandbox's folders.
        ports: the ports it has or would get.
        running: services that run already: they hold their ports rightly, and their memory is spent.
        stamp: the versions that wrote the data; None while there is none.
        environ: environment variables.
        data: where tables and the metastore's database lie, in words.
    """

    home: SandboxHome
    ports: Ports
    running: Collection[str]
    stamp: DataStamp | None
    environ: Mapping[str, str]
    data: str = ""


class Verdict(StrEnum):
    """Outcome of one check."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: its name.
        verdict: whether the sandbox can start as far as this check goes.
        detail: what was found, or what is wrong.
        hint: what mends it.
    """

    check: str
    verdict: Verdict
    detail: str
    hint: str = ""

    @property
    def json(self) -> dict[str, JSON]:
        """The finding as a JSON object."""
        return {"check": self.check, "verdict": str(self.verdict), "detail": self.detail, "hint": self.hint}


Check = Callable[[Situation], str]


def check_java(situation: Situation) -> str:
    """Java 17 or newer can be found."""
    java = find_java(situation.home, situation.environ)
    return f"Java {java.version}, from {java.source}"


def check_spark(situation: Situation) -> str:
    """PySpark with its jars is installed."""
    spark = SparkHome.find()
    return f"Spark {spark.version}, Hive {spark.stamp.hive}, Derby {spark.stamp.derby}"


def check_data(situation: Situation) -> str:
    """The data, where there is some, was written by versions that agree with those installed."""
    now = SparkHome.find().stamp
    if situation.stamp is None:
        return f"none yet, in {situation.data or situation.home.data}"
    if situation.stamp != now:
        raise SetupError(
            f"The data of this sandbox was written with {situation.stamp}; installed is {now}.",
            f"pyml dev reset{name_option(situation.home)}   (deletes it), or install what it was written with",
        )
    return f"kept in {situation.data or situation.home.data} ({now})"


def check_ports(situation: Situation) -> str:
    """Every port is free or held by this sandbox."""
    port_rules.check_distinct(situation.ports)
    held = {service for service in situation.ports.by_service if _holder_of_port(service) in situation.running}
    port_rules.check_free(situation.ports, held, port_rules.becomes_free)
    return ", ".join(f"{name} {port}" for name, port in situation.ports.by_service.items())


def check_sockets(situation: Situation) -> str:
    """The folder for Unix sockets has a path that is short enough."""
    check_socket_path(situation.home.runtime_dir)
    return str(situation.home.runtime_dir)


def check_memory(situation: Situation) -> str:
    """There is memory for what does not run yet."""
    import psutil

    available = psutil.virtual_memory().available
    if available < MEMORY_NEEDED_BYTES and "spark" not in situation.running:
        raise SetupError(
            f"{decimal(available)} of memory are available; the sandbox needs {decimal(MEMORY_NEEDED_BYTES)}.",
            "close other programs, or stop another sandbox: pyml dev down --sandbox NAME",
        )
    return f"{decimal(available)} available"


def check_disk(situation: Situation) -> str:
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


def examine(situation: Situation, checks: Mapping[str, Check] = PROCESS_CHECKS) -> Sequence[Finding]:
    """Run every check and report each."""
    return [_finding(name, check, situation) for name, check in checks.items()]


def preflight(situation: Situation, checks: Mapping[str, Check] = PROCESS_CHECKS) -> None:
    """Run every check.

    Raises:
        SetupError: of the first check that fails.
    """
    for check in checks.values():
        check(situation)


def _finding(name: str, check: Check, situation: Situation) -> Finding:
    try:
        return Finding(name, Verdict.OK, check(situation))
    except (SetupError, SandboxError) as error:
        return Finding(name, Verdict.FAILED, error.message, error.hint)


def _holder_of_port(port_name: str) -> str:
    """The service that listens on a port: the gateway has two."""
    return "gateway" if port_name == "rest" else port_name
