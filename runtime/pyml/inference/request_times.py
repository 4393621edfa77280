"""How long one request took in a model server, as the server tells the gateway at the end of its response.

The counts are the last field of the message, of a number that the protocol does not have: the gateway cuts them off
without reading the rest, and a caller of the server's own socket skips them. As trailing metadata they took 3 % of the
throughput.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

REQUEST_ID_KEY = "x-request-id"
TRACEPARENT_KEY = "traceparent"
"""Names of HTTP headers and of gRPC metadata alike."""
_COUNTS = Struct("<5Q")
_HEAD = b"\x8a\xe2\x09" + bytes([_COUNTS.size])
"""Field 20001 of a message, as bytes, and their number."""
_SIZE = len(_HEAD) + _COUNTS.size


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

    def appended(self, reply: bytes) -> bytes:
        """A serialised response with these counts at its end."""
        return b"".join((reply, _HEAD, _COUNTS.pack(*self)))


def split_times(reply: bytes) -> tuple[bytes, RequestTimes | None]:
    """A serialised response as a caller gets it, and the counts; None if it has none, from an older pyml."""
    if reply[-_SIZE : -_COUNTS.size] != _HEAD:
        return reply, None
    return reply[:-_SIZE], RequestTimes._make(_COUNTS.unpack_from(reply, len(reply) - _COUNTS.size))
