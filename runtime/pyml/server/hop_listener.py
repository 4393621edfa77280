"""The server's side of the hop: reads requests on the model's own thread, and answers them there."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from functools import partial

from pyml.errors import SetupError
from pyml.hop.failure_codec import FailedRequest, failure_message
from pyml.hop.frames import FrameReader, framed
from pyml.hop.hop_messages import Answer, Greeting, Request
from pyml.oip.messages import DecodeError
from pyml.server.main_thread import MainThreadExecutor
from pyml.server.served_model import ServedModel
from pyml.server.sockets import ServiceSocket

log = logging.getLogger("pyml.server")

_READ_BYTES = 256 * 1024
_READS = 64
"""How often a connection is read at most before what it has sent is worked on."""
_SEND_S = 30.0
"""A gateway that takes no answer for so long is given up."""


class HopListener:
    """Takes connections of gateways; everything but the constructor and `left` is for the main thread.

    Args:
        endpoint: where to listen.
        model: that answers; loaded.
        executor: of the main thread.
    """

    def __init__(self, endpoint: ServiceSocket, model: ServedModel, executor: MainThreadExecutor) -> None:
        self._endpoint = endpoint
        self._model = model
        self._executor = executor
        self._listening: socket.socket | None = None
        self._connections: set[_Connection] = set()
        self._is_leaving = False
        self.left = threading.Event()
        """Set once it has left and every gateway has taken its last answer."""

    def open(self) -> None:
        """Listen.

        Raises:
            SetupError: the socket cannot be bound.
        """
        # Not before: what the model forked while it was loaded has no part in this socket.
        listening = socket.socket(socket.AF_UNIX)
        try:
            listening.bind(os.fspath(self._endpoint.path))
        except OSError as error:
            listening.close()
            hint = "check that its folder can be written"
            raise SetupError(f"cannot listen on {self._endpoint.path}: {error}", hint) from error
        listening.listen()
        listening.setblocking(False)
        self._listening = listening
        self._executor.watch(listening, partial(self._accept, listening))
        self._endpoint.publish()

    def leave(self) -> None:
        """Take no more connections, and ask the gateways to send nothing more; what they have sent is answered."""
        if self._is_leaving or self._listening is None:
            return
        self._is_leaving = True
        self._endpoint.withdraw()
        self._executor.unwatch(self._listening)
        self._listening.close()
        self._endpoint.path.unlink(missing_ok=True)
        for connection in tuple(self._connections):
            connection.send(Answer())
        self._look_whether_left()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the gateway has gone meanwhile
            accepted, _ = listening.accept()
            connection = _Connection(accepted, self._model, self._executor.call_here, self._forget)
            self._connections.add(connection)
            self._executor.watch(accepted, connection.read)
            connection.send(Greeting(max_queue=self._model.serving.max_queue))

    def _forget(self, connection: _Connection) -> None:
        self._executor.unwatch(connection.socket)
        self._connections.discard(connection)
        self._look_whether_left()

    def _look_whether_left(self) -> None:
        if self._is_leaving and not self._connections:
            self.left.set()


class _Connection:
    """One gateway.

    Args:
        accepted: its socket.
        model: that answers.
        call_here: queues work for this thread.
        on_closed: called when it is gone.
    """

    def __init__(
        self,
        accepted: socket.socket,
        model: ServedModel,
        call_here: Callable[[Callable[[], None]], None],
        on_closed: Callable[[_Connection], None],
    ) -> None:
        accepted.setblocking(False)
        self.socket = accepted
        self._model = model
        self._call_here = call_here
        self._on_closed = on_closed
        self._reader = FrameReader()
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._waiting: dict[int, Request] = {}
        self._is_queued = False
        self._is_closed = False

    def read(self) -> None:
        """Take what has arrived; if the gateway is gone, forget it and its requests."""
        try:
            frames, is_there = self._frames()
            requests = [Request.FromString(frame) for frame in frames]
        except (OSError, DecodeError, MemoryError) as error:
            log.warning("a gateway is given up: %s", error)
            requests, is_there = [], False
        for request in requests:
            if not request.is_cancelled:
                self._waiting[request.number] = request
            elif self._waiting.pop(request.number, None) is not None:  # else it has its answer
                self.send(Answer(number=request.number))
        if not is_there:
            self._close()
        self._look_for_work()

    def _frames(self) -> tuple[list[bytes], bool]:
        """What has arrived by now, and whether the gateway is there: what it sends meanwhile is read as well."""
        frames: list[bytes] = []
        for _ in range(_READS):
            try:
                size = self.socket.recv_into(self._buffer)
            except BlockingIOError:
                break
            if not size:
                return frames, False
            frames += self._reader.feed(bytes(self._buffer[:size]))
        return frames, True

    def _look_for_work(self) -> None:
        if self._waiting and not self._is_queued:
            self._is_queued = True
            self._call_here(self._work)

    def send(self, *messages: Answer | Greeting) -> None:
        """Send messages; if the gateway is gone, forget it and its requests: nobody waits for them."""
        try:
            self._send_all(b"".join(framed(message.SerializeToString()) for message in messages))
        except OSError as error:
            log.warning("a gateway is given up: %s", error)
            self._close()

    def _send_all(self, data: bytes) -> None:
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self.socket.settimeout(_SEND_S)
            self.socket.sendall(memoryview(data)[sent:])
            self.socket.setblocking(False)

    def _work(self) -> None:
        """Answer the request that has waited longest, and what is predicted together with it."""
        self._is_queued = False
        try:
            if self._waiting:
                answers = self._model.answer_next(self._waiting)
                self.send(*(_answer(number, outcome) for number, outcome in answers.items()))
        except Exception:  # a fault of ours; it must not end the server with all that waits for it
            log.exception("requests failed")
            self._close()
        self._look_for_work()

    def _close(self) -> None:
        self._waiting.clear()
        if not self._is_closed:
            self._is_closed = True
            self._on_closed(self)
            self.socket.close()


def _answer(number: int, outcome: bytes | FailedRequest) -> Answer:
    if isinstance(outcome, bytes):
        return Answer(number=number, message=outcome)
    return Answer(number=number, failure=failure_message(outcome))
