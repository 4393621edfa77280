"""The gateway's REST server: the same calls, over HTTP and JSON.

Source of the paths and of both body formats: the protocol's HTTP/REST API and its binary tensor data extension.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from importlib.resources import files
from typing import ParamSpec, TypeVar

import grpc
from aiohttp import web

from pyml.errors import InputError
from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.channel import Forwarded
from pyml.gateway.grpc_server import EXTENSIONS
from pyml.gateway.repository import index
from pyml.gateway.rest.http_responses import failure_response, json_response, refusal_of, refusal_response
from pyml.gateway.rest.local_callers import why_foreign
from pyml.gateway.rest.request_body import unpacked
from pyml.gateway.statistics import DURATIONS, statistics
from pyml.gateway.telemetry.metrics_page import MetricsPage
from pyml.gateway.telemetry.observed_request import REST, ObservedRequest
from pyml.gateway.telemetry.observer import GONE, Observer
from pyml.inference.request_times import REQUEST_ID_KEY, TRACEPARENT_KEY
from pyml.oip import messages as oip
from pyml.oip.binary_tensors import OutputEncoding
from pyml.oip.json_codec import HttpResponse, read_index_request, read_request, write_response
from pyml.oip.metadata import server_metadata
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError, failure_of, too_large
from pyml.oip.tensor import refusal

log = logging.getLogger("pyml.gateway")

AUTO_DECOMPRESS = False
"""For aiohttp's server, whose own decompression has no limit, and takes a body that is cut off for whole."""

OPENAPI = files(__package__).joinpath("openapi.json").read_bytes()
"""The description of all paths, as OpenAPI 3.1."""

LARGE_BYTES = 256 * 1024
"""What is smaller is parsed or written in two milliseconds; a thread costs a tenth of one."""

