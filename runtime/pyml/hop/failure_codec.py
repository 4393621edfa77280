"""Failures of a model server as messages of the hop."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from pyml.hop.hop_messages import Failure
from pyml.oip.rpc_status import Reason, RpcFailure, codes_in


@dataclass(frozen=True)
class FailedRequest:
    """A request without a response.

    Attributes:
        failure: why.
        id: under which it was logged; empty if it was not.
    """

    failure: RpcFailure
    id: str = ""


def failure_message(failed: FailedRequest) -> Failure:
    """A failed request as a message."""
    failure = failed.failure
    return Failure(
        status=failure.status.name,
        text=_sendable(failure.message),
        reason=failure.reason,
        hint=_sendable(failure.hint),
        codes=failure.codes,
        id=failed.id,
    )


def _sendable(text: str) -> str:
    """A text that a message can hold: a model may raise with half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def failure_from(message: Failure) -> FailedRequest:
    """The failed request of a message; of a newer pyml, whose reason this one does not know, it is gRPC's own."""
    status = grpc.StatusCode.__members__.get(message.status, grpc.StatusCode.UNKNOWN)
    reason = Reason(message.reason) if message.reason in set(Reason) else Reason.GRPC
    failure = RpcFailure(status, message.text, reason, message.hint, codes_in(message.codes))
    return FailedRequest(failure, message.id)
