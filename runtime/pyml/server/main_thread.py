"""An executor that runs the model on the main thread."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter_ns
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_Work = Callable[[], None]
_WAKE_UPS = 4096


class MainThreadExecutor(ThreadPoolExecutor):
    """Runs what is submitted on the thread that called `run`, and what arrives on sockets, one after another.

    A model is loaded and called on the main thread, as in a Spark worker: models need not be thread safe, and state
    that belongs to a thread (a SQLite connection, an event loop) is the same on both paths. It inherits
    `ThreadPoolExecutor` because gRPC accepts nothing else, but starts no thread. A request that comes on a socket which
    this thread itself reads changes no thread on its way to the model and back.

    Sockets are read before each piece of work, so that a request which is cancelled while it waits is not run.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self._work: deque[_Work | None] = deque()
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self.watch(self._woken, self._take_wake_ups)
        # Each counter is written by only one thread and needs no lock.
        self._submitted = 0
        self._started = 0
        self.waited_ns = 0
        """How long the task that runs waited for its turn, in nanoseconds."""

    @property
    def waiting(self) -> int:
        """Number of submitted tasks that have not been started."""
        return self._submitted - self._started

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a call; may be called from one thread at a time.

        Args:
            fn: the function to call.
            args: its positional arguments.
            kwargs: its keyword arguments.

        Returns:
            The result of the call, once it has run."""
        future: Future[T] = Future()
        submitted_ns = perf_counter_ns()

        def run() -> None:
            self._started += 1
            self.waited_ns = perf_counter_ns() - submitted_ns
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - nothing that a task raises may end the loop
                future.set_exception(error)

        self._submitted += 1
        self.call(run)
        return future

    def call(self, work: Callable[[], None] | None) -> None:
        """Queue work that is no task, and raises nothing; may be called from any thread."""
        self._work.append(work)
        with contextlib.suppress(BlockingIOError):  # then it has been woken often enough
            self._wake.send(b"\0")

    def call_here(self, work: Callable[[], None]) -> None:
        """Queue work as `call` does; on the main thread alone, which need not be woken."""
        self._work.append(work)

    def watch(self, readable: socket.socket, on_readable: Callable[[], object]) -> None:
        """Call a function whenever a socket can be read; on the main thread, as this function itself."""
        self._selector.register(readable, selectors.EVENT_READ, on_readable)

    def unwatch(self, readable: socket.socket) -> None:
        """Undo `watch`; on the main thread."""
        self._selector.unregister(readable)

    def run(self) -> None:
        """Read sockets and do the work on this thread, the main one, until `finish` is called."""
        # A signal may arrive just before this thread waits, or on a different thread; its handler runs all the same.
        earlier = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        try:
            self._run()
        finally:
            signal.set_wakeup_fd(earlier)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select(0 if self._work else None):
                key.data()
            if not self._work:
                continue
            work = self._work.popleft()
            if work is None:
                return
            work()

    def finish(self) -> None:
        """Let `run` return after all work that is queued now."""
        self.call(None)

    def _take_wake_ups(self) -> None:
        with contextlib.suppress(BlockingIOError):  # a process that the model forked has taken them
            self._woken.recv(_WAKE_UPS)
