"""What a caller is told where the gateway, or a server behind it, gives no answer."""

from __future__ import annotations

import grpc
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError
from pyml.oip.rpc_status import Metadata, Reason, RpcFailure
from pyml_sandbox.predict.online import OnlineError, ServerEndedError, translated


class Refused(grpc.RpcError):  # type: ignore[misc]  # grpc has no types
    """An error as gRPC gives it to a client."""

    def __init__(self, code: grpc.StatusCode, details: str, metadata: Metadata = ()) -> None:
        self._facts = code, details, metadata or None

    def code(self) -> grpc.StatusCode:
        return self._facts[0]

    def details(self) -> str:
        return self._facts[1]

    def trailing_metadata(self) -> Metadata | None:
        return self._facts[2]


def sent(
    message: str, reason: Reason, hint: str = "", status: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
) -> Refused:
    """A failure that the gateway, or a server behind it, sent."""
    failure = RpcFailure(status, message, reason, hint)
    return Refused(status, failure.details, failure.metadata)


WENT = "the server of model m@1 went away before it answered"
ENDED = "the server of model m@1 ended with exit code 137 (out of memory)"
LOGS = "pyml dev logs m"
NOBODY = Refused(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1")
BROKEN = Refused(grpc.StatusCode.UNAVAILABLE, "recvmsg:Connection reset by peer")
SILENT = "the gateway does not answer"
LATE = "no answer within the deadline"
HINT = "allow more time (--timeout SECONDS), or send fewer rows in one request"


@pytest.mark.parametrize(
    ("error", "kind", "message", "hint", "code"),
    [
        (sent(WENT, Reason.DIED, LOGS), ServerEndedError, WENT, LOGS, ErrorCode.SERVER_DIED),
        (sent("model m is down", Reason.DOWN, "x"), SandboxError, "model m is down", "x", ErrorCode.SERVER_DOWN),
        (sent(ENDED, Reason.DOWN, LOGS), SandboxError, ENDED, LOGS, ErrorCode.SERVER_DOWN),
        (sent("it starts", Reason.STARTING), SandboxError, "it starts", "pyml dev up", ErrorCode.SERVER_STARTING),
        (sent("no m", Reason.UNKNOWN), SandboxError, "no m", "pyml deploy MODEL_ID", ErrorCode.MODEL_UNKNOWN),
        (sent("a\n\nb", Reason.MODEL), OnlineError, "a\n\nb", "", ErrorCode.PREDICT_RAISED),
        (sent("full", Reason.QUEUE, "wait"), OnlineError, "full", "wait", ErrorCode.QUEUE_FULL),
        (NOBODY, SandboxError, f"{SILENT}: nothing listens on its port", "pyml dev up", ErrorCode.GATEWAY_DOWN),
        (BROKEN, SandboxError, f"{SILENT}: it closed the connection", "pyml dev up", ErrorCode.GATEWAY_DOWN),
        (Refused(grpc.StatusCode.DEADLINE_EXCEEDED, ""), OnlineError, LATE, HINT, ErrorCode.DEADLINE),
        (Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "big"), OnlineError, "big", "", ErrorCode.REQUEST_TOO_LARGE),
        (Refused(grpc.StatusCode.INTERNAL, "a bug"), OnlineError, "a bug", "", ErrorCode.GRPC),
    ],
)
def test_who_gave_no_answer_is_told_apart(
    error: Refused, kind: type[PymlError], message: str, hint: str, code: ErrorCode
) -> None:
    found = translated(error)
    assert (type(found), found.message, found.hint, found.code) == (kind, message, hint, code)
