"""One HTTP connection, whose every error is JSON: also of what aiohttp refuses before a path is looked up."""

from __future__ import annotations

import logging

from aiohttp import web

from pyml.gateway.rest.http_responses import protocol_response, refusal_response

log = logging.getLogger("pyml.gateway")


class HttpConnection(web.RequestHandler):
    """A connection of aiohttp that answers in JSON what is not HTTP, and headers that are refused."""

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
        log.log(logging.WARNING if status < 500 else logging.ERROR, "a request was refused: %r", exc or message)
        if request.writer.output_size > 0:
            raise ConnectionError("a response was sent in part")
        return protocol_response(status, message or "")

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response; a refusal of aiohttp as JSON."""
        if isinstance(resp, web.HTTPException):
            resp = refusal_response(request, resp)
        return await super().finish_response(request, resp, start_time)
