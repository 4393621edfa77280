"""The gateway's side of the hop: one connection to one model server, over which requests go in frames.

A request goes at once if the server has nothing else to do; what comes meanwhile waits here, and goes as one write as
soon as the server has answered what it was sent before. No timer holds a request back. A caller that goes away while
its request waits here takes it along.
"""

from __future__ import annotations

import asyncio
import time
from time import perf_counter_ns
from typing import cast

from pyml.gateway.routes_file import Route
from pyml.hop.failure_codec import FailedRequest, failure_from
from pyml.hop.frames import FrameReader, framed
from pyml.hop.hop_messages import Answer, Greeting, Request

_READ_BYTES = 256 * 1024
_AHEAD = 2
"""Bursts that a server is sent before it has answered the first: it works on one while the next lies ready."""
_BURST = 64
"""Requests that go as one write at most."""
_AGAIN_S = 1.0
"""After so long a connection is tried again where nobody listened."""
_GREETING_S = 10.0
"""A connection without a greeting for so long is given up: a process that outlived the server may hold its socket."""


class NotSentError(Exception):
    """The server takes no more requests on this connection; the request was not sent."""


class LostError(Exception):
    """The server went away after the request was sent; it may have run."""


class _Burst:
    """Requests that were sent as one write, and how many of them have no answer yet."""

    __slots__ = ("open",)

    def __init__(self, size: int) -> None:
        self.open = size


_Reply = bytes | FailedRequest


class HopConnection(asyncio.BufferedProtocol):
    """One connection; belongs to one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._number = 0
        self._bursts = 0
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._sent: dict[int, tuple[asyncio.Future[_Reply], _Burst]] = {}
        self._waiting: dict[int, tuple[asyncio.Future[_Reply], bytes]] = {}
        self.max_queue: int | None = None
        """How many requests may wait for predict; None until the server has said that it takes requests."""
        self.is_open = True
        """False once the server takes no more requests here."""

    async def ask(self, route: Route, message: bytes, request_id: str = "") -> _Reply:
        """Send a request, and wait for its answer.

        Args:
            route: the model version.
            message: a serialised request.
            request_id: its caller's id of it; empty if it has none.

        Raises:
            NotSentError: it was not sent.
            LostError: it was sent, and the server went away before it answered.
            asyncio.CancelledError: the caller went away.
        """
        if not self.is_open:
            raise NotSentError
        self._number = number = self._number + 1
        future: asyncio.Future[_Reply] = self._loop.create_future()
        self._waiting[number] = future, _frame(number, message, request_id, together=route.together)
        if self._bursts < _AHEAD:
            self._send()
        try:
            return await future
        except asyncio.CancelledError:
            self._cancel(number)
            raise

    async def close(self, grace_s: float) -> None:
        """Send nothing more, and close after the last answer, at the latest after the grace period in seconds."""
        self._leave()
        await asyncio.wait([self._lost], timeout=grace_s)
        self.abort()
        await self._lost

    def abort(self) -> None:
        """Close at once; what has no answer is lost."""
        if self._transport is not None:
            self._transport.abort()  # not close(), which waits until a server that hangs has taken what is left

    # --- what asyncio calls -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, _size_hint: int) -> memoryview:
        """Where the next bytes go."""
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        """Take what has arrived."""
        for frame in self._reader.feed(bytes(self._buffer[:size])):
            if self.max_queue is None:
                self.max_queue = Greeting.FromString(frame).max_queue
                continue
            answer = Answer.FromString(frame)
            if answer.number:
                self._answered(answer)
            else:
                self._leave()

    def eof_received(self) -> None:
        """Send nothing to a server that has gone; asyncio closes the connection."""
        self._leave()

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell everybody who waits."""
        self._leave()
        for future, _ in self._sent.values():
            if not future.done():
                future.set_exception(LostError())
        self._sent.clear()
        if not self._lost.done():
            self._lost.set_result(None)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        """Send what waits, as one write."""
        numbers = list(self._waiting)[:_BURST]
        burst = _Burst(len(numbers))
        frames = []
        for number in numbers:
            future, frame = self._waiting.pop(number)
            self._sent[number] = future, burst
            frames.append(frame)
        self._bursts += 1
        if self._transport is not None:  # it is, since the server has greeted
            self._transport.writelines(frames)

    def _cancel(self, number: int) -> None:
        """Take a request along that nobody waits for any more; if it was sent, the server answers it empty."""
        self._waiting.pop(number, None)
        if number in self._sent and self._transport is not None:
            self._transport.write(framed(Request(number=number, is_cancelled=True).SerializeToString()))

    def _answered(self, answer: Answer) -> None:
        """Give an answer to who waits for it, and send what waits if it was the last of its burst."""
        future, burst = self._sent.pop(answer.number)
        burst.open -= 1
        if not burst.open:
            self._bursts -= 1
            if self._waiting:
                self._send()
        if not future.done():  # else its caller has gone
            future.set_result(failure_from(answer.failure) if answer.HasField("failure") else answer.message)
        if not self.is_open and not self._sent:
            self.abort()

    def _leave(self) -> None:
        """Send nothing more; whoever waits may ask elsewhere."""
        self.is_open = False
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(NotSentError())
        self._waiting.clear()
        if not self._sent:
            self.abort()


def _frame(number: int, message: bytes, request_id: str, *, together: bool) -> bytes:
    request = Request(number=number, message=message, id=request_id, came_ns=perf_counter_ns(), together=together)
    return framed(request.SerializeToString())


class Hop:
    """The hop to one model server, over connections that are made as they are needed; belongs to one event loop.

    A connection is made beside the requests: as long as there is none, or its server has not greeted, they go over
    gRPC. So it is with a server that is starting, one that is busy with a caller of its own socket, and one of an older
    pyml.

    Args:
        path: of the hop's socket.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: HopConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._tried_at = float("-inf")

    def connection(self) -> HopConnection | None:
        """An open connection; None if there is none now."""
        found, now = self._connection, time.monotonic()
        if found is not None and found.is_open:
            if found.max_queue is not None:
                return found
            if now - self._tried_at < _GREETING_S:
                return None
            found.abort()
        self._connection = None
        if self._connecting is None and now - self._tried_at > _AGAIN_S:
            self._connecting = asyncio.ensure_future(self._connect())
        return None

    async def close(self, grace_s: float) -> None:
        """Close after the last answer, at the latest after the grace period in seconds."""
        if self._connecting is not None:
            await self._connecting
        if self._connection is not None:
            await self._connection.close(grace_s)

    async def _connect(self) -> None:
        loop, self._tried_at = asyncio.get_running_loop(), time.monotonic()
        try:
            _, self._connection = await loop.create_unix_connection(HopConnection, self._path)
        except OSError:
            return  # nobody listens
        finally:
            self._connecting = None
