"""Spark: a Spark Connect server with the metastore as its catalog, warm between jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyml.package.settings import MIB
from pyml.pinned_environment import PINNED
from pyml.probes.spark_probe import SparkProbe
from pyml_sandbox.services.spec import Endpoint
from pyml_sandbox.workspace.ports import HOST

NAME = "spark"
MASTER = "spark-master"
"""The service that places workers, where they are containers."""
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 20
# Half the CPU time of a start (6 instead of 12 s on two cores, so 3 s less to wait) and of small jobs, for a quarter
# more in the JVM's part of long ones: right for a loop of short jobs (docs/performance.md).
JVM_OPTIONS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
MESSAGE_MAX_BYTES = 512 * MIB
OWN_DAEMON = {"spark.python.daemon.module": "pyml.offline.daemons.worker_daemon"}
"""The setting with which daemons of Python workers end when they are idle; Spark's own stay until it ends."""

ONE_TIME_ZONE = {"spark.sql.session.timeZone": "UTC"}
"""The setting with which a timestamp is the same moment on every cluster."""


def spark_endpoint(port: int) -> Endpoint:
    """The address of Spark Connect, and its probe."""
    return Endpoint(NAME, f"sc://{HOST}:{port}", SparkProbe(HOST, port))


def connect_command(spark_home: str, settings: Mapping[str, str], file: Path | None = None) -> tuple[str, ...]:
    """The command that starts a Spark Connect server.

    Args:
        spark_home: folder of the Spark distribution.
        settings: which everyone on this machine sees, as they are on the command line.
        file: with more settings, which may be secret; None for none.
    """
    return (
        f"{spark_home}/bin/spark-submit",
        *(("--properties-file", str(file)) if file else ()),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}")),
        "spark-internal",
    )


def connect_settings(
    cores: int, metastore_address: str, warehouse: str, scratch: str, java_options: Sequence[str] = ()
) -> Mapping[str, str]:
    """Spark's settings for a laptop, the same for every driver: few partitions, one time zone.

    Args:
        cores: how many cores tasks may use at once.
        metastore_address: host:port.
        warehouse: folder of the Hive tables.
        scratch: folder for temporary files.
        java_options: more options of Java.
    """
    options = (f"-Djava.io.tmpdir={scratch}", "-Duser.timezone=UTC", *java_options)
    return {
        "spark.app.name": "pyml",
        "spark.driver.memory": "2g",
        "spark.ui.showConsoleProgress": "false",
        "spark.connect.grpc.maxInboundMessageSize": str(MESSAGE_MAX_BYTES),
        "spark.connect.progress.reportInterval": "200ms",  # a cancelled query is known to run tasks; Spark: 2 s
        "spark.connect.execute.manager.detachedTimeout": "60s",  # then the query of a killed client ends; Spark: 5 min
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.hive.metastore.uris": f"thrift://{metastore_address}",
        "spark.hadoop.hive.exec.scratchdir": f"{scratch}/hive",
        "spark.sql.warehouse.dir": warehouse,
        **ONE_TIME_ZONE,
        "spark.sql.shuffle.partitions": str(max(2, cores)),
        "spark.driver.extraJavaOptions": " ".join([JVM_OPTIONS, *map(_quoted, options)]),
    }


def _quoted(option: str) -> str:
    """One of the options that Spark's launcher splits: at blanks outside of quotes, as a shell does."""
    if re.fullmatch(r"[\w@%+=:,./-]+", option, re.ASCII):
        return option
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def spark_environment(spark_home: str, java_home: str, python: str, scratch: str) -> Mapping[str, str]:
    """The environment variables of every Spark process.

    Args:
        spark_home: folder of the Spark distribution.
        java_home: folder of the JDK or JRE.
        python: interpreter of Python workers.
        scratch: folder for shuffle files and temporary files.
    """
    return {
        **PINNED,
        "JAVA_HOME": java_home,
        "SPARK_HOME": spark_home,
        "SPARK_LOCAL_DIRS": scratch,
        "PYSPARK_PYTHON": python,
        "SPARK_LAUNCHER_OPTS": JVM_OPTIONS,  # for the short JVM that only prints the command line of the real one
    }
