"""What a check of this machine is, and those that every driver makes."""

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


class MachineVerdict(StrEnum):
    """Outcome of one check."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True)
class MachineFinding:
    """What one check found.

    Attributes:
        check: its name.
        verdict: whether the sandbox can start as far as this check goes.
        detail: what was found, or what is wrong.
        hint: what mends it.
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


def check_spark(situation: MachineContext) -> str:
    """PySpark with its jars is installed."""
    spark = SparkHome.find()
    return f"Spark {spark.version}, Hive {spark.stamp.hive}, Derby {spark.stamp.derby}"


def check_data(situation: MachineContext) -> str:
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


def check_ports(situation: MachineContext) -> str:
    """Every port is free or held by this sandbox."""
    port_rules.check_distinct(situation.ports)
    held = {service for service in situation.ports.by_service if _holder_of_port(service) in situation.running}
    port_rules.check_free(situation.ports, held, port_rules.becomes_free)
    return ", ".join(f"{name} {port}" for name, port in situation.ports.by_service.items())


def _holder_of_port(port_name: str) -> str:
    """The service that listens on a port: the gateway has two."""
    return "gateway" if port_name == "rest" else port_name
