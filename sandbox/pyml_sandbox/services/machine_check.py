"""Checks of this machine: their contract, and the checks that every driver makes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pyml.errors import SetupError
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace import ports as port_rules
from pyml_sandbox.workspace.events import JSON
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import DataStamp, name_option


@dataclass(frozen=True)
class MachineContext:
    """What the checks of this machine look at.

    Attributes:
        home: the sandbox's folders.
        ports: the ports that the sandbox has or would get.
        running: names of services that already run; the ports and the memory that they use are no fault.
        stamp: the versions that wrote the data; None while there is no data.
        environ: environment variables.
        data: where tables and the metastore's database are stored, for people.
    """

    home: SandboxHome
    ports: Ports
    running: Collection[str]
    stamp: DataStamp | None
    environ: Mapping[str, str]
    data: str = ""


class MachineVerdict(StrEnum):
    """Outcome of one check."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True)
class MachineFinding:
    """What one check found.

    Attributes:
        check: name of the check.
        verdict: whether this check lets the sandbox start.
        detail: what the check found.
        hint: command or edit that mends it; empty if nothing is wrong.
    """

    check: str
    verdict: MachineVerdict
    detail: str
    hint: str = ""

    @property
    def json(self) -> dict[str, JSON]:
        """The finding as a JSON object."""
        return {"check": self.check, "verdict": str(self.verdict), "detail": self.detail, "hint": self.hint}


Check = Callable[[MachineContext], str]


def check_spark(context: MachineContext) -> str:
    """Check that PySpark with its jars is installed."""
    spark = SparkHome.find()
    return f"Spark {spark.version}, Hive {spark.stamp.hive}, Derby {spark.stamp.derby}"


def check_data(context: MachineContext) -> str:
    """Check that the installed versions can use the existing data.

    Raises:
        SetupError: different versions wrote the data.
    """
    now = SparkHome.find().stamp
    if context.stamp is None:
        return f"none yet, in {context.data or context.home.data}"
    if context.stamp != now:
        raise SetupError(
            f"The data of this sandbox was written with {context.stamp}; installed: {now}.",
            f"pyml dev reset{name_option(context.home)}   (deletes the data), or install the versions that wrote it",
        )
    return f"kept in {context.data or context.home.data} ({now})"


def check_ports(context: MachineContext) -> str:
    """Check that every port is free or held by this sandbox."""
    port_rules.check_distinct(context.ports)
    held = {service for service in context.ports.by_service if _holder_of_port(service) in context.running}
    port_rules.check_free(context.ports, held, port_rules.becomes_free, name_option(context.home))
    return ", ".join(f"{name} {port}" for name, port in context.ports.by_service.items())


def _holder_of_port(port_name: str) -> str:
    """The service that listens on a port: the gateway has two."""
    return "gateway" if port_name == "rest" else port_name
