"""A second Spark cluster, apart from any sandbox: a metastore, a standalone master, two workers and a Connect server.

The workers are in a mount namespace without this machine's interpreters: as on a node, nothing is there but Java and Spark.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pyml.errors import SetupError
from pyml.probes.metastore_probe import MetastoreProbe
from pyml.probes.spark_probe import SparkProbe, StandaloneProbe
from pyml_sandbox.drivers.process.java import find_java
from pyml_sandbox.drivers.process.loopback_jar import loopback_jar
from pyml_sandbox.services import metastore, spark
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.services.spec import Probe
from pyml_sandbox.workspace.home import SandboxHome
from support.free_ports import free_ports
from support.needed import needed
from support.waiting import answers, wait_for

HOST = "127.0.0.1"
HIDDEN = (Path(sys.base_prefix), Path(sys.executable).parent)
START_S = 120
DAEMON = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": spark.JVM_OPTIONS}
"""Of master and workers; a Connect server would take it for its own."""


@dataclass
class SecondCluster:
    """A cluster that runs.

    Attributes:
        master: its URL.
        connect: host:port of its Connect server.
        metastore: host:port.
        folder: of its warehouse and logs.
        processes: by name: metastore, master, worker-1, worker-2, connect.
    """

    master: str
    connect: str
    metastore: str
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def kill(self, name: str) -> None:
        """End a service with all that it started, at once."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()


@contextmanager
def second_cluster(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[SecondCluster]:
    """Start the cluster, and stop it at the end.

    Args:
        folder: for its files.
        settings: more settings of its Connect server.
    """
    with needed():
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            raise SetupError("hiding this machine's interpreters from workers needs root and unshare", "run as root")
    home = SandboxHome(folder)
    home.create()
    spark_home, java = SparkHome.find(), find_java(home, os.environ)
    loopback = str(loopback_jar(spark_home, java, home.cache))
    hive_port, master_port, master_ui, connect_port, *worker_uis = free_ports(6)
    found = SecondCluster(f"spark://{HOST}:{master_port}", f"{HOST}:{connect_port}", f"{HOST}:{hive_port}", folder)
    for name in ("warehouse", "scratch", "empty"):
        (folder / name).mkdir(exist_ok=True)
    own = {
        "PATH": "/usr/bin:/bin",
        "JAVA_HOME": str(java.home),
        "SPARK_HOME": str(spark_home.folder),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "scratch"),
        "SPARK_CONF_DIR": str(folder / "empty"),
        "SPARK_LAUNCHER_OPTS": spark.JVM_OPTIONS,
        "HOME": str(folder),
        "TZ": "UTC",
    }
    spark_class = f"{spark_home.folder}/bin/spark-class"
    hive = metastore.metastore_settings(str(folder / "derby"), str(folder / "warehouse"), str(folder / "scratch"))
    commands: dict[str, tuple[tuple[str, ...], Probe]] = {
        "metastore": (
            metastore.metastore_command(
                str(java.program),
                f"{loopback}:{spark_home.jars}/*",
                {**hive, "hive.log.dir": str(folder), "derby.stream.error.file": str(folder / "derby.log")},
                hive_port,
            ),
            MetastoreProbe(HOST, hive_port),
        ),
        "master": (
            (
                *(spark_class, "org.apache.spark.deploy.master.Master"),
                *("--host", HOST, "--port", str(master_port), "--webui-port", str(master_ui)),
            ),
            StandaloneProbe(HOST, master_ui),
        ),
        **{
            f"worker-{number}": (
                (
                    *(*_without_interpreters(folder / "empty"), spark_class, "org.apache.spark.deploy.worker.Worker"),
                    *("--cores", "2", "--memory", "2g", "--webui-port", str(port)),
                    *("--work-dir", str(folder / f"work-{number}"), found.master),
                ),
                StandaloneProbe(HOST, port),
            )
            for number, port in enumerate(worker_uis, 1)
        },
        "connect": (
            spark.connect_command(
                str(spark_home.folder),
                {
                    **spark.connect_settings(2, found.metastore, str(folder / "warehouse"), str(folder / "scratch")),
                    "spark.master": found.master,
                    "spark.executor.memory": "1g",
                    "spark.executor.cores": "1",
                    "spark.connect.grpc.binding.port": str(connect_port),
                    "spark.ui.enabled": "false",
                    **(settings or {}),
                },
            ),
            SparkProbe(HOST, connect_port),
        ),
    }
    with ExitStack() as stack:
        for names in (("metastore", "master", "worker-1", "worker-2"), ("connect",)):  # a driver takes what is there
            for name in names:
                log = stack.enter_context((folder / f"{name}.log").open("wb"))
                environ = own if name == "connect" else {**own, **DAEMON}
                command = commands[name][0]
                found.processes[name] = subprocess.Popen(
                    command, env=environ, cwd=folder, stdout=log, stderr=log, start_new_session=True
                )
                stack.callback(_end, found.processes[name])
            for name in names:
                wait_for(partial(answers, commands[name][1]), f"{name} of the second cluster answers", START_S)
        yield found


def _without_interpreters(empty: Path) -> tuple[str, ...]:
    """A program that runs a command where the interpreters of this machine are hidden by an empty folder."""
    hide = " && ".join(f'mount --bind "{empty}" "{folder}"' for folder in HIDDEN if folder != Path("/usr"))
    return ("unshare", "--mount", "sh", "-c", f'{hide} && exec "$@"', "sh")


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
