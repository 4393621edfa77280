"""The gRPC channel to a Spark of the sandbox; imports PySpark, so it is imported where a session is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession as ConnectSession

from pyml_sandbox.workspace.ports import is_here

if TYPE_CHECKING:
    import grpc
    from pyspark.sql import SparkSession

    from pyml_sandbox.services.remote_spark import RemoteAccess


class LoopbackChannelBuilder(DefaultChannelBuilder):
    """A channel to 127.0.0.1, whatever proxy or token the shell sets for Spark elsewhere.

    Args:
        address: host:port, and parameters of the connection.
    """

    def __init__(self, address: str) -> None:
        super().__init__(f"sc://{address}", [("grpc.enable_http_proxy", 0)])

    @property
    def token(self) -> None:
        """None: a token of the shell would turn on TLS, too."""

    @property
    def userId(self) -> str:  # noqa: N802 - the name of PySpark
        """The same from any shell: a session is found by it, and PySpark takes $USER."""
        return "pyml"

    @property
    def userAgent(self) -> str:  # noqa: N802 - the name of PySpark
        """A fixed name."""
        return "pyml"


class RemoteChannelBuilder(DefaultChannelBuilder):
    """A channel to a Spark outside the sandbox, over TLS or with a token if it asks for them.

    Args:
        address: host:port, and parameters of the connection.
        access: how it is reached.
    """

    def __init__(self, address: str, access: RemoteAccess) -> None:
        super().__init__(f"sc://{address}", [("grpc.enable_http_proxy", 0)] if is_here(address) else None)
        self._access = access
        if access.bearer and not access.tls:
            self.set("authorization", access.bearer)

    @property
    def token(self) -> None:
        """None: the token is that of `access`, and a token of the shell is for a different server."""

    def toChannel(self) -> grpc.Channel:  # noqa: N802 - the name of PySpark
        """The channel."""
        credentials = self._access.credentials()
        if credentials is None:
            return self._insecure_channel(self.endpoint)
        return self._secure_channel(self.endpoint, credentials)


def connect(address: str, session_id: str | None = None, access: RemoteAccess | None = None) -> SparkSession:
    """Open a session.

    PySpark's builders read MASTER, SPARK_REMOTE, SPARK_API_MODE and settings of the shell, and some of them refuse what
    contradicts 127.0.0.1; the session itself reads none.

    Args:
        address: host:port.
        session_id: of a session that exists; None for a new one.
        access: how a Spark outside the sandbox is reached; None for the sandbox's own.
    """
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"  # as the builders do: it decides what pyspark.sql.functions return
    place = f"{address}/;session_id={session_id}" if session_id else address
    builder = RemoteChannelBuilder(place, access) if access else LoopbackChannelBuilder(place)
    return cast("SparkSession", ConnectSession(builder))
