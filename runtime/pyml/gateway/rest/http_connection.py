"""One HTTP connection, whose every error is JSON: also of what aiohttp refuses before a path is looked up."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from aiohttp import web

from pyml.gateway.rest.http_responses import protocol_failure, protocol_response, refusal_of, refusal_response
from pyml.gateway.telemetry.observed_request import REST, ObservedRequest
from pyml.gateway.telemetry.observer import Observer
from pyml.inference.request_times import REQUEST_ID_KEY
from pyml.oip.rpc_status import RpcFailure

log = logging.getLogger("pyml.gateway")


class HttpConnection(web.RequestHandler):
    """A connection of aiohttp that answers in JSON what is not HTTP, and headers that are refused.

    Args:
        observer: watches what is refused here, and reaches no path.
        arguments: of aiohttp's own connection.
    """

    def __init__(self, observer: Observer, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._observer = observer

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response to bytes that are not a request, or to an error that nothing else took.

        Raises:
            ConnectionError: a part of another response has been sent.
        """
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("a request was refused: %r", exc or message)
        if request.writer.output_size > 0:
            raise ConnectionError("a response was sent in part")
        failure = protocol_failure(status, message or "")
        return self._named(ObservedRequest(REST, "no HTTP"), failure, protocol_response(failure, status))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response; a refusal of aiohttp as JSON."""
        if isinstance(resp, web.HTTPException):
            failure = refusal_of(request, resp)
            observed = ObservedRequest(REST, f"{request.method} {request.path}", request.headers.get(REQUEST_ID_KEY))
            resp = self._named(observed, failure, refusal_response(failure, resp))
        return await super().finish_response(request, resp, start_time)

    def _named(self, observed: ObservedRequest, failure: RpcFailure, answer: web.Response) -> web.Response:
        """A refusal with the id of its request, which is in the log, too."""
        self._observer.refused(observed, str(answer.status), failure, is_infer=False)
        answer.headers[REQUEST_ID_KEY] = observed.id
        return answer
