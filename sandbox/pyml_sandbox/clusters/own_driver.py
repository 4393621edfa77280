"""A Spark driver on this machine for a cluster that has a master and no Spark Connect server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml.probes import NotReadyError
from pyml.probes.spark_probe import SparkProbe
from pyml_sandbox.drivers.process.java import find_java
from pyml_sandbox.services import spark
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace.events import OnEvent, ignore, timed
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.ports import HOST, free_port

if TYPE_CHECKING:
    from pyml_sandbox.clusters.cluster import Cluster
    from pyml_sandbox.workspace.home import SandboxHome

LOOK_EVERY_S = 0.2
LOG, SETTINGS = "driver.log", "driver.properties"
LAST_LINES = 15
OF_OTHERS = (
    *("MASTER", "SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_CONNECT_AUTHENTICATE_TOKEN"),
    *("PYTHONPATH", "PYSPARK_DRIVER_PYTHON", "PYML_SIGNING_KEY", "PYML_SIGNING_PASSPHRASE"),
)
"""Variables of the shell that are not for this Spark; the rest tells it how to reach its stores."""


@contextmanager
def own_driver(cluster: Cluster, home: SandboxHome, on_event: OnEvent = ignore) -> Iterator[str]:
    """Start a Spark Connect server whose executors are on a cluster, and stop it at the end. Blocks until it answers.

    Args:
        cluster: has a master and a metastore.
        home: for its files and its log.
        on_event: called at the start and once it answers.

    Yields:
        Its host:port on this machine.

    Raises:
        SetupError: Java or Spark is not installed here.
        SandboxError: it did not start; has the last lines of its log.
    """
    port, log, cores = free_port(), home.logs / LOG, os.cpu_count() or 2
    settings = {
        **spark.connect_settings(cores, cluster.metastore, cluster.warehouse, str(home.scratch)),
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.master": cluster.master,
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(port),
        "spark.ui.enabled": "false",
        **cluster.spark,
    }
    properties = home.conf / SETTINGS
    write_atomically(properties, "".join(f"{_property(name)} {_property(value)}\n" for name, value in settings.items()))
    folder = str(SparkHome.find().folder)
    environ = {
        **{name: value for name, value in os.environ.items() if name not in {*OF_OTHERS, cluster.token_variable}},
        **spark.spark_environment(folder, str(find_java(home).home), "python3", str(home.scratch)),
        "SPARK_CONF_DIR": os.environ.get("SPARK_CONF_DIR", str(home.conf)),
    }
    with log.open("wb") as file, timed("driver", on_event, f"for {cluster.master}") as done:
        process = subprocess.Popen(
            spark.connect_command(folder, {}, properties),
            env=environ,
            cwd=home.scratch,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            _wait(process, port, cluster, home)
        except BaseException:
            _end(process)
            raise
        done(f"{HOST}:{port}")
    try:
        yield f"{HOST}:{port}"
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], port: int, cluster: Cluster, home: SandboxHome) -> None:
    probe, deadline = SparkProbe(HOST, port), time.monotonic() + spark.START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            probe(LOOK_EVERY_S)
        except NotReadyError:
            time.sleep(LOOK_EVERY_S)
        else:
            return
    text = (home.logs / LOG).read_text(encoding="utf-8", errors="replace")
    last = "\n".join(text.splitlines()[-LAST_LINES:])
    raise SandboxError(f"The driver for the cluster {cluster.name} did not start:\n{last}", f"see {home.logs / LOG}")


def _property(text: str) -> str:
    """A name or a value as Java reads it in a file of properties."""
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return re.sub(r"[ \t:=#!]", r"\\\g<0>", escaped)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the driver, and what it started."""
    for number, seconds in ((signal.SIGTERM, spark.STOP_TIMEOUT_S), (signal.SIGKILL, spark.STOP_TIMEOUT_S)):
        try:
            os.killpg(process.pid, number)
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            pass
        return
