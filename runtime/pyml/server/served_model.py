"""The model of a server: loaded once, and asked by one thread; what it is asked over gRPC and over the hop alike."""

from __future__ import annotations

import gc
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, TypeVar

import grpc

from pyml.errors import InputError, Problem, PymlError
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError, failure_of
from pyml.package.settings import AUTO, MIB, ServingSettings
from pyml.server.request_statistics import RequestStatistics, TimedPredictor

if TYPE_CHECKING:
    from pyml.hop.hop_messages import Request
    from pyml.inference.runner import Runner
    from pyml.server.together import ReadRequest

log = logging.getLogger("pyml.server")

_M = TypeVar("_M", oip.ModelInferRequest, oip.ModelReadyRequest)


@dataclass(frozen=True)
class FailedRequest:
    """A request without a response.

    Attributes:
        failure: why.
        id: under which it was logged; empty if it was not.
    """

    failure: RpcFailure
    id: str = ""


class ServedModel:
    """The model of a server.

    Args:
        name: the model's name.
        version: the model's version.
        serving: limits of requests.
    """

    def __init__(self, name: str, version: str, serving: ServingSettings) -> None:
        self.name = name
        self.version = version
        self.serving = serving
        self._max_bytes = serving.max_request_mb * MIB
        self.statistics = RequestStatistics()
        self.runner: Runner | None = None
        self._predictor: TimedPredictor | None = None
        self._context = copy_context()

    @property
    def is_ready(self) -> bool:
        """True once the model is loaded."""
        return self.runner is not None

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
        self.runner = runner

    def answer(self, data: bytes, waited_ns: int, given_id: Callable[[], str]) -> bytes | FailedRequest:
        """Predict for one request; on the thread that loaded the model. Raises nothing.

        Args:
            data: a serialised request.
            waited_ns: how long it waited for its turn, in nanoseconds.
            given_id: gives its caller's id of it; empty if it has none.

        Returns:
            The serialised response, with the times of the request at its end; or why there is none.
        """
        begun_ns, id_in_log = perf_counter_ns(), ""
        failure = _oversize(len(data), self.serving.max_request_mb)
        if failure is None:
            try:
                return self._context.run(self._answer, data, waited_ns, begun_ns)
            except BaseException as error:  # whatever a model raises, the server keeps running
                failure, id_in_log = failure_of(error), given_id() or uuid.uuid4().hex
                told = failure.status.name, id_in_log, _told(failure)
                log.warning("%s [%s]: %s", *told, exc_info=failure.is_ours and error)
        self.statistics.failed(waited_ns + perf_counter_ns() - begun_ns)
        return FailedRequest(failure, id_in_log)

    def answer_next(self, waiting: dict[int, Request]) -> Mapping[int, bytes | FailedRequest]:
        """Predict for the request that has waited longest; on the thread that loaded the model. Raises nothing.

        Where it may be predicted together with others, those of its form and schema that wait are predicted in the same
        call. If that call fails, each of them is predicted again, alone: a request that fails fails no other.

        Args:
            waiting: the requests that wait, by their numbers, in the order in which they came; those that are answered
                are taken out.

        Returns:
            The answers by the numbers of the requests, each as that of `answer`.
        """
        first = next(iter(waiting.values()))
        if first.together and len(waiting) > 1 and self.serving.batching == AUTO:
            replies = self._context.run(self._answer_together, [each for each in waiting.values() if each.together])
            if replies:
                for number in replies:
                    del waiting[number]
                return replies
        del waiting[first.number]
        waited_ns = max(0, perf_counter_ns() - first.came_ns)
        return {first.number: self.answer(first.message, waited_ns, lambda: first.id)}

    def refuse_different(self, name: str, version: str) -> None:
        """Refuse a request for a different model.

        Raises:
            InputError: it is one.
        """
        if name != self.name or version not in ("", self.version):
            asked = f"{name}@{version}" if version else name
            found = f"the request names {asked}, this server has {self.name}@{self.version}"
            raise InputError("this server does not serve the model", [Problem(found, "send requests to the gateway")])

    def _answer(self, data: bytes, waited_ns: int, begun_ns: int) -> bytes:
        from pyml.oip.codec import answer

        predictor = self._loaded()
        reply = self._serialised(answer(self._read(data), predictor, self._max_bytes))
        times = predictor.times(waited_ns, begun_ns)
        self.statistics.succeeded(times)
        return times.appended(reply)

    def _answer_together(self, requests: Sequence[Request]) -> dict[int, bytes]:
        """The replies to the first request and those of its kind, by their numbers; none if they must go alone."""
        from pyml.server.together import answer_together, those_with_first

        predictor = self._loaded()
        begun_ns = perf_counter_ns()
        read = self._decoded(requests, predictor)
        group = those_with_first(read, self._max_bytes) if requests[0].number in read else []
        try:
            responses = answer_together([read[number] for number in group], predictor) if group else []
        except BaseException as error:  # noqa: BLE001 - each is predicted again, and says itself what is wrong
            log.info("%d requests are predicted again, one by one: %r", len(group), error)
            for each in requests:
                each.together = each.together and each.number not in group
            return {}
        came_ns, replies = {each.number: each.came_ns for each in requests}, {}
        for number, response in zip(group, responses, strict=True):
            reply = self._serialised(response)
            times = predictor.times(begun_ns - came_ns[number], begun_ns)._replace(rows=read[number].length)
            self.statistics.succeeded(times, executions=int(number == group[0]))
            replies[number] = times.appended(reply)
        return replies

    def _decoded(self, requests: Sequence[Request], predictor: TimedPredictor) -> dict[int, ReadRequest]:
        """The requests that can be decoded, by their numbers; each of the others goes alone, and is refused then."""
        from pyml.server.together import ReadRequest

        read = {}
        for each in requests:
            try:
                if len(each.message) <= self._max_bytes:
                    read[each.number] = ReadRequest.of(self._read(each.message), predictor, self._max_bytes)
            except (PymlError, RpcFailureError):
                each.together = False
        return read

    def _read(self, data: bytes) -> oip.ModelInferRequest:
        request = parsed(oip.ModelInferRequest, data)
        self.refuse_different(request.model_name, request.model_version)
        return request

    def _serialised(self, response: oip.ModelInferResponse) -> bytes:
        response.model_name, response.model_version = self.name, self.version
        return response.SerializeToString()

    def _loaded(self) -> TimedPredictor:
        if self._predictor is None:
            raise PymlError("the model is not loaded")
        return self._predictor


def parsed(message: type[_M], data: bytes) -> _M:
    """A message of the protocol.

    Raises:
        InputError: the bytes are none.
    """
    try:
        return message.FromString(data)
    except oip.DecodeError as error:
        raise InputError("the request is not a message of the protocol", [Problem(str(error))]) from error


def _told(failure: RpcFailure) -> str:
    """What the log says of a failure: what is wrong with a caller's rows quotes them, and is told the caller alone."""
    return ", ".join(failure.codes) if failure.reason is Reason.INPUT else failure.text


def _oversize(size_bytes: int, max_request_mb: int) -> RpcFailure | None:
    if size_bytes <= max_request_mb * MIB:
        return None
    return RpcFailure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"the request has {size_bytes / MIB:.1f} MiB, this model accepts up to {max_request_mb} MiB",
        Reason.SIZE,
        "send fewer rows in each request, or raise max_request_mb in [serving] of pyml.toml",
    )
