"""The stack as containers of a Docker engine: one image for both paths of each model version."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml.gateway.replica import Replica
from pyml.probes import NotReadyError
from pyml.settings import ServingSettings, Settings
from pyml_sandbox import doctor
from pyml_sandbox.containers import checks, labels, services, warm
from pyml_sandbox.containers.compose import find_compose
from pyml_sandbox.containers.container import Limits
from pyml_sandbox.containers.engine import Engine, find_engine, translated
from pyml_sandbox.containers.paths import SOCKETS
from pyml_sandbox.containers.probe import ConnectProbe, InsideProbe, published_port
from pyml_sandbox.drivers.base import LiveService, ServiceState
from pyml_sandbox.drivers.container import ContainerDriver
from pyml_sandbox.events import OnEvent
from pyml_sandbox.execution import carry_out
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.images.base import BaseImage, ensure_base, find_base
from pyml_sandbox.images.options import BuildOptions
from pyml_sandbox.plan import plan_up
from pyml_sandbox.ports import HOST
from pyml_sandbox.routes import Routes, routes_text, save_routes
from pyml_sandbox.service import Endpoint, ServiceSpec
from pyml_sandbox.services import gateway, metastore, spark
from pyml_sandbox.services.model_server import model_endpoint, server_command, service_name, socket_name
from pyml_sandbox.stacks.base import DataPlace, OfflinePlace
from pyml_sandbox.state import SandboxState, locked, name_option
from pyml_sandbox.workshops.image import ImageWorkshop

if TYPE_CHECKING:
    from docker.models.containers import Container as RunningContainer

    from pyml_sandbox.registry import ModelVersion
    from pyml_sandbox.workshops.base import Environment

MIB = 1024 * 1024
IDLE_TIMEOUT_S = 10
DATA_VOLUMES = ("warehouse", "metastore")


class ContainerStack:
    """See `Stack`."""

    def __init__(self, home: SandboxHome, state: SandboxState, environ: Mapping[str, str]) -> None:
        self._home = home
        self._ports = state.ports
        self._choices = state.container
        self._environ = environ

    @cached_property
    def engine(self) -> Engine:
        """The engine in use.

        Raises:
            SetupError: none answers.
        """
        return find_engine(self._environ)

    @cached_property
    def driver(self) -> ContainerDriver:
        """See `Stack.driver`."""
        return ContainerDriver(self._home, self.engine, find_compose(self.engine))

    @cached_property
    def workshop(self) -> ImageWorkshop:
        """See `Stack.workshop`."""
        return ImageWorkshop(self.engine, self._options)

    @property
    def checks(self) -> Mapping[str, doctor.Check]:
        """See `Stack.checks`."""
        return checks.container_checks(lambda: self.engine, self._home)

    def prepare(self, on_event: OnEvent) -> None:
        """See `Stack.prepare`. Builds the base image, where it is not there yet."""
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
    def _settings(self) -> services.Settings:
        socket, group = checks.socket_for_gateway(self.engine) if self._choices.docker_socket else (None, "0")
        return services.Settings(
            project=self._home.project,
            ports=self._ports,
            cores=max(2, self.engine.facts.cpus),
            socket=socket,
            socket_group=group,
            idle_stop_s=self._choices.idle_stop_s,
        )

    # ---- what is always there

    def services(self) -> Sequence[ServiceSpec]:
        """See `Stack.services`."""
        settings, base = self._settings, self._base.id
        return [
            services.metastore_container(settings, base),
            services.master_container(settings, base, self._master_probe),
            services.sql_container(settings, base),
            services.gateway_container(settings, base),
        ]

    def endpoints(self) -> Sequence[Endpoint]:
        """See `Stack.endpoints`; the Spark of model versions among them while it runs."""
        ports = self._ports
        return [
            metastore.metastore_endpoint(ports.metastore),
            services.master_endpoint(self._master_probe),
            spark.spark_endpoint(ports.spark),
            gateway.gateway_endpoint(ports),
            *(self._on_demand_endpoint(live.name) for live in self.driver.live() if _is_warm(live)),
        ]

    def connect_address(self) -> str:
        """See `Stack.connect_address`."""
        return f"{HOST}:{self._ports.spark}"

    @property
    def _master_probe(self) -> InsideProbe:
        command = services.health("standalone", services.MASTER_UI_PORT, services.MASTER)
        return InsideProbe(self.engine, self._home.project, services.MASTER, command)

    def _worker_probe(self, name: str) -> InsideProbe:
        command = services.health("standalone", services.WORKER_UI_PORT)
        return InsideProbe(self.engine, self._home.project, name, command)

    def _connect_probe(self, name: str) -> ConnectProbe:
        return ConnectProbe(self.engine, self._home.project, name, services.INSIDE.spark)

    def _on_demand_endpoint(self, name: str) -> Endpoint:
        if name.startswith("worker-"):
            return Endpoint(name, services.MASTER, self._worker_probe(name))
        return Endpoint(name, "driver of its jobs", self._connect_probe(name))

    # ---- online

    def model_servers(self, version: ModelVersion, environment: Environment) -> Sequence[ServiceSpec]:
        """See `Stack.model_servers`. As many as pyml.toml asks for."""
        serving = _serving(version)
        limits = Limits(
            memory_bytes=serving.memory_mb * MIB,
            cpus=min(serving.cpus, self.engine.facts.cpus),
            pids=services.MODEL_PIDS,
        )
        return [
            services.model_container(
                self._settings,
                endpoint,
                server_command(environment, version, SOCKETS, socket_name(version.name, version.version, replica)),
                str(environment.image),
                limits,
                environment.note,
            )
            for replica, endpoint in enumerate(self.model_endpoints(version))
        ]

    def model_endpoints(self, version: ModelVersion) -> Sequence[Endpoint]:
        """See `Stack.model_endpoints`."""
        name, digits = version.name, version.version
        return [
            model_endpoint(f"unix:{SOCKETS}/{socket_name(name, digits, each)}", name, digits, self._ports.gateway, each)
            for each in range(_serving(version).replicas)
        ]

    def publish(self, routes: Routes) -> None:
        """See `Stack.publish`. The gateway reads a copy, in a volume of its own."""
        save_routes(self._home, routes)
        text = routes_text(routes, self._replicas, on_request=self._choices.docker_socket)
        for container in self._containers(f"{labels.SERVICE}={gateway.NAME}"):
            with translated("tell the gateway its routes"):
                container.put_archive(services.ROUTES, _archive("routes.json", text))

    def _replicas(self, model: str, version: str) -> Sequence[Replica]:
        from pyml_sandbox.registry import find_version

        serving = _serving(find_version(self._home, f"{model}@{version}"))
        return [
            Replica(f"{SOCKETS}/{socket_name(model, version, each)}", service_name(model, version, each))
            for each in range(serving.replicas)
        ]

    # ---- offline

    def offline(self, version: ModelVersion, environment: Environment, on_event: OnEvent) -> OfflinePlace:
        """See `Stack.offline`. A Connect server and workers in the version's own image, started on first use."""
        specs = self._offline_services(version, str(environment.image))
        names = [spec.name for spec in specs]
        with locked(self._home, f"an offline job of {version.model_id}"):
            live = self.driver.live()
            if not _runs(services.MASTER, live):
                raise SandboxError("The sandbox is not up.", f"pyml dev up{name_option(self._home)}")
            own = [service for service in live if service.name in names]
            self._make_room(version.name, names)
            carry_out(plan_up(specs, own), self.driver, own, on_event)
        port = published_port(self.engine, self._home.project, names[-1], services.INSIDE.spark)
        return OfflinePlace(f"{HOST}:{port}", environment)

    def _offline_services(self, version: ModelVersion, image: str) -> Sequence[ServiceSpec]:
        stem = f"{version.name}-{version.version}"
        connect = f"spark-{stem}"
        workers = [f"worker-{stem}-{number + 1}" for number in range(self._choices.workers)]
        return [
            *(
                services.worker_container(self._settings, name, connect, version.name, image, self._worker_probe(name))
                for name in workers
            ),
            services.connect_container(self._settings, connect, version.name, image, self._connect_probe(connect)),
        ]

    def _make_room(self, model: str, names: Sequence[str]) -> None:
        """Stop the Sparks of other versions that need not stay warm and have no work; see `warm`."""
        others = [each for each in self._warm_sparks() if each.connect not in names]
        for warm_spark in warm.to_stop(model, others):
            if self._is_idle(warm_spark.connect):
                for name in (warm_spark.connect, *warm_spark.workers):
                    self.driver.stop(name)

    def _warm_sparks(self) -> list[warm.WarmSpark]:
        running = [each for each in self._containers(labels.ON_DEMAND) if each.status == "running"]
        workers = [each for each in running if labels.IDLE_WITH in each.labels]
        return [
            warm.WarmSpark(
                connect=(name := connect.labels[labels.SERVICE]),
                workers=tuple(w.labels[labels.SERVICE] for w in workers if w.labels[labels.IDLE_WITH] == name),
                model=connect.labels.get(labels.MODEL, ""),
                started_at=str(connect.attrs["State"]["StartedAt"]),
            )
            for connect in running
            if labels.SPARK_UI in connect.labels
        ]

    def _is_idle(self, connect: str) -> bool:
        command = services.health("spark-idle", services.DRIVER_UI_PORT)
        try:
            InsideProbe(self.engine, self._home.project, connect, command)(IDLE_TIMEOUT_S)
        except NotReadyError:
            return False
        return True

    def image_of(self, host: str) -> str | None:
        """See `Stack.image_of`. A container's host name is the beginning of its id."""
        found = [container for container in self._containers() if str(container.id).startswith(host)]
        return str(found[0].attrs["Image"]) if len(found) == 1 else None

    def online_images(self, version: ModelVersion) -> Sequence[str]:
        """See `Stack.online_images`."""
        names = {endpoint.name for endpoint in self.model_endpoints(version)}
        own = [container for container in self._containers() if container.labels[labels.SERVICE] in names]
        return sorted({str(container.attrs["Image"]) for container in own})

    def _containers(self, *wanted: str) -> list[RunningContainer]:
        """The containers of this sandbox; of those, the ones with further labels."""
        with translated("list containers"):
            label = [f"{labels.SANDBOX}={self._home.project}", *wanted]
            return self.engine.client.containers.list(all=True, filters={"label": label}, ignore_removed=True)

    # ---- data

    @property
    def data_words(self) -> str:
        """See `Stack.data_words`."""
        return f"the volumes {self._home.project}_*"

    def data(self) -> DataPlace:
        """See `Stack.data`."""
        with translated("measure volumes"):
            volumes = self.engine.client.df().get("Volumes") or ()
        names = {f"{self._home.project}_{name}" for name in DATA_VOLUMES}
        sizes = [int((each.get("UsageData") or {}).get("Size") or 0) for each in volumes if each["Name"] in names]
        return DataPlace(self.data_words, sum(sizes))

    def delete_data(self) -> None:
        """See `Stack.delete_data`."""
        with translated("remove volumes"):
            for volume in self.engine.client.volumes.list(filters={"label": f"{labels.SANDBOX}={self._home.project}"}):
                volume.remove(force=True)


def _serving(version: ModelVersion) -> ServingSettings:
    return Settings.load(version.package).serving


def _is_warm(live: LiveService) -> bool:
    """The Spark of a model version while it is meant to run: one that was stopped for want of work is no fault."""
    return live.is_on_demand and live.state is not ServiceState.STOPPED


def _runs(name: str, live: Sequence[LiveService]) -> bool:
    return any(service.name == name and service.state is ServiceState.RUNNING for service in live)


def _archive(name: str, text: str) -> bytes:
    """A tar archive with one file, of the user that everything runs as."""
    content, archive = text.encode(), io.BytesIO()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.uid, entry.gid, entry.mode = len(content), time.time(), 1000, 1000, 0o644
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
