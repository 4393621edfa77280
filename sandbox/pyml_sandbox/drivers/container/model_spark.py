"""The Sparks of model versions: each has a Connect server and workers in its own image, started by its first job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml.probes import NotReadyError
from pyml_sandbox.drivers.container import service_specs, warm_sparks
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.inside_probe import ConnectProbe, InsideProbe
from pyml_sandbox.drivers.container.engine.lookup import containers_of, published_port
from pyml_sandbox.drivers.contract import OfflineTarget
from pyml_sandbox.rollout.apply import apply_plan
from pyml_sandbox.rollout.paused import resume_paused
from pyml_sandbox.rollout.plan import plan_up
from pyml_sandbox.rollout.unready import stop_unready
from pyml_sandbox.services.inside_paths import INSIDE
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner, ServiceState
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import OnEvent
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import locked, name_option

if TYPE_CHECKING:
    from pyml_sandbox.models.environment import Environment
    from pyml_sandbox.models.version import ModelVersion

IDLE_TIMEOUT_S = 10


@dataclass(frozen=True)
class ModelSpark:
    """Starts and finds the Sparks of one sandbox's model versions.

    Attributes:
        home: the sandbox.
        engine: runs its containers.
        runner: starts and stops services.
        settings: the common settings of its containers.
        workers: number of workers of each version.
    """

    home: SandboxHome
    engine: Engine
    runner: ServiceRunner
    settings: service_specs.ContainerSettings
    workers: int

    def target(self, version: ModelVersion, environment: Environment, on_event: OnEvent) -> OfflineTarget:
        """The Spark for jobs of a version; see `Driver.offline`.

        Args:
            version: predicts the rows.
            environment: the image of the version.
            on_event: called for each change of a service.

        Raises:
            SandboxError: the sandbox is not up.
            ServiceFailedError: a service did not become ready.
        """
        specs = self._specs(version, str(environment.image))
        names = [spec.name for spec in specs]
        with locked(self.home, f"an offline job of {version.model_id}"):
            live = resume_paused(self.runner.live(), self.runner, on_event)
            if not _runs(service_specs.MASTER, live):
                raise SandboxError("The sandbox is not up.", f"pyml dev up{name_option(self.home)}")
            own = [service for service in live if service.name in names]
            self._remove_stopped([service for service in live if service.name not in names])
            self._stop_idle(version.name, names)
            if stop_unready([spec.endpoint for spec in specs], own, self.runner, on_event):
                own = [service for service in self.runner.live() if service.name in names]
            apply_plan(plan_up(specs, own), self.runner, own, on_event)
        port = published_port(self.engine, self.home.project, names[-1], INSIDE.spark)
        return OfflineTarget(f"{HOST}:{port}", environment, specs[-1].endpoint.probe)

    def endpoints(self) -> list[Endpoint]:
        """The endpoints of all parts that should run; a part that was stopped because it was idle is left out."""
        live = [service for service in self.runner.live() if service.is_job_scoped]
        return [self._endpoint(service.name) for service in live if service.state is not ServiceState.STOPPED]

    def _specs(self, version: ModelVersion, image: str) -> list[ServiceSpec]:
        """The workers, and last the Connect server."""
        stem, model = f"{version.name}-{version.version}", version.name
        connect = f"spark-{stem}"
        workers = [f"worker-{stem}-{number + 1}" for number in range(self.workers)]
        return [
            *(
                service_specs.worker_container(self.settings, name, connect, model, image, self._worker_probe(name))
                for name in workers
            ),
            service_specs.connect_container(
                self.settings,
                connect,
                model,
                image,
                self._connect_probe(connect),
                is_imported=version.pinned is not None,
            ),
        ]

    def _endpoint(self, name: str) -> Endpoint:
        if name.startswith("worker-"):
            return Endpoint(name, service_specs.MASTER, self._worker_probe(name))
        return Endpoint(name, "driver of its jobs", self._connect_probe(name))

    def _worker_probe(self, name: str) -> InsideProbe:
        command = service_specs.health("standalone", service_specs.WORKER_UI_PORT)
        return InsideProbe(self.engine, self.home.project, name, command)

    def _connect_probe(self, name: str) -> ConnectProbe:
        asks_master = service_specs.driver_health()
        return ConnectProbe(self.engine, self.home.project, name, INSIDE.spark, asks_master)

    # ---- memory for one more

    def _remove_stopped(self, live: Sequence[LiveService]) -> None:
        """Remove the stopped parts of other versions; their logs are kept."""
        for service in live:
            if service.is_job_scoped and service.state is ServiceState.STOPPED:
                self.runner.stop(service.name)

    def _stop_idle(self, model: str, names: Sequence[str]) -> None:
        """Stop idle Sparks of other versions that need not stay warm; see `warm_sparks`."""
        others = [each for each in self._warm() if each.connect not in names]
        for spark in warm_sparks.to_stop(model, others):
            if self._is_idle(spark.connect):
                for name in (spark.connect, *spark.workers):
                    self.runner.stop(name)

    def _warm(self) -> list[warm_sparks.WarmSpark]:
        found = containers_of(self.engine, self.home.project, labels.JOB_SCOPED)
        running = [container for container in found if container.status == "running"]
        workers = [each for each in running if labels.IDLE_WITH in each.labels]
        return [
            warm_sparks.WarmSpark(
                connect=(name := connect.labels[labels.SERVICE]),
                workers=tuple(w.labels[labels.SERVICE] for w in workers if w.labels[labels.IDLE_WITH] == name),
                model=connect.labels.get(labels.MODEL, ""),
                started_at=str(connect.attrs["State"]["StartedAt"]),
            )
            for connect in running
            if labels.SPARK_UI in connect.labels
        ]

    def _is_idle(self, connect: str) -> bool:
        command = service_specs.health("spark-idle", service_specs.DRIVER_UI_PORT)
        try:
            InsideProbe(self.engine, self.home.project, connect, command)(IDLE_TIMEOUT_S)
        except NotReadyError:
            return False
        return True


def _runs(name: str, live: Sequence[LiveService]) -> bool:
    return any(service.name == name and service.state is ServiceState.RUNNING for service in live)
