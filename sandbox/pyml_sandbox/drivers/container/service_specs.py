"""The specs of services as containers: the same commands as for processes, with paths and addresses of containers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.models.load_time import START_TIMEOUT_S
from pyml_sandbox.services import gateway_server, metastore, model_server, spark
from pyml_sandbox.services.container_spec import Container, Limits
from pyml_sandbox.services.inside_paths import (
    ANYWHERE,
    BASE_PYTHON,
    INSIDE,
    JAVA_HOME,
    METASTORE,
    METASTORE_CLASSES,
    RESOURCE_SCRIPT,
    SOCKETS,
    SOCKETS_NAME,
    SPARK_CLASSES,
    SPARK_HOME,
    TMP,
    WAREHOUSE,
)
from pyml_sandbox.services.spec import Endpoint, Probe, ServiceSpec
from pyml_sandbox.workspace.ports import Ports

WORKING_DIRECTORY = Path("/")
ENGINE_SOCKET = "/var/run/docker.sock"
ROUTES = "/var/lib/pyml/routes"
"""Folder of the routes, which only the gateway sees: model servers can write to the volume of sockets."""
ROUTES_FILE = f"{ROUTES}/routes.json"

MASTER = spark.MASTER
MASTER_PORT, MASTER_UI_PORT, WORKER_UI_PORT, DRIVER_UI_PORT = 7077, 8080, 8081, 4040

WAREHOUSE_VOLUME = {"warehouse": WAREHOUSE}
METASTORE_VOLUME = {"metastore": METASTORE}
SOCKETS_VOLUME = {SOCKETS_NAME: SOCKETS}
ROUTES_VOLUME = {"routes": ROUTES}

MASTER_MEMORY = {
    "spark.deploy.recoveryMode": "FILESYSTEM",
    "spark.deploy.recoveryDirectory": f"{TMP}/recovery",
    "spark.deploy.recoveryTimeout": "15",
}
"""A master that was killed knows its drivers and workers again; without it, the driver of a model waits for ever.

https://spark.apache.org/docs/latest/spark-standalone.html#single-node-recovery-with-local-file-system
"""

EXECUTOR_MEMORY_MB = 1024
MODEL_PIDS = 512


@dataclass(frozen=True)
class ContainerSettings:
    """The common settings of all containers of one sandbox.

    Attributes:
        project: name of the sandbox in the engine.
        ports: of the sandbox on 127.0.0.1.
        cores: how many cores Spark's tasks may use at once.
        socket: the engine's socket, as a path on the engine's machine; None if the gateway does not get it.
        socket_group: id of the group that may use it.
        idle_stop_s: seconds after which an idle container is stopped; 0 for never.
        access_log: whether each request gets a line in the gateway's log.
    """

    project: str
    ports: Ports
    cores: int
    socket: str | None = ENGINE_SOCKET
    socket_group: str = "0"
    idle_stop_s: int = 1800
    access_log: bool = False

    @property
    def idle_labels(self) -> Mapping[str, str]:
        """The label that tells the gateway when to stop an idle container."""
        return {labels.IDLE_STOP_S: str(self.idle_stop_s)} if self.idle_stop_s and self.socket else {}


def metastore_container(settings: ContainerSettings, image: str) -> ServiceSpec:
    """The metastore, with its database in a volume."""
    hive = metastore.metastore_settings(f"{METASTORE}/derby", WAREHOUSE, TMP)
    return _spec(
        metastore.metastore_endpoint(settings.ports.metastore),
        metastore.metastore_command(
            f"{JAVA_HOME}/bin/java",
            f"{SPARK_HOME}/jars/*",
            {**hive, "hive.log.dir": TMP, "derby.stream.error.file": f"{TMP}/derby.log"},
            INSIDE.metastore,
            METASTORE_CLASSES.options,
        ),
        {"JAVA_HOME": JAVA_HOME, "TZ": "UTC"},
        Container(
            image,
            ports={INSIDE.metastore: settings.ports.metastore},
            volumes={**METASTORE_VOLUME, **WAREHOUSE_VOLUME},
            healthcheck=health("metastore", INSIDE.metastore),
        ),
        metastore.START_TIMEOUT_S,
        metastore.STOP_TIMEOUT_S,
    )


def master_endpoint(probe: Probe) -> Endpoint:
    """The endpoint of the standalone master, which only the sandbox's own network can reach."""
    return Endpoint(MASTER, f"spark://{MASTER}:{MASTER_PORT}, inside", probe)


