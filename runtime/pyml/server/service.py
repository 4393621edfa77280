"""The protocol's methods for one model: which calls are refused, queued, or run on the model's thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NoReturn

import grpc

from pyml.errors import InputError
from pyml.inference.request_times import REQUEST_ID_KEY
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure, failure_of, queue_full
from pyml.server.main_thread import MainThreadExecutor
from pyml.server.served_model import ServedModel, parsed


class ModelService(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Answers the protocol's methods for one model.

    Args:
        model: the model; it need not be loaded yet.
        executor: where `predict` runs.
    """

    def __init__(self, model: ServedModel, executor: MainThreadExecutor) -> None:
        self.model = model
        self._executor = executor
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

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Choose the handler of a call; gRPC calls this on one thread, before it reads the request."""
        if details.method != oip.MODEL_INFER:
            return self._handlers.get(details.method)
        refusal = self._refusal()
        return self._infer_handler if refusal is None else _handler(partial(self._refuse, failure=refusal))

    def _refusal(self) -> RpcFailure | None:
        if not self.model.is_ready:
            return self._starting()
        max_queue = self.model.serving.max_queue
        return queue_full(self.model.name, max_queue) if self._executor.waiting >= max_queue else None

    def _starting(self) -> RpcFailure:
        message = f"model {self.model.name}@{self.model.version} is starting"
        return RpcFailure(grpc.StatusCode.UNAVAILABLE, message, Reason.STARTING)

    def _refuse(self, _data: bytes, context: grpc.ServicerContext, failure: RpcFailure) -> bytes:
        self.model.statistics.failed(0)
        return _abort(context, failure)

    def _infer(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        outcome = self.model.answer(data, self._executor.waited_ns, partial(_given_id, context))
        if isinstance(outcome, bytes):
            return outcome
        return _abort(context, outcome.failure, *([(REQUEST_ID_KEY, outcome.id)] if outcome.id else []))

    def _server_live(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        return oip.ServerLiveResponse(live=True).SerializeToString()

    def _server_ready(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        return oip.ServerReadyResponse(ready=self.model.is_ready).SerializeToString()

    def _model_ready(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self._check_model(data, context)
        return oip.ModelReadyResponse(ready=self.model.is_ready).SerializeToString()

    def _server_metadata(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        from pyml.oip.metadata import server_metadata

        return server_metadata("pyml model server").SerializeToString()

    def _model_metadata(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        from pyml.oip.metadata import model_metadata

        self._check_model(data, context)
        runner = self.model.runner
        if runner is None:
            _abort(context, self._starting())
        metadata = model_metadata(self.model.name, self.model.version, runner.inputs, runner.outputs)
        return metadata.SerializeToString()

    def _model_statistics(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self._check_model(data, context)
        found = self.model.statistics.message(self.model.name, self.model.version)
        return oip.ModelStatisticsResponse(model_stats=[found]).SerializeToString()

    def _check_model(self, data: bytes, context: grpc.ServicerContext) -> None:
        try:
            request = parsed(oip.ModelReadyRequest, data)
            self.model.refuse_different(request.name, request.version)
        except InputError as error:
            _abort(context, failure_of(error))


def _handler(behaviour: Callable[[bytes, grpc.ServicerContext], bytes]) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(behaviour)


def _given_id(context: grpc.ServicerContext) -> str:
    """The caller's id of a request; empty if it has none."""
    return next((str(value) for key, value in context.invocation_metadata() if key == REQUEST_ID_KEY), "")


def _abort(context: grpc.ServicerContext, failure: RpcFailure, *more: tuple[str, str]) -> NoReturn:
    context.set_trailing_metadata((*failure.metadata, *more))
    context.abort(failure.status, failure.details)
    raise AssertionError("abort returned")  # it never does; grpc has no types that say so
