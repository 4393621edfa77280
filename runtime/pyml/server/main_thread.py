"""An executor that runs the model on the main thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from time import perf_counter_ns
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_Task = Callable[[], None]


class MainThreadExecutor(ThreadPoolExecutor):
    """Runs what is submitted on the thread that called `run`, one after another.

    A model is loaded and called on the main thread, as in a Spark worker: models need not be thread safe, and state
    that belongs to a thread (a SQLite connection, an event loop) is the same on both paths. It inherits
    `ThreadPoolExecutor` because gRPC accepts nothing else, but starts no thread.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        # Each counter is written by only one thread and needs no lock.
        self._submitted = 0
        self._started = 0
        self._finished = 0
        self.waited_ns = 0
        """How long the task that runs waited for its turn, in nanoseconds."""

    @property
    def waiting(self) -> int:
        """Number of tasks that have not been started."""
        return self._submitted - self._started

    @property
    def is_busy(self) -> bool:
        """True while a task runs or waits."""
        return self._submitted > self._finished

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
            self.waited_ns = perf_counter_ns() - submitted_ns
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - nothing that a task raises may end the loop
                future.set_exception(error)

        self._submitted += 1
        self._tasks.put(run)
        return future

    def run(self) -> None:
        """Run tasks on this thread until `finish` is called."""
        while task := self._tasks.get():
            self._started += 1
            task()
            self._finished += 1

    def finish(self) -> None:
        """Let `run` return after all tasks that are queued now."""
        self._tasks.put(None)
