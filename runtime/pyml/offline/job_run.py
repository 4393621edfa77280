"""Runs an offline job: maps the model over the rows of an SQL query and writes a Hive table.

The steps: plan the query and check it against the model's inputs, predict into a staging table, audit rows and keys,
swap. The old table is unchanged until the audit has passed. The same job runs on a laptop's Spark and on a cluster's.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError
from pyml.inference.worker_info import Worker
from pyml.offline.cancellation import Cancellation, interruptible
from pyml.offline.job import JobError, JobResult, OfflineJob
from pyml.offline.job_query import check_query, kept_columns, planned, written_columns
from pyml.offline.spark_errors import translated_errors
from pyml.offline.staging import refuse_bad_audit, write_staging
from pyml.offline.targets.table_insert import finish_interrupted_insert, insert, refuse_other_partition
from pyml.offline.targets.table_swap import drop_staging, restore_interrupted_swap, split_table_name, swap
from pyml.offline.targets.target import check_partition_values, check_target, find_target, partition_types
from pyml.types.spark_types import backticked, quoted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(
    spark: SparkSession,
    job: OfflineJob,
    check_workers: Callable[[Sequence[Worker]], None] = lambda workers: None,
    cancellation: Cancellation | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> JobResult:
    """Run a job to its end; blocks.

    Args:
        spark: a session whose Python workers run in the model's own environment.
        job: what to predict, and where to write it.
        check_workers: called with the workers that predicted, before the target is touched; it may raise.
        cancellation: checked before each step; once it is set, the target is not touched any more. A swap that has
            begun is finished.
        on_note: called with what the user should know before the rows are predicted.

    Raises:
        UsageError: the query or the name of the table is invalid.
        InputError: the query's columns do not fit the model's inputs, or the target cannot be written; every mismatch
            is listed, nothing was started.
        JobError: predicting, writing or the audit failed, or the job was cancelled; the target table is unchanged.
        SandboxError: Spark or the metastore went away; the target table is unchanged.
    """
    cancellation = cancellation or Cancellation()
    try:
        return _steps(spark, job, check_workers, cancellation, on_note)
    except (JobError, SandboxError) as error:
        if cancellation.asked.is_set():  # Spark's error is that of an interrupted query
            raise _cancelled(job) from error
        raise


def _steps(
    spark: SparkSession,
    job: OfflineJob,
    check_workers: Callable[[Sequence[Worker]], None],
    cancellation: Cancellation,
    on_note: Callable[[str], None],
) -> JobResult:
    clock = _Clock()
    database, table = split_table_name(job.table)
    _refuse_cancelled(job, cancellation)
    with translated_errors():
        rows = planned(spark, job.query)
    key = kept_columns(rows, job)
    check_query(rows, job, key)
    name = f"{backticked(database)}.{backticked(table)}"
    with translated_errors():
        with cancellation.whole():
            restore_interrupted_swap(spark, database, table)
            finish_interrupted_insert(spark, job, name)
        target = find_target(spark, database, table, rows)
        check_target(target, job, written_columns(rows, job, key))
        check_partition_values(spark, target, job)
        types = partition_types(target, job)
    clock.lap("check")
    staging = f"{quoted(database)}.{quoted(f'{table}__staging_{uuid.uuid4().hex[:8]}')}"
    with translated_errors():
        if not spark.catalog.databaseExists(database):
            on_note(f"there is no database {database} yet; it is created")
            spark.sql(f"CREATE DATABASE IF NOT EXISTS {quoted(database)}")
        try:
            _refuse_cancelled(job, cancellation)
            with interruptible(spark):
                before, predicted, workers = write_staging(rows, job, key, staging)
            clock.lap("predict")
            check_workers(workers)
            refuse_bad_audit(spark, job, key, staging, before, predicted)
            refuse_other_partition(spark, job, staging, types)
            clock.lap("audit")
            with cancellation.whole():
                _refuse_cancelled(job, cancellation)
                if job.partition or (job.append and target is not None):
                    insert(spark, job, staging, name, types)
                else:
                    swap(spark, staging, database, table)
        except BaseException:
            with cancellation.whole():
                drop_staging(spark, staging)
            raise
    clock.lap("swap")
    return JobResult(job.table, predicted, key, clock.laps, workers, job.partition, job.append)


def _refuse_cancelled(job: OfflineJob, cancellation: Cancellation) -> None:
    if cancellation.asked.is_set():
        raise _cancelled(job)


def _cancelled(job: OfflineJob) -> JobError:
    return JobError(f"the job was cancelled; {job.table} is unchanged", "", ErrorCode.JOB_CANCELLED)


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now
