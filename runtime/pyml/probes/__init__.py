"""Probes: one real request to each kind of service.

The laptop side asks through the ports of this machine; in a container `python -m pyml.probes` asks from inside.
"""

from __future__ import annotations

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError

CLOSED_WORDS = "it closed the connection"
"""Also where an engine's proxy listens for a container in which nothing listens yet."""


class NotReadyError(SandboxError):
    """A service did not answer yet; the message says how far it is."""

    general_code = ErrorCode.NOT_READY


class NotListeningError(NotReadyError):
    """Nothing accepts connections at the address yet."""

    def __init__(self, address: str) -> None:
        super().__init__(f"not listening yet on {address}")


class NotAnsweringError(NotReadyError):
    """Something listens at the address but has not answered a request."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"listening on {address} but not answering: {reason}")
        self.reason = reason


class CallRefusedError(NotAnsweringError):
    """Something answered a gRPC call with an error.

    Attributes:
        status: name of the gRPC status code.
        details: the first line of what was said.
    """

    def __init__(self, address: str, status: str, details: str) -> None:
        super().__init__(address, f"{status} {details}")
        self.status = status
        self.details = details
