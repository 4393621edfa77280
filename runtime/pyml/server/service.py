"""The protocol's methods for one model: which calls are refused, queued, or run on the model's thread."""

from __future__ import annotations

import gc
import logging
import uuid
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, NoReturn, TypeVar

import grpc

from pyml.errors import InputError, Problem, PymlError
from pyml.inference.request_times import REQUEST_ID_KEY
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure, failure_of
from pyml.package.settings import MIB, ServingSettings
from pyml.server.main_thread import MainThreadExecutor
from pyml.server.request_statistics import RequestStatistics, TimedPredictor

if TYPE_CHECKING:
    from pyml.inference.runner import Runner

log = logging.getLogger("pyml.server")

_M = TypeVar("_M", oip.ModelInferRequest, oip.ModelReadyRequest)


class ModelService(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Answers the protocol's methods for one model.

    Args:
        name: the model's name.
        version: the model's version.
        serving: limits of the queue and of requests.
        executor: where `predict` runs.
    """

    def __init__(self, name: str, version: str, serving: ServingSettings, executor: MainThreadExecutor) -> None:
        self.name = name
        self.version = version
        self.serving = serving
        self._executor = executor
        self._runner: Runner | None = None
        self._predictor: TimedPredictor | None = None
        self._statistics = RequestStatistics()
        self._context = copy_context()
        infer = partial(self._infer)
        infer.experimental_thread_pool = executor  # type: ignore[attr-defined]  # grpc runs the method there
        self._infer_handler = _handler(infer)
        self._handlers = {
            oip.SERVER_LIVE: _handler(self._server_live),
            oip.SERVER_READY: _handler(self._server_ready),
            oip.SERVER_METADATA: _handler(self._server_metadata),
            oip.MODEL_READY: _handler(self._model_ready),
            oip.MODEL_METADATA: _handler(self._model_metadata),
            oip.MODEL_STATISTICS: _handler(self._model_statistics),
        }

    @property
    def is_ready(self) -> bool:
        """True once the model is loaded."""
        return self._runner is not None

    def load(self, package: Path) -> None:
        """Load the model; on the thread that will predict.

        Raises:
            PackageError: the package is invalid, or its code raised.
        """
        from pyml.inference.runner import Runner

        runner = Runner.load(package)
        gc.collect()
        gc.freeze()
        # Context that the model set while loading (decimal precision, numpy's error state) is valid in `predict`, too.
        self._context = copy_context()
        self._predictor = TimedPredictor(runner)
        self._runner = runner

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Choose the handler of a call; gRPC calls this on one thread, before it reads the request."""
        if details.method != oip.MODEL_INFER:
            return self._handlers.get(details.method)
        refusal = self._refusal()
        return self._infer_handler if refusal is None else _handler(partial(self._refuse, failure=refusal))

    def _refusal(self) -> RpcFailure | None:
        if self._runner is None:
            return self._starting()
        if self._executor.waiting >= self.serving.max_queue:
            return RpcFailure(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"the queue of model {self.name} is full: {self.serving.max_queue} requests wait for predict",
                Reason.QUEUE,
                "send fewer requests at once with more rows each, or raise max_queue in [serving] of pyml.toml",
            )
        return None

    def _starting(self) -> RpcFailure:
        return RpcFailure(grpc.StatusCode.UNAVAILABLE, f"model {self.name}@{self.version} is starting", Reason.STARTING)

    def _refuse(self, _data: bytes, context: grpc.ServicerContext, failure: RpcFailure) -> bytes:
        self._statistics.failed(0)
        return _abort(context, failure)

    def _infer(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        begun_ns, waited_ns = perf_counter_ns(), self._executor.waited_ns
        named, failure = "", _oversize(len(data), self.serving.max_request_mb)
        if failure is None:
            try:
                reply = self._context.run(self._answer, data)
                if self._predictor:
                    times = self._predictor.times(waited_ns, begun_ns)
                    self._statistics.succeeded(times)
                    return times.appended(reply)
                return reply
            except BaseException as error:  # whatever a model raises, the server keeps running
                failure = failure_of(error)
                named = _id_of(context)
                told = failure.status.name, named, _told(failure)
                log.warning("%s [%s]: %s", *told, exc_info=failure.is_ours and error)
        self._statistics.failed(waited_ns + perf_counter_ns() - begun_ns)
        return _abort(context, failure, *([(REQUEST_ID_KEY, named)] if named else []))

    def _answer(self, data: bytes) -> bytes:
        from pyml.oip.codec import answer

        if self._predictor is None:
            raise PymlError("the model is not loaded")
        request = _parsed(oip.ModelInferRequest, data)
        self._refuse_other(request.model_name, request.model_version)
        response = answer(request, self._predictor, self.serving.max_request_mb * MIB)
        response.model_name, response.model_version = self.name, self.version
        return response.SerializeToString()

    def _refuse_other(self, name: str, version: str) -> None:
        if name != self.name or version not in ("", self.version):
            asked = f"{name}@{version}" if version else name
            found = f"the request names {asked}, this server has {self.name}@{self.version}"
            raise InputError("this server does not serve the model", [Problem(found, "send requests to the gateway")])

    def _server_live(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        return oip.ServerLiveResponse(live=True).SerializeToString()

    def _server_ready(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        return oip.ServerReadyResponse(ready=self.is_ready).SerializeToString()

    def _model_ready(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self._check_model(data, context)
        return oip.ModelReadyResponse(ready=self.is_ready).SerializeToString()

    def _server_metadata(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        from pyml.oip.metadata import server_metadata

        return server_metadata("pyml model server").SerializeToString()

    def _model_metadata(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        from pyml.oip.metadata import model_metadata

        self._check_model(data, context)
        if self._runner is None:
            _abort(context, self._starting())
        metadata = model_metadata(self.name, self.version, self._runner.inputs, self._runner.outputs)
        return metadata.SerializeToString()

    def _model_statistics(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self._check_model(data, context)
        found = self._statistics.message(self.name, self.version)
        return oip.ModelStatisticsResponse(model_stats=[found]).SerializeToString()

    def _check_model(self, data: bytes, context: grpc.ServicerContext) -> None:
        try:
            request = _parsed(oip.ModelReadyRequest, data)
            self._refuse_other(request.name, request.version)
        except InputError as error:
            _abort(context, failure_of(error))


def _handler(behaviour: Callable[[bytes, grpc.ServicerContext], bytes]) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(behaviour)


def _id_of(context: grpc.ServicerContext) -> str:
    """The id of a request that failed: its caller's, else a new one, which the gateway takes over."""
    given = next((value for key, value in context.invocation_metadata() if key == REQUEST_ID_KEY), None)
    return uuid.uuid4().hex if given is None else str(given)


def _told(failure: RpcFailure) -> str:
    """What the log says of a failure: what is wrong with a caller's rows quotes them, and is told the caller alone."""
    return ", ".join(failure.codes) if failure.reason is Reason.INPUT else failure.text


def _abort(context: grpc.ServicerContext, failure: RpcFailure, *more: tuple[str, str]) -> NoReturn:
    context.set_trailing_metadata((*failure.metadata, *more))
    context.abort(failure.status, failure.details)
    raise AssertionError("abort returned")  # it never does; grpc has no types that say so


def _parsed(message: type[_M], data: bytes) -> _M:
    try:
        return message.FromString(data)
    except oip.DecodeError as error:
        raise InputError("the request is not a message of the protocol", [Problem(str(error))]) from error


def _oversize(size_bytes: int, max_request_mb: int) -> RpcFailure | None:
    if size_bytes <= max_request_mb * MIB:
        return None
    return RpcFailure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"the request has {size_bytes / MIB:.1f} MiB, this model accepts up to {max_request_mb} MiB",
        Reason.SIZE,
        "send fewer rows in each request, or raise max_request_mb in [serving] of pyml.toml",
    )
