"""The metastore: Hive's own, from the jars that PySpark ships, with an embedded Derby database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyml.probes.metastore_probe import MetastoreProbe
from pyml_sandbox.services.spec import Endpoint
from pyml_sandbox.workspace.ports import HOST

NAME = "metastore"
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 15


def metastore_endpoint(port: int) -> Endpoint:
    """The metastore's address, and its probe."""
    return Endpoint(NAME, f"thrift://{HOST}:{port}", MetastoreProbe(HOST, port))


def metastore_command(
    java: str, classpath: str, settings: Mapping[str, str], port: int, java_options: Sequence[str] = ()
) -> tuple[str, ...]:
    """The command that starts the metastore; Hive reads its settings from Java's system properties.

    Args:
        java: path of the program `java`.
        classpath: jars of Hive and what it needs, separated by colons.
        settings: as `metastore_settings` gives them.
        port: TCP port to listen on.
        java_options: more options of Java.
    """
    return (
        java,
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # a short start matters more here than speed after it: 3.3 s instead of 5.2 s
        *java_options,
        *_properties(settings),
        *("-cp", classpath),
        "org.apache.hadoop.hive.metastore.HiveMetaStore",
        *("-p", str(port)),
    )


def metastore_settings(database: str, warehouse: str, scratch: str) -> Mapping[str, str]:
    """The settings under which the metastore runs by itself, with an embedded database.

    Args:
        database: folder of the Derby database.
        warehouse: folder of the Hive tables.
        scratch: folder for temporary files.
    """
    return {
        "javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={database};create=true",
        "javax.jdo.option.ConnectionDriverName": "org.apache.derby.iapi.jdbc.AutoloadedDriver",
        "hive.metastore.schema.verification": "false",
        "datanucleus.schema.autoCreateAll": "true",
        "hive.async.log.enabled": "false",  # its logger is not among the jars
        "hive.metastore.event.db.notification.api.auth": "false",
        "hive.metastore.server.min.threads": "8",  # Hive: 200, and each new connection adds one until then
        "hive.metastore.warehouse.dir": warehouse,
        "hive.exec.scratchdir": f"{scratch}/hive",
        "java.io.tmpdir": scratch,
    }


def _properties(settings: Mapping[str, str]) -> Sequence[str]:
    return [f"-D{name}={value}" for name, value in settings.items()]
