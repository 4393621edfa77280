"""The model of a server: loaded once, and asked by one thread; what it is asked over gRPC and over the hop alike."""

from __future__ import annotations

import gc
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, TypeVar

import grpc

from pyml.errors import InputError, Problem, PymlError
from pyml.hop.failure_codec import FailedRequest
from pyml.oip import messages as oip
from pyml.oip.rpc_status import Reason, RpcFailure, failure_of
from pyml.package.settings import AUTO, MIB, ServingSettings
from pyml.server.request_statistics import RequestStatistics, TimedPredictor

if TYPE_CHECKING:
    from pyml.hop.hop_messages import Request
    from pyml.inference.runner import Runner
    from pyml.server.together import ReadRequest

log = logging.getLogger("pyml.server")

_M = TypeVar("_M", oip.ModelInferRequest, oip.ModelReadyRequest)


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
        """The replies to the first request and those of its kind, by their numbers; none if it goes alone.

        Raises nothing. The requests of a group that fails go alone from then on, and each says what is wrong with it.
        """
        begun_ns = perf_counter_ns()
        group = self._group(requests)
        if len(group) < 2:
            return {}
        try:
            return self._replies(group, begun_ns)
        except BaseException as error:  # noqa: BLE001 - whatever a model raises, the server keeps running
            log.info("%d requests are predicted again, one by one: %s", len(group), type(error).__name__)
            for each, _ in group:
                each.together = False
            return {}

    def _group(self, requests: Sequence[Request]) -> list[tuple[Request, ReadRequest]]:
        """The first request and those that may be predicted with it; all of them take no more than one may."""
        group: list[tuple[Request, ReadRequest]] = []
        size = 0
        for each in requests:
            if size + len(each.message) > self._max_bytes:
                break
            read = self._decoded(each)
            if (
                read is not None
                and size + read.size_bytes <= self._max_bytes
                and (not group or read.goes_with(group[0][1]))
            ):
                group.append((each, read))
                size += read.size_bytes
            if not group or not group[0][1].may_have_company:
                break  # the first goes alone
        return group

    def _decoded(self, request: Request) -> ReadRequest | None:
        """A request, decoded; None if it cannot be: then it goes alone, and is refused with the reason."""
        from pyml.server.together import ReadRequest

        try:
            return ReadRequest.of(self._read(request.message), self._loaded(), self._max_bytes)
        except Exception:  # noqa: BLE001 - it is raised again when it is asked alone
            request.together = False
            return None

    def _replies(self, group: Sequence[tuple[Request, ReadRequest]], begun_ns: int) -> dict[int, bytes]:
        from pyml.server.together import answer_together

        predictor, replies = self._loaded(), {}
        for (request, read), response in zip(
            group, answer_together([read for _, read in group], predictor), strict=True
        ):
            reply = self._serialised(response)
            times = predictor.times(begun_ns - request.came_ns, begun_ns)._replace(rows=read.length)
            replies[request.number] = times.appended(reply)
            self.statistics.succeeded(times, executions=int(len(replies) == 1))
        return replies

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
