"""Sends a request again where a service went away and is coming back. A prediction changes nothing, so that is safe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from pyml.error_code import ErrorCode
from pyml.errors import PymlError

if TYPE_CHECKING:
    from pyml.oip.messages import ModelInferResponse

REPEAT_S = 30.0
"""How long a request is sent again, from its first failure on; never longer than its own deadline."""
PAUSES_S = (0.1, 0.2, 0.5, 1.0)
"""The pauses between two tries; the last one is repeated."""
_AWAY = (ErrorCode.GATEWAY_DOWN, ErrorCode.SERVER_DOWN, ErrorCode.SERVER_STARTING)


@dataclass(frozen=True)
class RepeatedCalls:
    """Gets the responses of requests.

    Attributes:
        translated: an error of gRPC as one of ours.
        is_coming_back: asks whoever starts the services whether they run or are being started again; raises what is
            wrong with all of them, such as an engine that does not answer.
        why_away: called, with `repeat_s`, where a server did not come back in time; raises why, if it is known.
        repeat_s: how many seconds a request is repeated.
        clock: gives seconds.
        sleep: waits for seconds.
    """

    translated: Callable[[grpc.RpcError], PymlError]
    is_coming_back: Callable[[], bool]
    why_away: Callable[[float], None] = lambda seconds: None
    repeat_s: float = REPEAT_S
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def response(self, call: grpc.Future, send_again: Callable[[], grpc.Future]) -> ModelInferResponse:
        """The response to a request; blocks.

        A server that ended during the request may have ended because of it, so that such a request is sent twice at
        most.

        Args:
            call: the request, under way.
            send_again: sends it once more.

        Raises:
            PymlError: it failed, and is not to be repeated, or nothing came back in time.
        """
        pauses, until, has_died = iter(PAUSES_S), float("inf"), False
        while True:
            try:
                response: ModelInferResponse = call.result()
            except grpc.RpcError as error:
                found = self.translated(error)
                until = min(until, self.clock() + self.repeat_s)
                is_late = found.code is ErrorCode.DEADLINE
                if is_late:
                    self.is_coming_back()  # it raises what is wrong, if it knows
                if is_late or not (may_repeat(found.code, has_died) and self.is_coming_back()):
                    raise found from error
                if self.clock() >= until:
                    if found.code is not ErrorCode.GATEWAY_DOWN:
                        self.why_away(self.repeat_s)
                    raise found from error
                has_died = has_died or found.code is ErrorCode.SERVER_DIED
                self.sleep(next(pauses, PAUSES_S[-1]))
                call = send_again()
            else:
                return response


def may_repeat(code: ErrorCode, has_died: bool) -> bool:
    """Whether a request may be sent again after a failure.

    Args:
        code: of the failure.
        has_died: whether a server ended during the request before.
    """
    return code in _AWAY or (code is ErrorCode.SERVER_DIED and not has_died)
