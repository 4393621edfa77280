"""Spark: a Spark Connect server with `local[N]` and the metastore as its catalog, warm between jobs."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from pyml.environment import PINNED
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.java import Java
from pyml_sandbox.ports import HOST, Ports
from pyml_sandbox.service import Endpoint, NotAnsweringError, ServiceSpec
from pyml_sandbox.services import metastore
from pyml_sandbox.services.grpc_call import call, message
from pyml_sandbox.spark_home import SparkHome

NAME = "spark"
SERVICE = "/spark.connect.SparkConnectService"
# Half the CPU time of a start (6 instead of 12 s on two cores, so 3 s less to wait) and of small jobs, for a quarter
# more in the JVM's part of long ones: right for a loop of short jobs (docs/performance.md).
JVM_OPTIONS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
MESSAGE_MAX_BYTES = 512 * 1024 * 1024


def spark_endpoint(port: int) -> Endpoint:
    """Where Spark Connect answers."""
    return Endpoint(NAME, f"sc://{HOST}:{port}", SparkProbe(port))


def spark_spec(home: SandboxHome, spark_home: SparkHome, java: Java, ports: Ports) -> ServiceSpec:
    """The Spark Connect server of one sandbox, listening on 127.0.0.1."""
    conf = home.conf / NAME
    return ServiceSpec(
        endpoint=spark_endpoint(ports.spark),
        command=(
            str(spark_home.folder / "bin" / "spark-submit"),
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
            "spark-internal",
        ),
        working_directory=home.scratch,
        environment={
            **PINNED,
            "JAVA_HOME": str(java.home),
            "SPARK_HOME": str(spark_home.folder),
            "SPARK_CONF_DIR": str(conf),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_LOCAL_DIRS": str(home.scratch),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LAUNCHER_OPTS": JVM_OPTIONS,  # of the short JVM that only prints the command line of the real one
        },
        files={
            conf / "spark-defaults.conf": spark_defaults(spark_settings(home, ports, os.cpu_count() or 1)),
            conf / "hive-site.xml": metastore.hive_site({"hive.exec.scratchdir": str(home.scratch / "hive")}),
        },
        depends_on=(metastore.NAME,),
        stop_timeout_s=20,
        start_timeout_s=120,
    )


def spark_settings(home: SandboxHome, ports: Ports, cores: int) -> Mapping[str, str]:
    """Spark's settings for a laptop: few partitions, one time zone, nothing listening beyond 127.0.0.1."""
    return {
        "spark.master": f"local[{max(2, cores)}]",
        "spark.app.name": "pyml",
        "spark.driver.memory": "2g",
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(ports.spark),
        "spark.connect.grpc.maxInboundMessageSize": str(MESSAGE_MAX_BYTES),
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.hive.metastore.uris": f"thrift://{HOST}:{ports.metastore}",
        "spark.sql.warehouse.dir": str(home.data / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(max(2, cores)),
        "spark.driver.extraJavaOptions": f"{JVM_OPTIONS} -Djava.io.tmpdir={home.scratch} -Duser.timezone=UTC",
    }


def spark_defaults(settings: Mapping[str, str]) -> str:
    """The settings as a `spark-defaults.conf`: a Java properties file, in which a backslash escapes."""
    return "".join(f"{name} {value.replace(chr(92), chr(92) * 2)}\n" for name, value in settings.items())


@dataclass(frozen=True)
class SparkProbe:
    """Asks the Connect server for its version."""

    port: int

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        address, session_id = f"{HOST}:{self.port}", str(uuid.uuid4())
        reply = call(address, f"{SERVICE}/AnalyzePlan", version_request(session_id), timeout_s)
        if not reply:
            raise NotAnsweringError(address, "its answer is empty")
        # Else the server would keep the session for an hour.
        call(address, f"{SERVICE}/ReleaseSession", message(session_fields(session_id)), timeout_s)


# Messages of spark/connect/base.proto, written by hand: importing PySpark takes most of a second. In all of them
# session_id = 1 and user_context = 2 with user_id = 1.


def session_fields(session_id: str) -> dict[int, bytes]:
    """The fields that begin every request."""
    return {1: session_id.encode(), 2: message({1: b"pyml"})}


def version_request(session_id: str) -> bytes:
    """`AnalyzePlanRequest` with spark_version = 10."""
    return message({**session_fields(session_id), 10: b""})


def sql_request(session_id: str, statement: str) -> bytes:
    """`ExecutePlanRequest` for one statement: plan = 3 with root = 1, in it sql = 10 with query = 1."""
    plan = message({1: message({10: message({1: statement.encode()})})})
    return message({**session_fields(session_id), 3: plan})
