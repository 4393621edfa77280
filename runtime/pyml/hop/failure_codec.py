"""Failures of a model server as messages of the hop."""

from __future__ import annotations

import grpc

from pyml.hop.hop_messages import Failure
from pyml.oip.rpc_status import Reason, RpcFailure, codes_in


def failure_message(failure: RpcFailure, request_id: str) -> Failure:
    """A failure as a message.

    Args:
        failure: why there is no response.
        request_id: under which it was logged.
    """
    return Failure(
        status=failure.status.name,
        text=_sendable(failure.message),
        reason=failure.reason,
        hint=_sendable(failure.hint),
        codes=failure.codes,
        id=request_id,
    )


def _sendable(text: str) -> str:
    """A text that a message can hold: a model may raise with half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def failure_from(message: Failure) -> RpcFailure:
    """The failure of a message; of a newer pyml, whose reason this one does not know, it is gRPC's own."""
    status = grpc.StatusCode.__members__.get(message.status, grpc.StatusCode.UNKNOWN)
    reason = Reason(message.reason) if message.reason in set(Reason) else Reason.GRPC
    return RpcFailure(status, message.text, reason, message.hint, codes_in(message.codes))
