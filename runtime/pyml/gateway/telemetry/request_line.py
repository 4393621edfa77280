"""The line of a request in the gateway's log: one object of JSON, which never holds a value of a row."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import orjson

from pyml.gateway.telemetry.observed_request import ObservedRequest
from pyml.oip.rpc_status import RpcFailure

_MAX_TEXT = 500
_QUOTE_NO_ROWS = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)
"""Failures of servers, queues and names. What is wrong with rows, and what a model raised, may quote a row."""


def request_line(request: ObservedRequest, code: str, failure: RpcFailure | None, seconds: float) -> str:
    """The line.

    Args:
        request: the request.
        code: that the caller got.
        failure: why it failed; None if it was answered.
        seconds: that it took.
    """
    route = request.route
    entry: dict[str, object] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": request.id,
        "form": request.form,
        "call": request.call[:_MAX_TEXT],
        "model": None if route is None else route.model,
        "version": None if route is None else route.version,
        "code": code,
        "duration_s": round(seconds, 6),
    }
    if request.traceparent is not None:
        entry["traceparent"] = request.traceparent
    if request.times is not None:
        entry["rows"] = request.times.rows
    if failure is not None:
        entry["reason"] = failure.reason
        entry["codes"] = failure.codes
        if failure.status in _QUOTE_NO_ROWS:
            entry["message"] = failure.message[:_MAX_TEXT]
    return orjson.dumps(entry).decode()
