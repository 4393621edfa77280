"""Responses in JSON: a document, a failure with its reason, and what aiohttp itself refuses."""

from __future__ import annotations

from http import HTTPStatus

import grpc
import orjson
from aiohttp import web

from pyml.oip.rpc_status import CODE_KEY, REASON_KEY, Reason, RpcFailure

_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}

_RETRY_AFTER_S = "1"
_OFFERED = "docs/reference/serving.md lists the paths that are offered"


def json_response(document: object, status: int = 200) -> web.Response:
    """A document as JSON."""
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")


def failure_response(failure: RpcFailure, status: int | None = None) -> web.Response:
    """A failure as JSON, with its reason and codes as headers.

    Args:
        failure: why the call failed.
        status: of the response; by default that of the failure.
    """
    if status is None:
        status = 413 if failure.reason is Reason.SIZE else _STATUS.get(failure.status, 500)
    answer = json_response({"error": failure.text}, status)
    answer.headers[REASON_KEY] = failure.reason
    for code in failure.codes:
        answer.headers.add(CODE_KEY, code)
    if failure.reason is Reason.STARTING:
        answer.headers["Retry-After"] = _RETRY_AFTER_S
    return answer


def refusal_of(request: web.BaseRequest, error: web.HTTPException) -> RpcFailure:
    """What aiohttp's router and its checks of headers refuse, as a failure."""
    message = f"{request.method} {request.path}: {error.reason}"
    return RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, message, Reason.INPUT, _OFFERED)


def refusal_response(failure: RpcFailure, error: web.HTTPException) -> web.Response:
    """Such a failure as JSON."""
    answer = failure_response(failure, error.status)
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return answer


def protocol_failure(status: int, found: str) -> RpcFailure:
    """The failure of what is not HTTP.

    Args:
        status: of the response.
        found: what aiohttp says of it; may be several lines.
    """
    phrase = HTTPStatus(status).phrase
    message = f"the request is not HTTP: {' '.join(found.split()) or phrase}"
    reason = Reason.INPUT if status < HTTPStatus.INTERNAL_SERVER_ERROR else Reason.BUG
    return RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, message, reason, "send it with a library for HTTP/1.1")


def protocol_response(failure: RpcFailure, status: int) -> web.Response:
    """Such a failure as JSON; the connection is closed afterwards."""
    answer = failure_response(failure, status)
    answer.force_close()
    return answer