def master_container(settings: ContainerSettings, image: str, probe: Probe) -> ServiceSpec:
    """The standalone master, which places executors on workers of the image that a job asks for.

    Args:
        settings: of the sandbox.
        image: id of the base image.
        probe: of the master.
    """
    where = ("--host", MASTER, "--port", str(MASTER_PORT), "--webui-port", str(MASTER_UI_PORT))
    return _spec(
        master_endpoint(probe),
        (f"{SPARK_HOME}/bin/spark-class", "org.apache.spark.deploy.master.Master", *where),
        {
            **_spark_environment(),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": " ".join([_DAEMON_OPTIONS, *(f"-D{k}={v}" for k, v in MASTER_MEMORY.items())]),
        },
        Container(image, healthcheck=health("standalone", MASTER_UI_PORT, MASTER), is_read_only=False),
        spark.START_TIMEOUT_S,
        spark.STOP_TIMEOUT_S,
    )


def sql_container(settings: ContainerSettings, image: str) -> ServiceSpec:
    """The Spark Connect server for SQL: it loads and shows tables, and runs no model."""
    local = {"spark.master": f"local[{max(2, settings.cores)}]", "spark.ui.enabled": "false"}
    return _spec(
        spark.spark_endpoint(settings.ports.spark),
        spark.connect_command(SPARK_HOME, {**_connect_settings(settings), **local}),
        _spark_environment(),
        Container(
            image,
            ports={INSIDE.spark: settings.ports.spark},
            volumes=WAREHOUSE_VOLUME,
            healthcheck=health("spark", INSIDE.spark),
            is_read_only=False,
        ),
        spark.START_TIMEOUT_S,
        spark.STOP_TIMEOUT_S,
    )


def gateway_container(settings: ContainerSettings, image: str) -> ServiceSpec:
    """The gateway. Only it gets the engine's socket, with which it starts and stops the containers of models.

    Its ports are published on 127.0.0.1: requests that come for a name of elsewhere are refused.
    """
    where = ("--routes", ROUTES_FILE)
    engine = () if settings.socket is None else ("--engine", f"unix://{ENGINE_SOCKET}", "--sandbox", settings.project)
    socket = {} if settings.socket is None else {settings.socket: ENGINE_SOCKET}
    return _spec(
        gateway_server.gateway_endpoint(settings.ports),
        (
            *gateway_server.gateway_command(BASE_PYTHON, where, ANYWHERE, INSIDE, access_log=settings.access_log),
            "--local-only",
            *engine,
        ),
        gateway_server.gateway_environment(),
        Container(
            image,
            ports={INSIDE.gateway: settings.ports.gateway, INSIDE.rest: settings.ports.rest},
            volumes={**SOCKETS_VOLUME, **ROUTES_VOLUME, **socket},
            healthcheck=health("gateway", INSIDE.gateway),
            groups=() if settings.socket is None else (settings.socket_group,),
        ),
        gateway_server.START_TIMEOUT_S,
        gateway_server.STOP_TIMEOUT_S,
    )


def model_container(
    settings: ContainerSettings,
    endpoint: Endpoint,
    command: tuple[str, ...],
    image: str,
    limits: Limits,
    note: str,
    start_s: float = START_TIMEOUT_S,
) -> ServiceSpec:
    """A model server, without a network, and with only the volume of sockets to write to.

    Args:
        settings: of the sandbox.
        endpoint: of the server.
        command: starts the server.
        image: id of the model version's image.
        limits: memory, cores and processes that it may use.
        note: one more fact for the summary.
        start_s: seconds that it may take to load the model.
    """
    return _spec(
        endpoint,
        command,
        {"PYTHONUNBUFFERED": "1"},
        Container(
            image,
            volumes=SOCKETS_VOLUME,
            labels=settings.idle_labels,
            has_network=False,
            limits=limits,
            starts_on_request=settings.socket is not None,
        ),
        start_s,
        model_server.STOP_TIMEOUT_S,
        note,
    )


def worker_container(
    settings: ContainerSettings, name: str, connect: str, model: str, image: str, probe: Probe
) -> ServiceSpec:
    """A Spark worker in a model's image, which takes only jobs that ask for that image.

    Args:
        settings: of the sandbox.
        name: of the worker's service.
        connect: name of the Connect server's service, with which it becomes idle.
        model: name of the model.
        image: id of the model version's image.
        probe: of the worker.
    """
    memory = f"{EXECUTOR_MEMORY_MB}m"
    offered = ("--cores", str(settings.cores), "--memory", memory, "--webui-port", str(WORKER_UI_PORT))
    resource = resource_of(image)
    options = {f"spark.worker.resource.{resource}.{key}": value for key, value in _RESOURCE.items()}
    return _spec(
        Endpoint(name, f"{MASTER}, takes {resource}", probe),
        (
            f"{SPARK_HOME}/bin/spark-class",
            "org.apache.spark.deploy.worker.Worker",
            *offered,
            f"spark://{MASTER}:{MASTER_PORT}",
        ),
        {
            **_spark_environment(),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": _DAEMON_OPTIONS,
            "SPARK_WORKER_DIR": f"{TMP}/work",
            "SPARK_WORKER_OPTS": " ".join(f"-D{key}={value}" for key, value in options.items()),
            "PYML_RESOURCE": resource,
            "PYML_IMAGE": image,
        },
        Container(
            image,
            volumes=WAREHOUSE_VOLUME,
            healthcheck=health("standalone", WORKER_UI_PORT),
            labels={**settings.idle_labels, labels.IDLE_WITH: connect, labels.MODEL: model},
            is_read_only=False,
            is_job_scoped=True,
        ),
        spark.START_TIMEOUT_S,
        spark.STOP_TIMEOUT_S,
    )


