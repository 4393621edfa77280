"""Everything that depends on how services run, in one contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pyml_sandbox.services.runner_contract import ServiceRunner
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import OnEvent

if TYPE_CHECKING:
    from pyml_sandbox.models.environment import Environment, EnvironmentBuilder
    from pyml_sandbox.models.routes import Routes
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.services.machine_check import Check


@dataclass(frozen=True)
class OfflineTarget:
    """Where the offline jobs of one model version run.

    Attributes:
        connect: host:port of the Spark Connect server.
        environment: in which its Python workers run.
    """

    connect: str
    environment: Environment


@dataclass(frozen=True)
class DataLocation:
    """Where tables and the metastore's database lie.

    Attributes:
        words: for people: a folder, or the names of volumes.
        size_bytes: how big they are; 0 where there are none yet.
    """

    words: str
    size_bytes: int


class Driver(Protocol):
    """The parts of one sandbox under its driver."""

    @property
    def runner(self) -> ServiceRunner:
        """Runs the services."""

    @property
    def builder(self) -> EnvironmentBuilder:
        """Makes what model versions run in."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """What the machine must have, each by name; `up` and `doctor` run them."""

    def prepare(self, on_event: OnEvent) -> None:
        """Make what services need before they can be started, such as images. Blocks.

        Raises:
            SetupError: something could not be made.
        """

    def services(self) -> Sequence[ServiceSpec]:
        """The specs of the services that are always there: metastore, Spark, gateway."""

    def endpoints(self) -> Sequence[Endpoint]:
        """Where those answer."""

    def model_servers(self, version: ModelVersion, environment: Environment) -> Sequence[ServiceSpec]:
        """The specs of the servers of one version, one for each replica."""

    def model_endpoints(self, version: ModelVersion) -> Sequence[Endpoint]:
        """Where those answer."""

    def publish(self, routes: Routes) -> None:
        """Put routes in force: keep them, and let the gateway see them."""

    def offline(self, version: ModelVersion, environment: Environment, on_event: OnEvent) -> OfflineTarget:
        """Where offline jobs of a version run; started and ready when this returns. Blocks.

        Raises:
            SandboxError: the sandbox is not up.
            ServiceFailedError: a service did not become ready.
        """

    def image_of(self, host: str) -> str | None:
        """The image of the container that calls itself by a host name; None where it is none of this sandbox."""

    def online_images(self, version: ModelVersion) -> Sequence[str]:
        """The images of the containers that serve a version, each once; none where it is served by processes."""

    @property
    def data_words(self) -> str:
        """Where the data lies, for people; asks nobody."""

    def data(self) -> DataLocation:
        """Where the data lies, and how big it is."""

    def delete_data(self) -> None:
        """Delete tables and the metastore's database. Nothing may run."""

    def connect_address(self) -> str:
        """host:port of the Spark Connect server for SQL that runs no model."""
