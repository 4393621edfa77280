"""One request on its way through the gateway: its id, when it began, and what is known of it so far."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from time import perf_counter
from typing import Literal

from pyml.gateway.routes_file import Route
from pyml.gateway.telemetry.version_figures import VersionFigures
from pyml.inference.request_times import REQUEST_ID_KEY, TRACEPARENT_KEY, RequestTimes

_MAX_ID = 128
_SANE = re.compile(rf"[\x21-\x7e]{{1,{_MAX_ID}}}")
_UUID_BITS = 128
_CLEAR = ~((0xF << 76) | (0x3 << 62))
_VERSION_4 = (0x4 << 76) | (0x2 << 62)
_random = random.Random()  # noqa: S311 - an id is no secret; asking the system for each costs ten times as much


Form = Literal["grpc", "rest"]
"""The form in which a request came. No enumeration: to look up one of its members in a dictionary calls Python code."""
GRPC: Form = "grpc"
REST: Form = "rest"


class ObservedRequest:
    """One request; belongs to one event loop.

    Args:
        form: in which it came.
        call: what was called: a gRPC method, or an HTTP method and path.
        given_id: the id that the caller gave it; a request without one, or with an odd one, gets a new one.
        traceparent: the caller's place in a trace, which is passed on as it is; None if there is none.
        size_bytes: of the message or body.

    Attributes:
        begun: when it came, by this process' clock.
        route: where it goes; None if that is not known.
        figures: where it is counted; None if it is not.
        times: what the model server measured; None if it has not answered.
        held_s: seconds that it waited until a server was started; None if it did not.
    """

    __slots__ = ("_id", "begun", "call", "figures", "form", "held_s", "route", "size_bytes", "times", "traceparent")

    def __init__(
        self, form: Form, call: str, given_id: str | None = None, traceparent: str | None = None, size_bytes: int = 0
    ) -> None:
        self.form = form
        self.call = call
        self._id = given_id if given_id is not None and is_sane(given_id) else None
        self.traceparent = traceparent if traceparent is not None and is_sane(traceparent) else None
        self.size_bytes = size_bytes
        self.begun = perf_counter()
        self.route: Route | None = None
        self.figures: VersionFigures | None = None
        self.times: RequestTimes | None = None
        self.held_s: float | None = None

    @classmethod
    def of_metadata(
        cls, call: str, metadata: Iterable[tuple[str, str | bytes]] | None, size_bytes: int
    ) -> ObservedRequest:
        """A request over gRPC.

        Args:
            call: the gRPC method.
            metadata: that the caller sent.
            size_bytes: of its message.
        """
        given_id = traceparent = None
        for key, value in metadata or ():
            if key == REQUEST_ID_KEY:
                given_id = str(value)
            elif key == TRACEPARENT_KEY:
                traceparent = str(value)
        return cls(GRPC, call, given_id, traceparent, size_bytes)

    @property
    def has_id(self) -> bool:
        """Whether it has an id by now: its caller's, a server's, or one that somebody has asked for."""
        return self._id is not None

    @property
    def id(self) -> str:
        """Its id; a new one if it has none so far."""
        if self._id is None:
            self._id = new_id()
        return self._id

    def take_id(self, id_of_server: object) -> None:
        """Take over the id under which a model server has logged a failure, if the request has none so far."""
        if self._id is None and isinstance(id_of_server, str) and is_sane(id_of_server):
            self._id = id_of_server

    @property
    def metadata(self) -> tuple[tuple[str, str], ...] | None:
        """What a model server is told of it: what its caller said. None if that is nothing, which costs nothing."""
        if self.traceparent is not None:
            return ((REQUEST_ID_KEY, self.id), (TRACEPARENT_KEY, self.traceparent))
        return None if self._id is None else ((REQUEST_ID_KEY, self._id),)


def is_sane(text: str) -> bool:
    """Whether a caller's id can stand in a header and in a line of a log: printable ASCII without spaces, not long."""
    return _SANE.fullmatch(text) is not None


def new_id() -> str:
    """A UUID of version 4, as 32 digits."""
    return f"{_random.getrandbits(_UUID_BITS) & _CLEAR | _VERSION_4:032x}"
