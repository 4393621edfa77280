"""The metastore: Hive's own, from the jars that PySpark ships, with an embedded Derby database."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from pyml_sandbox.home import SandboxHome
from pyml_sandbox.java import Java
from pyml_sandbox.ports import HOST
from pyml_sandbox.service import Endpoint, NotAnsweringError, NotListeningError, ServiceSpec
from pyml_sandbox.spark_home import SparkHome

NAME = "metastore"


def metastore_endpoint(port: int) -> Endpoint:
    """Where the metastore answers."""
    return Endpoint(NAME, f"thrift://{HOST}:{port}", MetastoreProbe(port))


def metastore_spec(home: SandboxHome, spark_home: SparkHome, java: Java, loopback_jar: Path, port: int) -> ServiceSpec:
    """The metastore of one sandbox, listening on 127.0.0.1:`port`.

    Args:
        loopback_jar: see `loopback.py`; it comes before the metastore's own jars.
    """
    conf = home.conf / NAME
    return ServiceSpec(
        endpoint=metastore_endpoint(port),
        command=(
            str(java.program),
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # a short start matters more here than speed after it: 3.3 s instead of 5.2 s
            f"-Dderby.stream.error.file={home.logs / 'derby.log'}",
            f"-Djava.io.tmpdir={home.scratch}",
            "-cp",
            f"{loopback_jar}:{spark_home.jars}/*",
            "org.apache.hadoop.hive.metastore.HiveMetaStore",
            "-p",
            str(port),
        ),
        working_directory=home.scratch,
        environment={"JAVA_HOME": str(java.home), "HIVE_CONF_DIR": str(conf), "TZ": "UTC"},
        files={conf / "hive-site.xml": hive_site(metastore_settings(home))},
        stop_timeout_s=15,
        start_timeout_s=90,
    )


def metastore_settings(home: SandboxHome) -> Mapping[str, str]:
    """The settings with which the metastore of those jars runs alone."""
    return {
        "javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={home.data / 'metastore'};create=true",
        "javax.jdo.option.ConnectionDriverName": "org.apache.derby.iapi.jdbc.AutoloadedDriver",
        "hive.metastore.schema.verification": "false",
        "datanucleus.schema.autoCreateAll": "true",
        "hive.async.log.enabled": "false",  # its logger is not among the jars
        "hive.metastore.event.db.notification.api.auth": "false",
        "hive.metastore.warehouse.dir": str(home.data / "warehouse"),
        "hive.log.dir": str(home.logs),
        "hive.exec.scratchdir": str(home.scratch / "hive"),
    }


def hive_site(settings: Mapping[str, str]) -> str:
    """The settings as Hadoop's XML."""
    properties = "".join(
        f"  <property><name>{escape(name)}</name><value>{escape(value)}</value></property>\n"
        for name, value in settings.items()
    )
    return f"<configuration>\n{properties}</configuration>\n"


@dataclass(frozen=True)
class MetastoreProbe:
    """Asks for the list of databases, by Thrift's binary protocol.

    One call without arguments is forty bytes; the `thrift` library would add its import time to every `up`.
    https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md
    """

    port: int

    def __call__(self, timeout_s: float) -> None:
        """See `Probe`."""
        address = f"{HOST}:{self.port}"
        try:
            connection = socket.create_connection((HOST, self.port), timeout_s)
        except OSError as error:
            raise NotListeningError(address) from error
        with connection:
            try:
                connection.sendall(call_without_arguments("get_all_databases"))
                check_reply(connection.recv(4096), "get_all_databases")
            except (OSError, ValueError) as error:
                raise NotAnsweringError(address, str(error) or type(error).__name__) from error


VERSION_CALL = 0x80010001
VERSION_REPLY = 0x80010002


def call_without_arguments(method: str) -> bytes:
    """A Thrift call as bytes: version and kind, method, sequence number 1, an empty struct."""
    name = method.encode()
    return struct.pack(f">Ii{len(name)}si", VERSION_CALL, len(name), name, 1) + b"\0"


def check_reply(reply: bytes, method: str) -> None:
    """Raise ValueError unless `reply` begins as the successful reply to `method`."""
    head = struct.pack(f">Ii{len(method)}s", VERSION_REPLY, len(method), method.encode())
    if not reply:
        raise ValueError("it closed the connection")
    if not reply.startswith(head):
        raise ValueError("its reply is an exception or not Thrift")
