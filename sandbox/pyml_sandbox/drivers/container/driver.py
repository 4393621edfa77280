"""The container driver: services are containers, and each model version has one image for both paths."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pyml.errors import SandboxError, SetupError, UsageError
from pyml.gateway.replica import Replica
from pyml.package.settings import MIB, ServingSettings, Settings
from pyml.probes import NotReadyError
from pyml_sandbox.drivers.container import container_checks, service_specs
from pyml_sandbox.drivers.container.compose.compose_program import find_compose
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, find_engine, gone_is_fine, translated
from pyml_sandbox.drivers.container.engine.inside_probe import InsideProbe
from pyml_sandbox.drivers.container.engine.lookup import containers_of, running
from pyml_sandbox.drivers.container.environments import ImageBuilder
from pyml_sandbox.drivers.container.images.base_image import BaseImage, ensure_base, find_base
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.container.model_spark import ModelSpark
from pyml_sandbox.drivers.container.service_runner import ContainerRunner
from pyml_sandbox.drivers.contract import DataLocation, OfflineTarget
from pyml_sandbox.models.batching import batching_of
from pyml_sandbox.models.load_time import start_timeout_s
from pyml_sandbox.models.routes import Routes, routes_text, save_routes
from pyml_sandbox.services import gateway_server, machine_check, metastore, spark
from pyml_sandbox.services.container_spec import Limits
from pyml_sandbox.services.inside_paths import METASTORE, SOCKETS, WAREHOUSE
from pyml_sandbox.services.model_server import model_endpoint, server_command, service_name, socket_name
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import OnEvent
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import SandboxState, name_option

if TYPE_CHECKING:
    from docker.models.containers import Container as RunningContainer

    from pyml_sandbox.models.environment import Environment
    from pyml_sandbox.models.version import ModelVersion


DATA_VOLUMES = (("warehouse", WAREHOUSE), ("metastore", METASTORE))


class ContainerDriver:
    """See `Driver`."""

    def __init__(self, home: SandboxHome, state: SandboxState, environ: Mapping[str, str]) -> None:
        self._home = home
        self._ports = state.ports
        self._is_recorded = state.stamp is not None
        self._choices = state.container
        self._access_log = state.access_log
        self._environ = environ

    @cached_property
    def engine(self) -> Engine:
        """The Docker engine in use.

        Raises:
            SetupError: no engine answers.
        """
        try:
            return find_engine(self._environ)
        except SetupError as error:
            if not self._is_recorded:
                raise
            hint = "start Docker; or use a different sandbox: pyml dev up --sandbox NAME --driver process"
            raise SetupError(error.message, hint) from error

    @cached_property
    def runner(self) -> ContainerRunner:
        """See `Driver.runner`."""
        return ContainerRunner(self._home, self.engine, find_compose(self.engine))

    @cached_property
    def builder(self) -> ImageBuilder:
        """See `Driver.builder`."""
        return ImageBuilder(self.engine, self._options)

    @property
    def checks(self) -> Mapping[str, machine_check.Check]:
        """See `Driver.checks`."""
        return container_checks.container_checks(lambda: self.engine, self._home)

    def prepare(self, on_event: OnEvent) -> None:
        """See `Driver.prepare`. Builds the base image if it does not exist."""
        self._base = ensure_base(self.engine, self._options, on_event)

    @cached_property
    def _base(self) -> BaseImage:
        found = find_base(self.engine, self._options)
        if found is None:
            raise SandboxError("The base image of this sandbox is gone.", f"pyml dev up{name_option(self._home)}")
        return found

    @property
    def _options(self) -> BuildOptions:
        return BuildOptions(self._choices.python_image)

    @cached_property
    def _settings(self) -> service_specs.ContainerSettings:
        socket, group = container_checks.socket_for_gateway(self.engine) if self._choices.docker_socket else (None, "0")
        return service_specs.ContainerSettings(
            project=self._home.project,
            ports=self._ports,
            cores=max(2, self.engine.facts.cpus),
            socket=socket,
            socket_group=group,
            idle_stop_s=self._choices.idle_stop_s,
            access_log=self._access_log,
        )

    # ---- services of every sandbox

    def services(self) -> Sequence[ServiceSpec]:
        """See `Driver.services`."""
        settings, base = self._settings, self._base.id
        return [
            service_specs.metastore_container(settings, base),
            service_specs.master_container(settings, base, self._master_probe),
            service_specs.sql_container(settings, base),
            service_specs.gateway_container(settings, base),
        ]

    def once_up(self) -> None:
        """See `Driver.once_up`. Nothing: an image has what its services need."""

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Driver.endpoints`. Includes the Sparks of model versions that run now."""
        ports = self._ports
        return [
            metastore.metastore_endpoint(ports.metastore),
            service_specs.master_endpoint(self._master_probe),
            spark.spark_endpoint(ports.spark),
            gateway_server.gateway_endpoint(ports),
            *self._model_spark.endpoints(),
        ]

    def connect_address(self) -> str:
        """See `Driver.connect_address`."""
        return f"{HOST}:{self._ports.spark}"

    @property
    def _master_probe(self) -> InsideProbe:
        command = service_specs.health("standalone", service_specs.MASTER_UI_PORT, service_specs.MASTER)
        return InsideProbe(self.engine, self._home.project, service_specs.MASTER, command)

    # ---- online

    def model_servers(self, version: ModelVersion, environment: Environment) -> Sequence[ServiceSpec]:
        """See `Driver.model_servers`. One for each replica in the model's pyml.toml."""
        serving = _serving(version)
        limits = Limits(
            memory_bytes=serving.memory_mb * MIB,
            cpus=min(serving.cpus, self.engine.facts.cpus),
            pids=service_specs.MODEL_PIDS,
        )
        return [
            service_specs.model_container(
                self._settings,
                endpoint,
                server_command(environment, version, SOCKETS, socket_name(version.name, version.version, replica)),
                str(environment.image),
                limits,
                environment.note,
                start_timeout_s(version.load_s),
            )
            for replica, endpoint in enumerate(self.model_endpoints(version))
        ]

    def model_endpoints(self, version: ModelVersion) -> Sequence[Endpoint]:
        """See `Driver.model_endpoints`."""
        name, digits = version.name, version.version
        return [
            model_endpoint(f"unix:{SOCKETS}/{socket_name(name, digits, each)}", name, digits, self._ports.gateway, each)
            for each in range(_serving(version).replicas)
        ]

    def publish(self, routes: Routes) -> None:
        """See `Driver.publish`. The gateway reads a copy in its own volume."""
        batching = partial(batching_of, self._home, ContainerRunner.name)
        text = routes_text(routes, self._replicas, batching, on_request=self._choices.docker_socket)
        save_routes(self._home, text)
        for container in self._containers(f"{labels.SERVICE}={gateway_server.NAME}"):
            with translated("write the gateway's routes"):
                container.put_archive(service_specs.ROUTES, _archive("routes.json", text))

    def _replicas(self, model: str, version: str) -> Sequence[Replica]:
        """The replicas of a version; one if its upload is gone or damaged, so that requests learn that it is down."""
        from pyml_sandbox.models.registry import find_version

        try:
            replicas = _serving(find_version(self._home, f"{model}@{version}")).replicas
        except (UsageError, SetupError):
            replicas = 1
        return [
            Replica(f"{SOCKETS}/{socket_name(model, version, each)}", service_name(model, version, each))
            for each in range(replicas)
        ]

    # ---- offline

    def offline(self, version: ModelVersion, environment: Environment, on_event: OnEvent) -> OfflineTarget:
        """See `Driver.offline`. A Connect server and workers in the version's image, started by its first job."""
        return self._model_spark.target(version, environment, on_event)

    @property
    def _model_spark(self) -> ModelSpark:
        return ModelSpark(self._home, self.engine, self.runner, self._settings, self._choices.workers)

    def image_of(self, host: str) -> str | None:
        """See `Driver.image_of`. The host name of a container is the beginning of its id."""
        found = [container for container in self._containers() if str(container.id).startswith(host)]
        return str(found[0].attrs["Image"]) if len(found) == 1 else None

    def online_images(self, version: ModelVersion) -> Sequence[str]:
        """See `Driver.online_images`."""
        names = {endpoint.name for endpoint in self.model_endpoints(version)}
        own = [container for container in self._containers() if container.labels[labels.SERVICE] in names]
        return sorted({str(container.attrs["Image"]) for container in own})

    def _containers(self, *wanted: str) -> list[RunningContainer]:
        return containers_of(self.engine, self._home.project, *wanted)

    # ---- data

    @property
    def data_description(self) -> str:
        """See `Driver.data_description`."""
        return f"the volumes {self._home.project}_*"

    def data(self) -> DataLocation:
        """See `Driver.data`."""
        return DataLocation(self.data_description, self._measured_inside() or self._measured_by_the_engine())

    def _measured_inside(self) -> int | None:
        """Size of the data in bytes, measured in the metastore, which has both volumes; None if it does not run."""
        try:
            container = running(self.engine, self._home.project, metastore.NAME)
        except NotReadyError:
            return None
        with translated("measure volumes"):
            code, output = container.exec_run(["du", "-sbc", *(path for _, path in DATA_VOLUMES)])
        return int(output.split()[-2]) if code == 0 and isinstance(output, bytes) else None

    def _measured_by_the_engine(self) -> int:
        """Size of the data in bytes, measured by the engine; slow, since it measures all its images and volumes."""
        with translated("measure volumes"):
            volumes = self.engine.client.df().get("Volumes") or ()
        names = {f"{self._home.project}_{name}" for name, _ in DATA_VOLUMES}
        return sum(int((each.get("UsageData") or {}).get("Size") or 0) for each in volumes if each["Name"] in names)

    def delete_data(self) -> None:
        """See `Driver.delete_data`."""
        with translated("remove volumes"):
            for volume in self.engine.client.volumes.list(filters={"label": f"{labels.SANDBOX}={self._home.project}"}):
                with gone_is_fine():
                    volume.remove(force=True)


def _serving(version: ModelVersion) -> ServingSettings:
    return Settings.load(version.package).serving


def _archive(name: str, text: str) -> bytes:
    """A tar archive with one file, owned by the user of all containers."""
    content, archive = text.encode(), io.BytesIO()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.uid, entry.gid, entry.mode = len(content), time.time(), 1000, 1000, 0o644
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
