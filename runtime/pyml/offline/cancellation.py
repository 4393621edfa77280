"""Asking a job to stop: a flag that the job looks at, and a lock for the parts that must not be interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancellation:
    """A request to stop one job, made from another thread.

    Attributes:
        asked: set once the job shall stop; never cleared.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._whole = threading.Lock()

    def ask(self) -> None:
        """Ask the job to stop, at the next place where it looks."""
        self.asked.set()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """A part of the job that is not interrupted; it begins after an interruption that is under way."""
        with self._whole:
            yield

    def interrupt(self, running: Callable[[], object]) -> None:
        """Interrupt what runs, unless the job is in a part that has to stay whole: then wait for the end of that part.

        Args:
            running: interrupts every query of the job.
        """
        with self._whole:
            running()
