"""The contract of a driver: everything that depends on how services run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pyml_sandbox.services.remote_spark import RemoteSpark
from pyml_sandbox.services.runner_contract import ServiceRunner
from pyml_sandbox.services.spec import Endpoint, Probe, ServiceSpec
from pyml_sandbox.workspace.events import OnEvent

if TYPE_CHECKING:
    from pyml_sandbox.models.environment import Environment, EnvironmentBuilder
    from pyml_sandbox.models.routes import Routes
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.services.machine_check import Check


@dataclass(frozen=True)
class OfflineTarget:
    """The Spark on which the offline jobs of one model version run.

    Attributes:
        connect: host:port of the Spark Connect server.
        environment: of its Python workers.
        probe: asks whether jobs can run there.
        remote: what a Spark outside the sandbox needs; None for the sandbox's own.
    """

    connect: str
    environment: Environment
    probe: Probe
    remote: RemoteSpark | None = None


@dataclass(frozen=True)
class DataLocation:
    """Where tables and the metastore's database are stored.

    Attributes:
        description: for people: a folder, or names of volumes.
        size_bytes: their size; 0 if there is no data yet.
    """

    description: str
    size_bytes: int


class Driver(Protocol):
    """The driver of one sandbox."""

    @property
    def runner(self) -> ServiceRunner:
        """The runner of its services."""

    @property
    def builder(self) -> EnvironmentBuilder:
        """The builder of its model versions' environments."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """The checks of this machine by name; `up` and `doctor` run them."""

    def prepare(self, on_event: OnEvent) -> None:
        """Make what services need before they can start, such as images. Blocks.

        Args:
            on_event: called with each step.

        Raises:
            SetupError: something that services need could not be made.
        """

    def services(self) -> Sequence[ServiceSpec]:
        """The specs of the services that every sandbox runs: metastore, Spark, gateway."""

    def once_up(self) -> None:
        """Begin, in the background, what makes later starts faster. Called once all services are ready."""

    def endpoints(self) -> Sequence[Endpoint]:
        """The endpoints of these services."""

    def model_servers(self, version: ModelVersion, environment: Environment) -> Sequence[ServiceSpec]:
        """The specs of the servers of one version, one for each replica."""

    def model_endpoints(self, version: ModelVersion) -> Sequence[Endpoint]:
        """The endpoints of the servers of one version, one for each replica."""

    def publish(self, routes: Routes) -> None:
        """Write the routes, and make the gateway read them."""

    def offline(self, version: ModelVersion, environment: Environment, on_event: OnEvent) -> OfflineTarget:
        """The Spark for offline jobs of a version, started if need be. Blocks until it is ready.

        Args:
            version: predicts the rows.
            environment: of the version.
            on_event: called for each change of a service.

        Raises:
            SandboxError: the sandbox is not up.
            ServiceFailedError: a service did not become ready.
        """

    def image_of(self, host: str) -> str | None:
        """The image id of the sandbox's container with a host name; None if there is no such container."""

    def online_images(self, version: ModelVersion) -> Sequence[str]:
        """The distinct image ids of the containers that serve a version; none if processes serve it."""

    @property
    def data_description(self) -> str:
        """Where the data is stored, for people. Asks no service and no engine."""

    def data(self) -> DataLocation:
        """Where the data is stored, and its size."""

    def delete_data(self) -> None:
        """Delete tables and the metastore's database. No service may run."""

    def connect_address(self) -> str:
        """host:port of the Spark Connect server for SQL, which runs no model."""
