"""Errors over gRPC: a status code, the message, and trailing metadata for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

import grpc

from pyml.error_code import ErrorCode
from pyml.errors import InputError, OutputError, PredictError, PymlError, with_hint
from pyml.package.settings import MIB


class Reason(StrEnum):
    """Why a call failed, in one word: whether to send it again, and who can fix it.

    A reason is as coarse as the choices of a caller; an `ErrorCode` says what exactly is wrong.
    """

    INPUT = "input"
    """The request is invalid, or does not fit the model's inputs."""
    OUTPUT = "output"
    """The predictions do not fit the model's outputs."""
    MODEL = "model"
    """The model raised an exception."""
    QUEUE = "queue"
    """The queue is full; the request has not run."""
    SIZE = "size"
    """The request is larger than the model's limit."""
    UNKNOWN = "unknown"
    """The model or version is not deployed."""
    STARTING = "starting"
    """Its servers are starting; the request has not run."""
    DOWN = "down"
    """Its servers are down, or cannot be started; the request has not run."""
    DIED = "died"
    """A server ended before it answered; the request may have run."""
    GRPC = "grpc"
    """gRPC itself ended the call."""
    BUG = "bug"
    """pyml itself raised."""


CODE_OF = {
    Reason.INPUT: ErrorCode.INPUT,
    Reason.OUTPUT: ErrorCode.OUTPUT,
    Reason.MODEL: ErrorCode.PREDICT_RAISED,
    Reason.QUEUE: ErrorCode.QUEUE_FULL,
    Reason.SIZE: ErrorCode.REQUEST_TOO_LARGE,
    Reason.UNKNOWN: ErrorCode.MODEL_UNKNOWN,
    Reason.STARTING: ErrorCode.SERVER_STARTING,
    Reason.DOWN: ErrorCode.SERVER_DOWN,
    Reason.DIED: ErrorCode.SERVER_DIED,
    Reason.GRPC: ErrorCode.GRPC,
    Reason.BUG: ErrorCode.BUG,
}
"""The default error code of each reason. Invalid requests and predictions have narrower codes."""
NOT_RUN = (Reason.DOWN, Reason.STARTING)
"""Reasons that prove that a request has not run, so that it may be sent again."""

REASON_KEY = "pyml-reason"
CODE_KEY = "pyml-code"
HINT_KEY = "pyml-hint-bin"
# Details are sent in a header: gRPC refuses 8 KiB of headers, and a byte that is not printable ASCII takes three.
_MAX_DETAIL_BYTES = 4096
_MAX_HINT_BYTES = 1024
Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True)
class RpcFailure:
    """Why a call failed.

    Attributes:
        status: gRPC status code.
        message: what went wrong.
        reason: whether to send it again, and who can fix it.
        hint: how to fix it; empty if there is no advice.
        codes: what is wrong, most important first; the default of the reason if none is given.
    """

    status: grpc.StatusCode
    message: str
    reason: Reason
    hint: str = ""
    codes: tuple[ErrorCode, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", self.codes or (CODE_OF[self.reason],))

    @property
    def text(self) -> str:
        """What went wrong and how to fix it, for people."""
        return with_hint(self.message, self.hint)

    @property
    def details(self) -> str:
        """The text, shortened to fit into a gRPC header."""
        return shortened(self.text, _MAX_DETAIL_BYTES)

    @property
    def is_ours(self) -> bool:
        """True if the fault is not the caller's."""
        return self.reason in (Reason.MODEL, Reason.OUTPUT, Reason.BUG)

    @property
    def metadata(self) -> Metadata:
        """Trailing metadata by which a caller recognises a failure of a server, not of its own gRPC library."""
        hint = self.hint.encode()
        hinted: Metadata = ((HINT_KEY, hint),) if 0 < len(hint) <= _MAX_HINT_BYTES else ()
        return ((REASON_KEY, str(self.reason)), *((CODE_KEY, str(code)) for code in self.codes), *hinted)


class RpcFailureError(Exception):
    """A failure on its way to the caller."""

    def __init__(self, failure: RpcFailure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def refuse_larger(size_bytes: int, max_bytes: int) -> None:
    """Refuse a request whose rows take more than the model's limit.

    Raises:
        RpcFailureError: they do.
    """
    if size_bytes <= max_bytes:
        return
    raise RpcFailureError(
        RpcFailure(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"the request has {size_bytes / MIB:.1f} MiB unpacked, this model accepts up to {max_bytes / MIB:g} MiB",
            Reason.SIZE,
            "send fewer rows in each request, or raise max_request_mb in [serving] of pyml.toml",
        )
    )


def too_large(max_bytes: int) -> RpcFailureError:
    """The refusal of a body that is larger than the limit."""
    message = f"the body is larger than {max_bytes / MIB:g} MiB"
    hint = "send fewer rows in each request"
    return RpcFailureError(RpcFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, message, Reason.SIZE, hint))


def queue_full(model: str, max_queue: int) -> RpcFailure:
    """The refusal of a request that would wait for `predict` behind too many."""
    return RpcFailure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"the queue of model {model} is full: {max_queue} requests wait for predict",
        Reason.QUEUE,
        "send fewer requests at once with more rows each, or raise max_queue in [serving] of pyml.toml",
    )


def failure_of(error: BaseException) -> RpcFailure:
    """The failure to send to a caller for an error of the runtime."""
    if isinstance(error, RpcFailureError):
        return error.failure
    for kind, status, reason in _OF_ERRORS:
        if isinstance(error, kind):
            return RpcFailure(status, error.message, reason, error.hint, error.codes)
    if not isinstance(error, Exception):  # KeyboardInterrupt and the like can only come from the model
        message = f"predict raised {type(error).__name__}: {error}"
        return RpcFailure(grpc.StatusCode.UNKNOWN, message, Reason.MODEL)
    return RpcFailure(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}", Reason.BUG)


_OF_ERRORS: tuple[tuple[type[PymlError], grpc.StatusCode, Reason], ...] = (
    (InputError, grpc.StatusCode.INVALID_ARGUMENT, Reason.INPUT),
    (PredictError, grpc.StatusCode.UNKNOWN, Reason.MODEL),
    (OutputError, grpc.StatusCode.INTERNAL, Reason.OUTPUT),
)


def failure_in(error: grpc.RpcError) -> RpcFailure | None:
    """The failure that a gateway or a model server sent; None if gRPC itself ended the call."""
    found = list(error.trailing_metadata() or ())
    reason = next((value for key, value in found if key == REASON_KEY), None)
    if reason is None:
        return None
    hint = next((value.decode(errors="replace") for key, value in found if key == HINT_KEY), "")
    message = str(error.details() or "").removesuffix(with_hint("", hint))
    known = Reason(reason) if reason in set(Reason) else Reason.GRPC
    return RpcFailure(error.code(), message, known, hint, codes_in(value for key, value in found if key == CODE_KEY))


def codes_in(values: Iterable[str]) -> tuple[ErrorCode, ...]:
    """The codes that a sender named, without those of a newer pyml that this one does not know."""
    return tuple(_known(values))


def _known(values: Iterable[str]) -> Iterator[ErrorCode]:
    for value in values:
        if value in set(ErrorCode):
            yield ErrorCode(value)


def shortened(text: str, max_bytes: int) -> str:
    """The text, cut with an ellipsis if it takes more than `max_bytes` in a gRPC header."""
    if len(quote(text, safe=_PRINTABLE)) <= max_bytes:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if len(quote(text[:middle], safe=_PRINTABLE)) <= max_bytes - 16 else (low, middle - 1)
        )
    return text[:low] + " …"


_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
