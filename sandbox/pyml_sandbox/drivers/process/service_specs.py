"""The specs of services as processes: working directories, files and ports."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.pinned_environment import PINNED
from pyml_sandbox.drivers.process.java import Java
from pyml_sandbox.drivers.process.linked_spark import CONF
from pyml_sandbox.drivers.process.supervisor_rpc import JOURNAL
from pyml_sandbox.models.load_time import start_timeout_s
from pyml_sandbox.services import gateway_server, metastore, model_server, spark
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST, Ports
from pyml_sandbox.workspace.runtime_source import runtime_digest

if TYPE_CHECKING:
    from pyml_sandbox.models.environment import Environment
    from pyml_sandbox.models.version import ModelVersion

MARK = ".mark"
"""The file that tells a folder for temporary files from one that is made after somebody deleted it."""


def metastore_spec(
    home: SandboxHome,
    spark_home: SparkHome,
    java: Java,
    loopback_jar: str,
    port: int,
    java_options: Sequence[str] = (),
) -> ServiceSpec:
    """The metastore as a process, which listens on 127.0.0.1.

    Args:
        home: the sandbox.
        spark_home: has the metastore's jars.
        java: runs it.
        loopback_jar: path of the jar of `loopback_jar.py`, which comes before the metastore's own jars.
        port: TCP port to listen on.
        java_options: more options of Java.
    """
    settings = metastore.metastore_settings(
        str(home.data / "metastore"), str(home.data / "warehouse"), str(home.scratch)
    )
    return ServiceSpec(
        endpoint=metastore.metastore_endpoint(port),
        command=metastore.metastore_command(
            str(java.program),
            f"{loopback_jar}:{spark_home.jars}/*",
            {**settings, "hive.log.dir": str(home.logs), "derby.stream.error.file": str(home.logs / "derby.log")},
            port,
            java_options,
        ),
        working_directory=home.scratch,
        environment={"JAVA_HOME": str(java.home), **{name: PINNED[name] for name in ("TZ", "LANG", "LC_ALL")}},
        stop_timeout_s=metastore.STOP_TIMEOUT_S,
        start_timeout_s=metastore.START_TIMEOUT_S,
    )


def mark_scratch(home: SandboxHome) -> None:
    """Mark the folder for temporary files, if it has no mark."""
    if not scratch_mark(home):
        write_atomically(home.scratch / MARK, uuid.uuid4().hex)


def scratch_mark(home: SandboxHome) -> str:
    """The mark of the folder for temporary files; empty where it has none."""
    try:
        return (home.scratch / MARK).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def spark_spec(
    home: SandboxHome, spark_home: SparkHome, java: Java, ports: Ports, java_options: Sequence[str] = ()
) -> ServiceSpec:
    """The Spark Connect server as a process with `local[N]`, which listens on 127.0.0.1.

    Args:
        home: the sandbox.
        spark_home: the Spark to run.
        java: runs it.
        ports: of the sandbox.
        java_options: more options of Java.
    """
    cores = os.cpu_count() or 1
    settings = {
        **spark.connect_settings(
            cores, f"{HOST}:{ports.metastore}", str(home.data / "warehouse"), str(home.scratch), java_options
        ),
        **spark.OWN_DAEMON,
        "spark.master": f"local[{max(2, cores)}]",
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(ports.spark),
        "spark.ui.enabled": "false",
    }
    return ServiceSpec(
        endpoint=spark.spark_endpoint(ports.spark),
        command=spark.connect_command(str(spark_home.folder), settings),
        working_directory=home.scratch,
        environment={
            **spark.spark_environment(str(spark_home.folder), str(java.home), sys.executable, str(home.scratch)),
            # Empty, since it is on the class path: settings come by the command line alone, and Java takes an archive
            # of classes only where no folder on the class path holds a file.
            "SPARK_CONF_DIR": str(spark_home.folder / CONF),
            "SPARK_LOCAL_IP": HOST,
            "PYML_SCRATCH": scratch_mark(
                home
            ),  # a new folder, a new process: Spark does not make its own folders again
        },
        depends_on=(metastore.NAME,),
        stop_timeout_s=spark.STOP_TIMEOUT_S,
        start_timeout_s=spark.START_TIMEOUT_S,
    )


def gateway_spec(home: SandboxHome, ports: Ports, *, access_log: bool = False) -> ServiceSpec:
    """The gateway as a process: gRPC and REST on 127.0.0.1.

    Args:
        home: the sandbox.
        ports: of the sandbox.
        access_log: whether each request gets a line in its log.
    """
    where = ("--routes", str(home.routes_file))
    return ServiceSpec(
        endpoint=gateway_server.gateway_endpoint(ports),
        command=(
            *gateway_server.gateway_command(sys.executable, where, HOST, ports, access_log=access_log),
            *("--journal", str(home.logs / JOURNAL)),
        ),
        working_directory=home.scratch,
        environment={**gateway_server.gateway_environment(), "PYML_RUNTIME": runtime_digest()},  # new code, new process
        stop_timeout_s=gateway_server.STOP_TIMEOUT_S,
        start_timeout_s=gateway_server.START_TIMEOUT_S,
    )


def socket_path(home: SandboxHome, model: str, version: str) -> Path:
    """The file that the gateway connects to, where model servers run as processes.

    Args:
        home: the sandbox.
        model: name of the model.
        version: of the model, without its name.
    """
    return home.sockets / model_server.socket_name(model, version)


def model_server_spec(
    home: SandboxHome, version: ModelVersion, environment: Environment, gateway_port: int
) -> ServiceSpec:
    """The server of one model version as a process.

    Args:
        home: the sandbox.
        version: the version to serve.
        environment: of the version; a different one gives a different spec.
        gateway_port: port on 127.0.0.1 through which its probe asks.
    """
    socket = socket_path(home, version.name, version.version)
    return ServiceSpec(
        endpoint=model_server.model_endpoint(f"unix:{socket}", version.name, version.version, gateway_port),
        command=model_server.server_command(environment, version, str(home.sockets), socket.name),
        working_directory=version.package,
        environment={"PYTHONUNBUFFERED": "1", "PYML_ENVIRONMENT": environment.key},
        depends_on=(gateway_server.NAME,),
        stop_timeout_s=model_server.STOP_TIMEOUT_S,
        start_timeout_s=start_timeout_s(version.load_s),
        note=environment.note,
    )
