"""A prediction is sent again while a service comes back, and no longer than is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError, SetupError
from pyml.oip.messages import ModelInferResponse
from pyml_sandbox.predict.repeated_calls import RepeatedCalls

DOWN, STARTING, DIED = ErrorCode.SERVER_DOWN, ErrorCode.SERVER_STARTING, ErrorCode.SERVER_DIED
GATEWAY, RAISED, LATE = ErrorCode.GATEWAY_DOWN, ErrorCode.PREDICT_RAISED, ErrorCode.DEADLINE
RESPONSE = ModelInferResponse(model_name="fare")


class FailedError(grpc.RpcError):  # type: ignore[misc]  # grpc has no types
    """A failure with a code."""

    def __init__(self, code: ErrorCode) -> None:
        self.ours = PymlError("it failed", "", code)


@dataclass
class Service:
    """What answers: each request in turn ends with a code, and those after them get a response. A pause takes its time."""

    codes: list[ErrorCode]
    sent: int = 0
    now: float = 0
    pauses: list[float] = field(default_factory=list)
    why_away: Callable[[float], None] = lambda seconds: None

    def send(self) -> Service:
        self.sent += 1
        return self

    def result(self) -> ModelInferResponse:
        if self.sent <= len(self.codes):
            raise FailedError(self.codes[self.sent - 1])
        return RESPONSE

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def response(self, is_coming_back: Callable[[], bool] = lambda: True, repeat_s: float = 30) -> ModelInferResponse:
        calls = RepeatedCalls(
            lambda error: error.ours, is_coming_back, self.why_away, repeat_s, lambda: self.now, self.sleep
        )
        return calls.response(self.send(), self.send)


@pytest.mark.parametrize(
    "codes",
    [[], [GATEWAY], [STARTING, STARTING], [GATEWAY, DOWN, STARTING], [DIED], [DIED, DOWN, STARTING], [DOWN] * 20],
)
def test_a_request_is_sent_again_until_it_is_answered(codes: list[ErrorCode]) -> None:
    service = Service(codes)
    assert service.response() == RESPONSE
    assert service.sent == len(codes) + 1


@pytest.mark.parametrize(
    ("codes", "sent"),
    [([RAISED], 1), ([LATE], 1), ([GATEWAY, RAISED], 2), ([DIED, DIED], 2), ([DIED, DOWN, DIED], 3)],
)
def test_what_would_fail_again_is_not_sent_again(codes: list[ErrorCode], sent: int) -> None:
    service = Service(codes)
    with pytest.raises(PymlError) as caught:
        service.response()
    assert caught.value.code is codes[-1]
    assert service.sent == sent


def test_it_ends_with_the_last_failure_after_the_time_that_is_said() -> None:
    service = Service([DOWN] * 1000)
    with pytest.raises(PymlError):
        service.response(repeat_s=30)
    assert 30 <= service.now < 31
    assert service.pauses[:4] == [0.1, 0.2, 0.5, 1.0]


def test_where_no_response_came_in_time_who_knows_why_is_asked() -> None:
    def is_paused() -> bool:
        raise SandboxError("model-fare-1 does not answer: it is paused", "pyml dev up")

    with pytest.raises(SandboxError, match="it is paused"):
        Service([LATE]).response(is_coming_back=is_paused)


def test_where_nothing_comes_back_who_knows_why_is_asked() -> None:
    def why(seconds: float) -> None:
        assert seconds == 30
        raise SandboxError("model-fare-1 did not start: exit code 1", "pyml dev logs model-fare-1")

    service = Service([STARTING] * 1000, why_away=why)
    with pytest.raises(SandboxError, match="exit code 1"):
        service.response(repeat_s=30)
    assert service.now >= 30


def test_what_was_stopped_is_not_waited_for() -> None:
    service = Service([GATEWAY] * 9)
    with pytest.raises(PymlError):
        service.response(is_coming_back=lambda: False)
    assert (service.sent, service.now) == (1, 0)


def test_an_engine_that_does_not_answer_is_named() -> None:
    def no_engine() -> bool:
        raise SetupError("no Docker engine answers", "start Docker")

    with pytest.raises(SetupError, match="no Docker engine answers"):
        Service([GATEWAY]).response(is_coming_back=no_engine)