def connect_container(
    settings: ContainerSettings, name: str, model: str, image: str, probe: Probe, *, is_imported: bool = False
) -> ServiceSpec:
    """The Spark Connect server of a model version: the driver of its jobs, in its image, warm between them.

    Args:
        settings: of the sandbox.
        name: of the server's service.
        model: name of the model.
        image: id of the model version's image.
        probe: of the server.
        is_imported: whether the image was not made here; what it has of pyml may be older.
    """
    resource = resource_of(image)
    cluster = {
        **({} if is_imported else spark.OWN_DAEMON),
        "spark.master": f"spark://{MASTER}:{MASTER_PORT}",
        "spark.executor.memory": f"{EXECUTOR_MEMORY_MB}m",
        "spark.executor.cores": str(settings.cores),
        "spark.executor.extraJavaOptions": f"{_DAEMON_OPTIONS} -Duser.timezone=UTC",
        f"spark.executor.resource.{resource}.amount": "1",
        f"spark.task.resource.{resource}.amount": _share(settings.cores),
        "spark.ui.port": str(DRIVER_UI_PORT),
        "spark.driver.memory": "1g",
    }
    return _spec(
        Endpoint(name, f"driver of {resource}", probe),
        spark.connect_command(SPARK_HOME, {**_connect_settings(settings), **cluster}),
        _spark_environment(),
        Container(
            image,
            ports={INSIDE.spark: 0},
            volumes=WAREHOUSE_VOLUME,
            healthcheck=health("spark", INSIDE.spark),
            labels={
                **settings.idle_labels,
                labels.SPARK_UI: f"http://{name}:{DRIVER_UI_PORT}",
                labels.MODEL: model,
            },
            is_read_only=False,
            is_job_scoped=True,
        ),
        spark.START_TIMEOUT_S,
        spark.STOP_TIMEOUT_S,
    )


def resource_of(image: str) -> str:
    """The Spark resource that names an image: workers of that image offer it, and its jobs ask for it."""
    return f"image_{image.removeprefix('sha256:')[:12]}"


def driver_health() -> tuple[str, ...]:
    """The command that asks, from inside a driver's container, whether the master knows the driver."""
    return (*health("spark-driver", DRIVER_UI_PORT), f"{MASTER}:{MASTER_UI_PORT}")


def health(kind: str, port: int, host: str = "127.0.0.1") -> tuple[str, ...]:
    """The command that probes a service from inside its container.

    Args:
        kind: of the probe, as `python -m pyml.probes` names it.
        port: TCP port of the service.
        host: address of the service.
    """
    return (BASE_PYTHON, "-m", "pyml.probes", kind, f"{host}:{port}")


def _share(cores: int) -> str:
    """The share of a resource that one of several tasks takes; rounded down, else nothing is left for the last task."""
    return f"{math.floor(1e6 / cores) / 1e6:.6f}"


_DAEMON_OPTIONS = " ".join([spark.JVM_OPTIONS, *SPARK_CLASSES.options])
_RESOURCE = {"amount": "1", "discoveryScript": RESOURCE_SCRIPT}


def _spark_environment() -> dict[str, str]:
    return {**spark.spark_environment(SPARK_HOME, JAVA_HOME, BASE_PYTHON, TMP), "SPARK_NO_DAEMONIZE": "1"}


def _connect_settings(settings: ContainerSettings) -> dict[str, str]:
    address = f"{metastore.NAME}:{INSIDE.metastore}"
    inside = {
        "spark.connect.grpc.binding.address": ANYWHERE,
        "spark.connect.grpc.binding.port": str(INSIDE.spark),
    }
    options = SPARK_CLASSES.options
    return {**spark.connect_settings(settings.cores, address, WAREHOUSE, TMP, options), **inside}


def _spec(
    endpoint: Endpoint,
    command: tuple[str, ...],
    environment: Mapping[str, str],
    container: Container,
    start_timeout_s: float,
    stop_timeout_s: float,
    note: str = "",
) -> ServiceSpec:
    return ServiceSpec(
        endpoint=endpoint,
        command=command,
        working_directory=WORKING_DIRECTORY,
        environment=environment,
        start_timeout_s=start_timeout_s,
        stop_timeout_s=stop_timeout_s,
        note=note,
        container=container,
    )
