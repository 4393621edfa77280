"""How errors travel over gRPC: a status code, the message, and a reason that a program can read."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import grpc

from pyml.errors import InputError, OutputError, PredictError

REASON_KEY = "pyml-reason"
# Details travel in a header: gRPC refuses 8 KiB of headers, and a byte that is not printable ASCII takes three there.
_MAX_DETAIL_BYTES = 4096


@dataclass(frozen=True)
class Failure:
    """Why a call has no answer.

    Attributes:
        code: gRPC status code.
        message: what went wrong and how to mend it.
        reason: one word for programs: `input`, `output`, `model`, `queue`, `size`, `starting`, `unknown`, `down`,
            `died`, `bug`.
    """

    code: grpc.StatusCode
    message: str
    reason: str

    @property
    def details(self) -> str:
        """The message, cut to what a gRPC header holds."""
        return shortened(self.message, _MAX_DETAIL_BYTES)

    @property
    def is_ours(self) -> bool:
        """True where the caller did nothing wrong."""
        return self.reason in ("model", "output", "bug")

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Trailing metadata by which a caller knows that a server said this, not its own gRPC library."""
        return ((REASON_KEY, self.reason),)


class FailureError(Exception):
    """A failure on its way to the caller."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failure_of(error: BaseException) -> Failure:
    """The failure that an error of the runtime means to a caller."""
    if isinstance(error, InputError):
        return Failure(grpc.StatusCode.INVALID_ARGUMENT, str(error), "input")
    if isinstance(error, PredictError):
        return Failure(grpc.StatusCode.UNKNOWN, str(error), "model")
    if isinstance(error, OutputError):
        return Failure(grpc.StatusCode.INTERNAL, str(error), "output")
    if not isinstance(error, Exception):  # KeyboardInterrupt and the like can only come from the model
        return Failure(grpc.StatusCode.UNKNOWN, f"predict raised {type(error).__name__}: {error}", "model")
    return Failure(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}", "bug")


def shortened(text: str, max_bytes: int) -> str:
    """The text, cut with an ellipsis where it is longer than so many bytes in a gRPC header."""
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
