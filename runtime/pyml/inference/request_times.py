"""How long one request took in a model server, as the server tells the gateway in trailing metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

TIMES_KEY = "pyml-times"
REQUEST_ID_KEY = "x-request-id"
TRACEPARENT_KEY = "traceparent"
"""Names of HTTP headers and of gRPC metadata alike."""
_MAX_TEXT = 200


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
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Trailing metadata that carries them."""
        return ((TIMES_KEY, ",".join(map(str, self))),)


def times_in(metadata: Iterable[tuple[str, str | bytes]]) -> RequestTimes | None:
    """What a server says in trailing metadata; None if it says nothing that can be read.

    A model can write to its server's calls, and a server may be older: whatever is not five counts is left out.
    """
    for key, value in metadata:
        if key == TIMES_KEY and isinstance(value, str) and len(value) <= _MAX_TEXT:
            return _parsed(value)
    return None


def _parsed(text: str) -> RequestTimes | None:
    try:
        found = RequestTimes(*map(int, text.split(",")))
    except (TypeError, ValueError):
        return None
    return found if min(found) >= 0 else None
