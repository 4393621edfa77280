"""Cancellation of a job: a flag that the job checks, and a lock for the parts that must not be interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


INTERRUPTIBLE = "pyml-interruptible"
"""The tag, in Spark, of queries whose loss loses nothing: they write what nobody reads before they have ended."""


@contextmanager
def interruptible(spark: SparkSession) -> Iterator[None]:
    """Queries of this block may be interrupted by a process that does not know what comes after them."""
    spark.addTag(INTERRUPTIBLE)
    try:
        yield
    finally:
        spark.removeTag(INTERRUPTIBLE)


class Cancellation:
    """A request to stop one job, made from another thread.

    Attributes:
        asked: set once the job is to stop; never cleared.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._whole = threading.Lock()

    def ask(self) -> None:
        """Ask the job to stop at its next check of the flag."""
        self.asked.set()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """A part of the job that is not interrupted; it waits for the end of a running interruption."""
        with self._whole:
            yield

    def interrupt(self, running: Callable[[], object]) -> None:
        """Interrupt the job's queries; if the job is in a part that must not be interrupted, wait for its end first.

        Args:
            running: function that interrupts every query of the job.
        """
        with self._whole:
            running()