_MAX_DIGITS = 20
_GONE_STATUS = 499
_OBSERVED: ContextVar[ObservedRequest] = ContextVar("observed")
"""The request that a task of aiohttp answers now."""
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class RestService:
    """Answers the protocol's paths.

    Args:
        balancer: the model servers.
        max_body_bytes: size of the largest accepted body, in bytes.
        observer: watches the requests.
        page: the figures; None if there is no path for them.
        is_local_only: whether requests that do not name this machine are refused.
    """

    def __init__(
        self,
        balancer: LoadBalancer,
        max_body_bytes: int,
        observer: Observer,
        page: MetricsPage | None = None,
        *,
        is_local_only: bool = False,
    ) -> None:
        self._balancer = balancer
        self._max_body_bytes = max_body_bytes
        self._observer = observer
        self._page = page
        self._is_local_only = is_local_only

    def application(self) -> web.Application:
        """The paths, for aiohttp to serve."""
        app = web.Application(client_max_size=self._max_body_bytes, middlewares=[self._observed])
        app.router.add_get("/openapi.json", self._openapi)
        if self._page is not None:
            app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/v2", self._server_metadata)
        app.router.add_get("/v2/health/live", self._live)
        app.router.add_get("/v2/health/ready", self._ready)
        app.router.add_get("/v2/models", self._models)
        app.router.add_post("/v2/repository/index", self._index)
        app.router.add_get("/v2/models/stats", self._statistics)
        for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            app.router.add_get(model, self._model_metadata)
            app.router.add_get(f"{model}/ready", self._model_ready)
            app.router.add_get(f"{model}/stats", self._statistics)
            app.router.add_post(f"{model}/infer", self._infer)
        return app

    async def _openapi(self, _request: web.Request) -> web.Response:
        return web.Response(body=OPENAPI, content_type="application/json")

    async def _metrics(self, request: web.Request) -> web.Response:
        if self._page is None:
            raise RuntimeError("there are no figures")
        body, content_type = self._page.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _live(self, _request: web.Request) -> web.Response:
        return json_response({"live": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        return json_response({"ready": True})

    async def _server_metadata(self, _request: web.Request) -> web.Response:
        found = server_metadata("pyml gateway", EXTENSIONS)
        return json_response({"name": found.name, "version": found.version, "extensions": list(found.extensions)})

    async def _models(self, _request: web.Request) -> web.Response:
        return json_response({"models": sorted({route.model for route in self._balancer.routes()})})

    async def _index(self, request: web.Request) -> web.Response:
        wanted = read_index_request(await request.read())
        found = await index(self._balancer, wanted)
        entries = [{"name": e.name, "version": e.version, "state": e.state, "reason": e.reason} for e in found.models]
        return json_response(entries)

    async def _statistics(self, request: web.Request) -> web.Response:
        wanted = oip.ModelStatisticsRequest(
            name=request.match_info.get("model", ""), version=request.match_info.get("version", "")
        )
        found = await statistics(self._balancer, wanted)
        return json_response({"model_stats": [_statistics_of(each) for each in found.model_stats]})

    async def _model_ready(self, request: web.Request) -> web.Response:
        model, version = _asked(request)
        asked = oip.ModelReadyRequest(name=model, version=version).SerializeToString()
        reply = oip.ModelReadyResponse.FromString(await self._call(request, oip.MODEL_READY, asked))
        return json_response({"name": model, "ready": reply.ready}, status=200 if reply.ready else 503)

    async def _model_metadata(self, request: web.Request) -> web.Response:
        model, version = _asked(request)
        asked = oip.ModelMetadataRequest(name=model, version=version).SerializeToString()
        found = oip.ModelMetadataResponse.FromString(await self._call(request, oip.MODEL_METADATA, asked))
        return json_response(
            {
                "name": found.name,
                "versions": list(found.versions),
                "platform": found.platform,
                "inputs": [_tensor(tensor) for tensor in found.inputs],
                "outputs": [_tensor(tensor) for tensor in found.outputs],
                "properties": dict(found.properties),
            }
        )

    async def _infer(self, request: web.Request) -> web.Response:
        model, version = _asked(request)
        observed = _OBSERVED.get()
        self._observer.routed(observed, self._balancer.find(model, version))
        packed = await request.read()
        observed.size_bytes = len(packed)
        encoding = request.headers.get("Content-Encoding", "")
        body = await asyncio.to_thread(unpacked, packed, encoding, self._max_body_bytes) if encoding else packed
        json_size = _json_size(request, len(body))
        message, is_binary = await _beside(len(body), _message_of, body, model, version, json_size)
        reply = await self._call(request, oip.MODEL_INFER, message)
        return _response(await _beside(len(reply), _http_response, reply, is_binary))

    async def _call(self, request: web.Request, method: str, message: bytes) -> bytes:
        observed = _OBSERVED.get()
        route = observed.route = observed.route or self._balancer.find(*_asked(request))
        return await self._balancer.call(Forwarded(route, method, message, None, observed))

    @web.middleware
    async def _observed(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Answer a request, every error of it as JSON; with its id, and counted."""
        headers = request.headers
        call = f"{request.method} {request.path}"
        given = headers.get(REQUEST_ID_KEY), headers.get(TRACEPARENT_KEY)
        observed = ObservedRequest(REST, call, *given)
        _OBSERVED.set(observed)
        try:
            answer, failure = await self._answer(request, handler)
        except asyncio.CancelledError:
            self._ended(request, observed, _GONE_STATUS, GONE)
            raise
        self._ended(request, observed, answer.status, failure, answer)
        answer.headers[REQUEST_ID_KEY] = observed.id
        return answer

    async def _answer(self, request: web.Request, handler: _Handler) -> tuple[web.StreamResponse, RpcFailure | None]:
        """The response, and the failure that it tells of."""
        try:
            if self._is_local_only:
                headers = request.headers
                foreign = why_foreign(request.method, headers.get("Host"), headers.get("Origin"))
                if foreign is not None:
                    return failure_response(foreign), foreign
            return await handler(request), None
        except web.HTTPRequestEntityTooLarge:
            failure = too_large(request.client_max_size).failure
        except web.HTTPException as error:
            failure = refusal_of(request, error)
            return refusal_response(failure, error), failure
        except web.RequestPayloadError as error:
            failure = failure_of(refusal(f"the body is not whole: {error}", "send it again"))
        except (InputError, RpcFailureError) as error:
            failure = failure_of(error)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            failure = failure_of(error)
        return failure_response(failure), failure

    def _ended(
        self,
        request: web.Request,
        observed: ObservedRequest,
        status: int,
        failure: RpcFailure | None,
        answer: web.StreamResponse | None = None,
    ) -> None:
        """Count and log a request that has ended."""
        code, is_infer = str(status), request.match_info.handler == self._infer
        if failure is not None:
            is_ready = request.match_info.handler == self._model_ready
            self._observer.refused(observed, code, failure, is_infer=is_infer, is_logged=not is_ready)
        elif is_infer:
            self._observer.predicted(observed, code, _size_of(answer))
        else:
            self._observer.answered(observed, code)


async def _beside(
    size_bytes: int, act: Callable[_Arguments, _Result], *given: _Arguments.args, **named: _Arguments.kwargs
) -> _Result:
    """Do what takes long for a large body in a thread, so that other requests do not wait for all of it."""
    return await asyncio.to_thread(act, *given, **named) if size_bytes > LARGE_BYTES else act(*given, **named)


def _message_of(body: bytes, model: str, version: str, json_size: int | None) -> tuple[bytes, OutputEncoding]:
    """The message to the model server for the body of a request, and which outputs the caller wants as binary data."""
    asked, is_binary = read_request(body, model, version, json_size)
    return asked.SerializeToString(), is_binary


def _http_response(reply: bytes, is_binary: OutputEncoding) -> HttpResponse:
    return write_response(oip.ModelInferResponse.FromString(reply), is_binary)


def _size_of(answer: web.StreamResponse | None) -> int:
    return len(answer.body) if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else 0


def _asked(request: web.Request) -> tuple[str, str]:
    return request.match_info["model"], request.match_info.get("version", "")


def _json_size(request: web.Request, body_size: int) -> int | None:
    given = request.headers.get(oip.JSON_SIZE_HEADER)
    if given is None:
        return None
    if not given.isdecimal() or len(given) > _MAX_DIGITS or int(given) > body_size:
        message = f"the header {oip.JSON_SIZE_HEADER} is {given[:_MAX_DIGITS]!r}, but the body has {body_size} bytes"
        raise RpcFailureError(RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, message, Reason.INPUT))
    return int(given)


def _statistics_of(found: oip.ModelStatistics) -> dict[str, object]:
    durations = ((what, getattr(found.inference_stats, what)) for what in DURATIONS)
    return {
        "name": found.name,
        "version": found.version,
        "last_inference": found.last_inference,
        "inference_count": found.inference_count,
        "execution_count": found.execution_count,
        "inference_stats": {what: {"count": each.count, "ns": each.ns} for what, each in durations},
        "batch_stats": [],
    }


def _tensor(tensor: oip.TensorMetadata) -> dict[str, object]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}


def _response(answer: HttpResponse) -> web.Response:
    if answer.json_size is None:
        return web.Response(body=answer.body, content_type="application/json")
    headers = {oip.JSON_SIZE_HEADER: str(answer.json_size)}
    return web.Response(body=answer.body, content_type="application/octet-stream", headers=headers)
