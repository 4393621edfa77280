"""The server's side of the hop: reads requests on the model's own thread, and answers them there."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable

from pyml.errors import SetupError
from pyml.hop.failure_codec import failure_message
from pyml.hop.frames import FrameReader, framed
from pyml.hop.hop_messages import Answer, Greeting, Request
from pyml.oip.messages import DecodeError
from pyml.server.main_thread import MainThreadExecutor
from pyml.server.served_model import FailedRequest, ServedModel
from pyml.server.sockets import ServiceSocket

log = logging.getLogger("pyml.server")

_READ_BYTES = 256 * 1024
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
        self._listening = socket.socket(socket.AF_UNIX)
        self._connections: set[_Connection] = set()
        self._is_leaving = False
        self.left = threading.Event()
        """Set once it has left and every gateway has taken its last answer."""

    def open(self) -> None:
        """Listen.

        Raises:
            SetupError: the socket cannot be bound.
        """
        try:
            self._listening.bind(os.fspath(self._endpoint.path))
        except OSError as error:
            hint = "check that its folder can be written"
            raise SetupError(f"cannot listen on {self._endpoint.path}: {error}", hint) from error
        self._listening.listen()
        self._listening.setblocking(False)
        self._executor.watch(self._listening, self._accept)
        self._endpoint.publish()

    def leave(self) -> None:
        """Take no more connections, and ask the gateways to send nothing more; what they have sent is answered."""
        if self._is_leaving:
            return
        self._is_leaving = True
        self._endpoint.withdraw()
        self._executor.unwatch(self._listening)
        self._listening.close()
        self._endpoint.path.unlink(missing_ok=True)
        for connection in tuple(self._connections):
            connection.send(Answer())
        self._look_whether_left()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the gateway has gone meanwhile
            accepted, _ = self._listening.accept()
            connection = _Connection(accepted, self._model, self._executor.call_next, self._forget)
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
        call_next: queues work for this thread.
        on_closed: called when it is gone.
    """

    def __init__(
        self,
        accepted: socket.socket,
        model: ServedModel,
        call_next: Callable[[Callable[[], None]], None],
        on_closed: Callable[[_Connection], None],
    ) -> None:
        accepted.settimeout(_SEND_S)
        self.socket = accepted
        self._model = model
        self._call_next = call_next
        self._on_closed = on_closed
        self._reader = FrameReader()
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._waiting: dict[int, Request] = {}
        self._is_closed = False

    def read(self) -> None:
        """Take what has arrived; if the gateway is gone, forget it and its requests."""
        try:
            size = self.socket.recv_into(self._buffer)
            requests = [Request.FromString(frame) for frame in self._reader.feed(bytes(self._buffer[:size]))]
        except (OSError, DecodeError) as error:
            log.warning("a gateway is given up: %s", error)
            size, requests = 0, []
        if not size:
            self._close()
            return
        is_idle = not self._waiting
        for request in requests:
            if request.is_cancelled:
                self._waiting.pop(request.number, None)
            else:
                self._waiting[request.number] = request
        if is_idle and self._waiting:
            self._call_next(self._work)

    def send(self, *messages: Answer | Greeting) -> None:
        """Send messages; if the gateway is gone, forget it and its requests: nobody waits for them."""
        try:
            self.socket.sendall(b"".join(framed(message.SerializeToString()) for message in messages))
        except OSError as error:
            log.warning("a gateway is given up: %s", error)
            self._close()

    def _work(self) -> None:
        """Answer the request that has waited longest, and what is predicted together with it."""
        if self._waiting:
            answers = self._model.answer_next(self._waiting)
            self.send(*(_answer(number, outcome) for number, outcome in answers.items()))
        if self._waiting:
            self._call_next(self._work)

    def _close(self) -> None:
        self._waiting.clear()
        if not self._is_closed:
            self._is_closed = True
            self._on_closed(self)
            self.socket.close()


def _answer(number: int, outcome: bytes | FailedRequest) -> Answer:
    if isinstance(outcome, bytes):
        return Answer(number=number, message=outcome)
    return Answer(number=number, failure=failure_message(outcome.failure, outcome.id))
