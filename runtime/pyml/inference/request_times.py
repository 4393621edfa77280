"""How long one request took in a model server, as the server tells the gateway in trailing metadata."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

TIMES_KEY = "pyml-times-bin"
REQUEST_ID_KEY = "x-request-id"
TRACEPARENT_KEY = "traceparent"
"""Names of HTTP headers and of gRPC metadata alike."""
_COUNTS = Struct("<5Q")


class RequestTimes(NamedTuple):
    """The parts of one answered request, in nanoseconds.

    Attributes:
        queue: it waited for its turn.
        read: its rows were decoded and checked.
        predict: the model predicted.
        write: the predictions were checked and encoded.
        rows: the number of its rows.
    """

    queue: int
    read: int
    predict: int
    write: int
    rows: int

    @property
    def metadata(self) -> tuple[tuple[str, bytes], ...]:
        """Trailing metadata that carries them."""
        return ((TIMES_KEY, _COUNTS.pack(*self)),)


def times_in(sent: object) -> RequestTimes | None:
    """What a server sent under `TIMES_KEY`; None if that cannot be read: its pyml may be a different one."""
    if not isinstance(sent, bytes) or len(sent) != _COUNTS.size:
        return None
    return RequestTimes._make(_COUNTS.unpack(sent))
