"""Probes: one real request to each kind of service.

The laptop side probes through the ports of this machine; `python -m pyml.probes` probes from inside a container.
"""

from __future__ import annotations

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError

CLOSED_MESSAGE = "it closed the connection"
"""Also the case if an engine's proxy listens for a container in which nothing listens yet."""


class NotReadyError(SandboxError):
    """A service does not answer yet; the message says what is missing."""

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
    """A gRPC call was answered with an error.

    Attributes:
        status: name of the gRPC status code.
        details: first line of the status message.
    """

    def __init__(self, address: str, status: str, details: str) -> None:
        super().__init__(address, f"{status} {details}")
        self.status = status
        self.details = details
