"""A Spark outside the sandbox: how it is reached, and what travels to its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

    from pyml_sandbox.workspace.home import SandboxHome


@dataclass(frozen=True)
class RemoteAccess:
    """How a gRPC server outside of this machine is reached.

    Attributes:
        tls: whether over TLS.
        certificates: to trust, as PEM; None for those of this machine.
        token: sent with each call; empty for none.
    """

    tls: bool = False
    certificates: bytes | None = None
    token: str = field(default="", repr=False)

    @property
    def bearer(self) -> str:
        """The value of the header `authorization`; empty without a token."""
        return f"Bearer {self.token}" if self.token else ""

    def credentials(self) -> grpc.ChannelCredentials | None:
        """The credentials of a channel over TLS, with the token if there is one; None without TLS."""
        import grpc

        if not self.tls:
            return None
        credentials = grpc.ssl_channel_credentials(self.certificates)
        if not self.token:
            return credentials
        return grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(self.token))


@dataclass(frozen=True)
class RemoteSpark:
    """A Spark outside the sandbox.

    Attributes:
        name: of the cluster, for messages.
        access: how its Connect server is reached.
        archives: what its workers unpack, by the name of the folder.
        settings: more settings of each session.
        home: where the notes about its jobs are, apart from those of the sandbox.
    """

    name: str
    access: RemoteAccess
    archives: Mapping[str, Path]
    settings: Mapping[str, str]
    home: SandboxHome
