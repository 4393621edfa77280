"""The probes of a gateway, and of a model behind it."""

from __future__ import annotations

from dataclasses import dataclass

from pyml.probes import CallRefusedError, NotAnsweringError, NotReadyError
from pyml.probes.grpc_call import call, message

SERVICE = "/inference.GRPCInferenceService"
UNAVAILABLE = "UNAVAILABLE"
"""Name of the gRPC status of a model that is starting or down."""


@dataclass(frozen=True)
class GatewayProbe:
    """Asks `ServerReady` of the Open Inference Protocol: an empty request, and `ready: bool = 1` in the reply."""

    host: str
    port: int

    def __call__(self, timeout_s: float) -> None:
        """Return when it answered.

        Raises:
            NotReadyError: it did not.
        """
        address = f"{self.host}:{self.port}"
        if not says_ready(call(address, f"{SERVICE}/ServerReady", b"", timeout_s)):
            raise NotAnsweringError(address, "ServerReady is false")


@dataclass(frozen=True)
class ModelProbe:
    """Asks `ModelReady` through the gateway: name = 1, version = 2."""

    model: str
    version: str
    host: str
    port: int

    def __call__(self, timeout_s: float) -> None:
        """Return when the model is loaded.

        Raises:
            NotReadyError: it is not.
        """
        request = message({1: self.model.encode(), 2: self.version.encode()})
        try:
            reply = call(f"{self.host}:{self.port}", f"{SERVICE}/ModelReady", request, timeout_s)
        except CallRefusedError as error:  # the gateway answers: its message says what it waits for
            raise NotReadyError(error.details if error.status == UNAVAILABLE else error.reason) from error
        except NotAnsweringError as error:
            raise NotReadyError(error.reason) from error
        if not says_ready(reply):
            raise NotReadyError("the model is still loading")


def says_ready(reply: bytes) -> bool:
    """Whether a `ServerReadyResponse` or `ModelReadyResponse` says ready: field 1, a varint, has the value 1."""
    return reply.startswith(b"\x08\x01")
