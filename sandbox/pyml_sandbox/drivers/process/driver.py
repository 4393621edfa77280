"""The process driver: services are plain processes of this user."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pyml.gateway.replica import Replica
from pyml_sandbox.drivers.contract import DataLocation, OfflineTarget
from pyml_sandbox.drivers.process import process_checks
from pyml_sandbox.drivers.process.archives.archive_making import JavaServices, start_making
from pyml_sandbox.drivers.process.environments import VirtualenvBuilder
from pyml_sandbox.drivers.process.service_runner import ProcessRunner
from pyml_sandbox.drivers.process.service_specs import (
    gateway_spec,
    mark_scratch,
    metastore_spec,
    model_server_spec,
    socket_path,
    spark_spec,
)
from pyml_sandbox.services import machine_check
from pyml_sandbox.services.gateway_server import gateway_endpoint
from pyml_sandbox.services.metastore import metastore_endpoint
from pyml_sandbox.services.model_server import model_endpoint, service_name
from pyml_sandbox.services.spark import spark_endpoint
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import OnEvent
from pyml_sandbox.workspace.files import size_bytes
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import SandboxState

if TYPE_CHECKING:
    from pyml_sandbox.models.environment import Environment
    from pyml_sandbox.models.routes import Routes
    from pyml_sandbox.models.version import ModelVersion


class ProcessDriver:
    """See `Driver`."""

    def __init__(self, home: SandboxHome, state: SandboxState, environ: Mapping[str, str]) -> None:
        self._home = home
        self._ports = state.ports
        self._access_log = state.access_log
        self._environ = environ

    @cached_property
    def runner(self) -> ProcessRunner:
        """See `Driver.runner`."""
        return ProcessRunner(self._home, self._environ)

    @cached_property
    def builder(self) -> VirtualenvBuilder:
        """See `Driver.builder`."""
        return VirtualenvBuilder(self._home)

    @property
    def checks(self) -> Mapping[str, machine_check.Check]:
        """See `Driver.checks`."""
        return process_checks.PROCESS_CHECKS

    def prepare(self, on_event: OnEvent) -> None:
        """See `Driver.prepare`. Marks the folder for temporary files."""
        mark_scratch(self._home)

    def services(self) -> Sequence[ServiceSpec]:
        """See `Driver.services`."""
        found, home = self._java_services, self._home
        spark_home, java = found.spark_home, found.java
        return [
            metastore_spec(home, spark_home, java, found.loopback, self._ports.metastore, found.metastore.options),
            spark_spec(home, spark_home, java, self._ports, found.spark.options),
            gateway_spec(self._home, self._ports, access_log=self._access_log),
        ]

    def once_up(self) -> None:
        """See `Driver.once_up`. Makes archives of classes, with which the next start of Java is faster."""
        start_making(self._home, self._java_services, self._environ)

    @cached_property
    def _java_services(self) -> JavaServices:
        return JavaServices.find(self._home, self._environ)

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Driver.endpoints`."""
        ports = self._ports
        return [metastore_endpoint(ports.metastore), spark_endpoint(ports.spark), gateway_endpoint(ports)]

    def model_servers(self, version: ModelVersion, environment: Environment) -> Sequence[ServiceSpec]:
        """See `Driver.model_servers`. Always one server: more of them would share the same cores."""
        return [model_server_spec(self._home, version, environment, self._ports.gateway)]

    def model_endpoints(self, version: ModelVersion) -> Sequence[Endpoint]:
        """See `Driver.model_endpoints`."""
        address = f"unix:{socket_path(self._home, version.name, version.version)}"
        return [model_endpoint(address, version.name, version.version, self._ports.gateway)]

    def publish(self, routes: Routes) -> None:
        """See `Driver.publish`. The gateway reads the file itself."""
        from pyml_sandbox.models.batching import batching_of
        from pyml_sandbox.models.routes import routes_text, save_routes

        batching = partial(batching_of, self._home, ProcessRunner.name)
        save_routes(self._home, routes_text(routes, self._replicas, batching))

    def _replicas(self, model: str, version: str) -> Sequence[Replica]:
        return [Replica(str(socket_path(self._home, model, version)), service_name(model, version))]

    def offline(self, version: ModelVersion, environment: Environment, on_event: OnEvent) -> OfflineTarget:
        """See `Driver.offline`. All versions share one Spark, in which each session has its own Python."""
        return OfflineTarget(self.connect_address(), environment, spark_endpoint(self._ports.spark).probe)

    def image_of(self, host: str) -> str | None:
        """See `Driver.image_of`."""
        return None

    def online_images(self, version: ModelVersion) -> Sequence[str]:
        """See `Driver.online_images`."""
        return ()

    @property
    def data_description(self) -> str:
        """See `Driver.data_description`."""
        return str(self._home.data)

    def data(self) -> DataLocation:
        """See `Driver.data`."""
        return DataLocation(self.data_description, size_bytes(self._home.data))

    def delete_data(self) -> None:
        """See `Driver.delete_data`."""
        shutil.rmtree(self._home.data, ignore_errors=True)

    def connect_address(self) -> str:
        """See `Driver.connect_address`."""
        return f"{HOST}:{self._ports.spark}"
