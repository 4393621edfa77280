"""Interrupts the queries of a session when Spark heeds it, and gives the session up when Spark does not."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from pyml.offline.cancellation import Cancellation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.shell.progress import ProgressHandler, StageInfo

PLANNING_S = 5.0
"""How long a query may go without a task before it is interrupted all the same: some write tables without any."""
PATIENCE_S = 30.0
"""How long Spark may take to stop a query that was interrupted."""


class JobInterrupter:
    """Stops the queries of one job.

    Spark Connect interrupts an operation once; what is asked again does nothing. Where the interrupt meets Hadoop while
    it changes the mode of a folder (`Shell.joinThread` of Hadoop 3.5 takes it and goes on), the query would run to its
    end. So a query is interrupted while it runs tasks, which Spark reports.

    Args:
        cancellation: says which parts of the job must not be interrupted.

    Attributes:
        gave_up: whether the session was closed, since Spark did not stop the query.
    """

    def __init__(self, cancellation: Cancellation) -> None:
        self.gave_up = False
        self._cancellation = cancellation
        self._spark: SparkSession | None = None
        self._runs_tasks = False
        self._asked: float | None = None
        self._interrupted: float | None = None

    def follow(self, spark: SparkSession) -> None:
        """From now on, know whether the session's queries run tasks."""
        self._spark = spark
        spark.registerProgressHandler(cast("ProgressHandler", self._on_progress))  # any function does

    def step(self) -> None:
        """Do what can be done now: nothing, interrupt the queries, or close the session; its effect is not awaited.

        If the job is in a part that must not be interrupted, wait for its end first.
        """
        now = time.monotonic()
        self._asked = self._asked or now
        if self._spark is None:  # the job has not reached Spark yet
            return
        if self._interrupted is not None and now - self._interrupted > PATIENCE_S:
            self._cancellation.interrupt(partial(self._give_up, self._spark))
        elif self._runs_tasks or now - self._asked > PLANNING_S:
            self._cancellation.interrupt(partial(self._interrupt, self._spark))

    def _on_progress(
        self, stages: Iterable[StageInfo] | None, inflight_tasks: int, operation_id: str | None, done: bool
    ) -> None:
        self._runs_tasks = inflight_tasks > 0 and not done
        if done:
            self._interrupted = None  # the next query has its own time to stop

    def _interrupt(self, spark: SparkSession) -> None:
        from pyspark.errors import PySparkException

        with suppress(PySparkException):  # the session was closed meanwhile
            spark.interruptAll()
        self._interrupted = self._interrupted or time.monotonic()

    def _give_up(self, spark: SparkSession) -> None:
        from pyml_sandbox.predict.spark_session import in_time

        if not self.gave_up:
            self.gave_up = True
            in_time(spark.client.close)
