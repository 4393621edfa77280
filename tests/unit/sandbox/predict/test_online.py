"""What a caller is told where the gateway, or a server behind it, gives no answer."""

from __future__ import annotations

import grpc
import pytest

from pyml.errors import PymlError, SandboxError
from pyml.oip.rpc_status import REASON_KEY
from pyml_sandbox.predict.online import OnlineError, ServerEndedError, translated


class Refused(grpc.RpcError):  # type: ignore[misc]  # grpc has no types
    """An error as gRPC gives it to a client."""

    def __init__(self, code: grpc.StatusCode, details: str, reason: str = "") -> None:
        self._facts = code, details, ((REASON_KEY, reason),) if reason else None

    def code(self) -> grpc.StatusCode:
        return self._facts[0]

    def details(self) -> str:
        return self._facts[1]

    def trailing_metadata(self) -> tuple[tuple[str, str], ...] | None:
        return self._facts[2]


WENT = "the server of model m@1 went away before it answered\n  fix: pyml dev logs m"


@pytest.mark.parametrize(
    ("error", "kind", "message", "hint"),
    [
        (Refused(grpc.StatusCode.UNAVAILABLE, WENT, "died"), ServerEndedError, WENT.split("\n")[0], "pyml dev logs m"),
        (Refused(grpc.StatusCode.UNAVAILABLE, "model m is down\n  fix: x", "down"), SandboxError, "model m is down", "x"),
        (Refused(grpc.StatusCode.UNAVAILABLE, "connection refused"), SandboxError, "the gateway does not answer: connection refused", "pyml dev up"),
        (Refused(grpc.StatusCode.INTERNAL, "predict raised\n\nmore", "model"), OnlineError, "predict raised\n\nmore", ""),
    ],
)  # fmt: skip
def test_who_gave_no_answer_is_told_apart(error: Refused, kind: type[PymlError], message: str, hint: str) -> None:
    found = translated(error)
    assert (type(found), found.message, found.hint) == (kind, message, hint)
