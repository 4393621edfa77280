"""The offline job: maps the model over the rows of an SQL query and writes a Hive table.

The steps: plan the query and check it against the model's inputs, predict into a staging table, audit rows and keys,
swap. The old table is unchanged until the audit has passed. The same job runs on a laptop's Spark and on a cluster's.
"""

from __future__ import annotations

import contextlib
import functools
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem, PymlError, UsageError
from pyml.inference.worker_info import Worker
from pyml.offline.cancellation import Cancellation
from pyml.offline.worker_error import reported_error_in
from pyml.types.conversion.declared_column import type_problem
from pyml.types.conversion.lossless import is_convertible
from pyml.types.conversion.row_source import RowSource, missing_hint
from pyml.types.schema import Schema
from pyml.types.spark_types import arrow_type, ddl_type_of, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from pyml.types.field import Field


class JobError(PymlError):
    """The offline job failed; the target table is unchanged."""

    general_code = ErrorCode.JOB


@dataclass(frozen=True)
class OfflineJob:
    """What to predict, with which model, and which table to write.

    Attributes:
        folder: the model package, on the workers' disk.
        inputs: the model's declared inputs.
        outputs: the model's declared outputs.
        query: SQL whose rows are predicted.
        table: target Hive table, `database.table`; its database is created if it does not exist.
        key: columns that identify a row, kept beside the predictions; if none are given, every column of the query that
            is not an input is kept.
        allow_empty: whether a query without rows gives an empty table instead of an error.
        recorded: whether the table also gets a record of what `predict` got and returned (`pyml.inference.digests`).
    """

    folder: str
    inputs: Schema
    outputs: Schema
    query: str
    table: str
    key: tuple[str, ...] = ()
    allow_empty: bool = False
    recorded: bool = False


@dataclass(frozen=True)
class JobResult:
    """The result of a job.

    Attributes:
        table: the Hive table that holds the key and the predictions.
        rows: number of rows.
        key: the columns kept beside the predictions.
        seconds: wall time of each step, in seconds.
        workers: the workers that predicted, as they described themselves; none if there were no rows.
    """

    table: str
    rows: int
    key: tuple[str, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    workers: tuple[Worker, ...] = ()


@dataclass(frozen=True)
class Audit:
    """Number of rows and order-independent fingerprints of their keys, before or after the model."""

    rows: int
    key_xor: int | None
    key_sum: int | None


def run(
    spark: SparkSession,
    job: OfflineJob,
    check_workers: Callable[[Sequence[Worker]], None] = lambda workers: None,
    cancellation: Cancellation | None = None,
) -> JobResult:
    """Run a job to its end; blocks.

    Args:
        spark: a session whose Python workers run in the model's own environment.
        job: what to predict, and where to write it.
        check_workers: called with the workers that predicted, before the target is touched; it may raise.
        cancellation: checked before each step; once it is set, the target is not touched any more. A swap that has
            begun is finished.

    Raises:
        UsageError: the query or the name of the table is invalid.
        InputError: the query's columns do not fit the model's inputs; every mismatch is listed, nothing was started.
        JobError: predicting, writing or the audit failed, or the job was cancelled; the target table is unchanged.
    """
    cancellation = cancellation or Cancellation()
    try:
        return _steps(spark, job, check_workers, cancellation)
    except JobError as error:
        if cancellation.asked.is_set():  # Spark's error is that of an interrupted query
            raise _cancelled(job) from error
        raise


def _steps(
    spark: SparkSession,
    job: OfflineJob,
    check_workers: Callable[[Sequence[Worker]], None],
    cancellation: Cancellation,
) -> JobResult:
    clock = _Clock()
    database, table = _split(job.table)
    _refuse_cancelled(job, cancellation)
    with translated_errors():
        rows = planned(spark, job.query)
    key = job.key or tuple(name for name in rows.columns if name.lower() not in _lowered(job.inputs.names))
    check_query(rows, job, key)
    clock.lap("check")
    staging = f"{quoted(database)}.{quoted(f'{table}__staging_{uuid.uuid4().hex[:8]}')}"
    with translated_errors():
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {quoted(database)}")
        with cancellation.whole():
            _restore_interrupted_swap(spark, database, table)
        try:
            _refuse_cancelled(job, cancellation)
            before, after, workers = _write(rows, job, key, staging)
            clock.lap("predict")
            check_workers(workers)
            _refuse_bad_audit(spark, job, key, staging, before, after)
            clock.lap("audit")
            with cancellation.whole():
                _refuse_cancelled(job, cancellation)
                _swap(spark, staging, database, table)
        except BaseException:
            with cancellation.whole():
                _abandon(spark, staging)
            raise
    clock.lap("swap")
    return JobResult(job.table, after.rows, key, clock.laps, workers)


def _refuse_cancelled(job: OfflineJob, cancellation: Cancellation) -> None:
    if cancellation.asked.is_set():
        raise _cancelled(job)


def _cancelled(job: OfflineJob) -> JobError:
    return JobError(f"the job was cancelled; {job.table} is unchanged", "", ErrorCode.JOB_CANCELLED)


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Translate Spark's exceptions into ours, keeping the message of the model or of Spark.

    Raises:
        UsageError: Spark cannot parse or resolve the query.
        JobError: any other failure; if the worker reported an error, with its message.
    """
    from pyspark.errors import AnalysisException, ParseException, PySparkException

    try:
        yield
    except (ParseException, AnalysisException) as error:
        raise UsageError(
            f"Spark cannot run the query: {_first_paragraph(error)}", "fix the SQL or the names in it", ErrorCode.QUERY
        ) from error
    except PySparkException as error:
        raise _job_error(str(error), is_gone=_is_gone(error)) from error


def _is_gone(error: Exception) -> bool:
    """True if Spark itself went away, or came back without this session."""
    message = f"{type(error).__name__} {error}"
    return any(name in message for name in ("RetriesExceeded", "UNAVAILABLE", "INVALID_HANDLE", "NO_ACTIVE_SESSION"))


def _job_error(text: str, *, is_gone: bool) -> JobError:
    if is_gone:
        return JobError(
            "Spark went away during the job; the target table is unchanged", _AGAIN_HINT, ErrorCode.SPARK_GONE
        )
    reported = reported_error_in(text)
    if reported is not None:
        return JobError(reported.message, reported.hint, *reported.codes)
    return JobError(
        f"the Spark job failed: {text.strip().splitlines()[0] if text.strip() else 'no reason given'}", _LOG_HINT
    )


_AGAIN_HINT = "pyml dev up, then run it again"
_LOG_HINT = "pyml dev logs"


def _first_paragraph(error: Exception) -> str:
    return str(error).split(";\n")[0].split("\n\n")[0].split("\nJVM stacktrace")[0].strip()


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def _split(table: str) -> tuple[str, str]:
    database, _, name = table.rpartition(".")
    if not all(re.fullmatch(r"\w+", part, re.ASCII) for part in (database or "default", name)):
        raise UsageError(
            f"{table!r} is not the name of a Hive table", "write database.table, with letters, digits and _"
        )
    return (database or "default").lower(), name.lower()


def planned(spark: SparkSession, query: str) -> DataFrame:
    """The rows of a query, planned but not run; raises Spark's own exceptions."""
    rows = spark.sql(query)
    rows.schema  # noqa: B018 - makes Spark plan the query, so that its own message names what is wrong
    return rows


def _lowered(names: Sequence[str]) -> set[str]:
    return {name.lower() for name in names}


def check_query(rows: DataFrame, job: OfflineJob, key: Sequence[str]) -> None:
    """Refuse a query whose columns do not fit the model, before anything runs.

    A column of a different type is accepted if its values may be converted without loss; the workers check them.

    Args:
        rows: the planned query.
        job: the job, with the model's inputs and outputs.
        key: columns that identify a row.

    Raises:
        InputError: lists every invalid key column, and every column that is missing, repeated or not convertible.
    """
    problems = [*_input_problems(rows, job.inputs), *_key_problems(rows, job, key)]
    if problems:
        raise InputError("the query does not fit the model; nothing was started", problems)


def _input_problems(rows: DataFrame, inputs: Schema) -> Iterator[Problem]:
    found = {column.name.lower(): column.dataType.simpleString() for column in rows.schema.fields}
    repeated = {name for name in found if sum(name == column.lower() for column in rows.columns) > 1}
    for wanted in inputs.fields:
        spark_type = found.get(wanted.name.lower())
        if spark_type is None:
            message = f"column `{wanted.name}` is missing; declared {wanted.ddl_type}"
            yield Problem(message, missing_hint(rows.columns, RowSource.SQL), ErrorCode.COLUMN_MISSING)
        elif wanted.name.lower() in repeated:
            message = f"column `{wanted.name}` appears more than once"
            yield Problem(message, "give each column its own alias", ErrorCode.COLUMN_REPEATED)
        elif not _is_convertible(spark_type, wanted):
            yield type_problem(spark_type.upper(), wanted, RowSource.SQL)


def _is_convertible(spark_type: str, wanted: Field) -> bool:
    """Whether the workers convert a column of this type, perhaps with a check of every value; see docs/types.md."""
    if spark_type == "void":  # of NULL without a type
        return True
    try:
        return is_convertible(arrow_type(spark_type), wanted.arrow.type)
    except PymlError:  # a type that pyml does not support
        return False


def has_type(spark_type: str, ddl_type: str) -> bool:
    """Whether a type of a query is the declared one.

    Args:
        spark_type: as Spark names it.
        ddl_type: as a Schema spells it.
    """
    try:
        return ddl_type_of(arrow_type(spark_type)) == ddl_type
    except PymlError:  # a type that pyml does not support
        return False


def _key_problems(rows: DataFrame, job: OfflineJob, key: Sequence[str]) -> Iterator[Problem]:
    outputs, columns = _lowered(job.outputs.names), _lowered(rows.columns)
    for name in key:
        if name.lower() not in columns:
            hint = f"the query has: {', '.join(rows.columns)}"
            yield Problem(f"key column `{name}` is missing", hint, ErrorCode.KEY)
        if name.lower() in outputs:
            hint = f"SELECT {quoted(name)} AS {quoted(f'{name}_key')}, …"
            yield Problem(f"key column `{name}` has the name of an output", hint, ErrorCode.KEY)


def _write(
    rows: DataFrame, job: OfflineJob, key: tuple[str, ...], staging: str
) -> tuple[Audit, Audit, tuple[Worker, ...]]:
    """Predict into the staging table; audits and workers are observed in the same pass."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it

    from pyml.inference.record_columns import RECORD_DDL, RECORD_NAMES
    from pyml.offline.batches import WORKER_COLUMN, predict_or_report

    # Key columns are renamed, since a key may be an input as well.
    keys = [F.col(quoted(name)).alias(f"__key_{position}") for position, name in enumerate(key)]
    inputs = [F.col(quoted(name)).alias(name) for name in job.inputs.names]
    rows = rows.select(*keys, *inputs)
    key_types = [rows.schema[position].dataType.simpleString() for position in range(len(key))]
    carried = [f"__key_{position} {spark_type}" for position, spark_type in enumerate(key_types)]
    predicted_columns = [f"{quoted(each.name)} {each.ddl_type}" for each in job.outputs.fields]
    record_columns, record_names = ([RECORD_DDL], RECORD_NAMES) if job.recorded else ([], ())
    predict = functools.partial(predict_or_report, folder=job.folder, keys=len(key), recorded=job.recorded)
    before, after = Observation(), Observation()
    measures = _measures([f"__key_{position}" for position in range(len(key))])
    predicted = (
        rows.observe(before, *measures)
        .mapInArrow(predict, ", ".join([*carried, *predicted_columns, *record_columns, f"{WORKER_COLUMN} STRING"]))
        .observe(after, *measures, F.collect_set(WORKER_COLUMN).alias("workers"))
        .drop(WORKER_COLUMN)
        .toDF(*key, *job.outputs.names, *record_names)
    )
    predicted.write.format("parquet").saveAsTable(staging)
    found = dict(after.get)
    workers = tuple(Worker.from_json(text) for text in sorted(found.pop("workers")))
    return _audit(before.get), _audit(found), workers


def _measures(keys: Sequence[str]) -> list[Column]:
    from pyspark.sql import functions as F  # noqa: N812

    count = F.count(F.lit(1)).alias("rows")
    if not keys:
        return [count]
    hashed = F.xxhash64(*keys)
    return [count, F.bit_xor(hashed).alias("key_xor"), F.sum(hashed.cast("decimal(20,0)")).alias("key_sum")]


def _audit(observed: Mapping[str, object]) -> Audit:
    numbers = {name: None if value is None else int(str(value)) for name, value in observed.items()}
    return Audit(numbers["rows"] or 0, numbers.get("key_xor"), numbers.get("key_sum"))


def _refuse_bad_audit(
    spark: SparkSession, job: OfflineJob, key: tuple[str, ...], staging: str, before: Audit, after: Audit
) -> None:
    kept = f"{job.table} is unchanged"
    if before != after:
        raise JobError(
            f"the job lost, repeated or mixed up rows: {before.rows} in, {after.rows} out; {kept}",
            "run it again; if it fails again, report it",
            ErrorCode.ROWS_LOST,
        )
    stored = spark.table(staging).count()
    if stored != after.rows:
        message = f"{after.rows} rows were predicted, but {stored} are stored; {kept}"
        raise JobError(message, "read the Spark log: pyml dev logs", ErrorCode.ROWS_LOST)
    if not stored and not job.allow_empty:
        hint = "allow an empty result with --allow-empty (allow_empty=True)"
        raise JobError(f"the query returned no rows; {kept}", hint, ErrorCode.NO_ROWS)
    if job.key:
        problems = list(key_problems(spark, staging, key))
        if problems:
            listed = "; ".join(problem.message for problem in problems)
            raise JobError(f"the key does not identify the rows: {listed}; {kept}", problems[0].hint, ErrorCode.KEY)


def key_problems(spark: SparkSession, relation: str, key: Sequence[str]) -> Iterator[Problem]:
    """Problems of the key of a table or view: nulls and repeated keys, with an example.

    Args:
        spark: session that can read the table.
        relation: name of the table or view, quoted if necessary.
        key: columns that should identify a row.
    """
    columns = ", ".join(quoted(name) for name in key)
    any_null = " OR ".join(f"{quoted(name)} IS NULL" for name in key)
    nulls = spark.sql(f"SELECT count(*) FROM {relation} WHERE {any_null}").head()
    if nulls and nulls[0]:
        yield Problem(f"{nulls[0]} rows have a null in the key ({columns})", f"WHERE NOT ({any_null})")
    repeated = spark.sql(
        f"SELECT {columns}, count(*) AS times, count(*) OVER () AS keys FROM {relation} "
        f"GROUP BY {columns} HAVING count(*) > 1 LIMIT 1"
    ).head()
    if repeated:
        example = ", ".join(f"{name}={repeated[name]}" for name in key)
        yield Problem(
            f"{repeated['keys']} keys appear more than once, such as {example} ({repeated['times']} times)",
            "add columns to the key until it identifies one row",
        )


def _abandon(spark: SparkSession, staging: str) -> None:
    """Stop running queries and drop the staging table; if Spark is gone, the original error is the one to report."""
    from pyspark.errors import PySparkException

    with contextlib.suppress(PySparkException):
        if hasattr(spark, "interruptAll"):  # over Spark Connect, where Ctrl-C leaves the query running
            spark.interruptAll()
        spark.sql(f"DROP TABLE IF EXISTS {staging} PURGE")


def _restore_interrupted_swap(spark: SparkSession, database: str, table: str) -> None:
    """Restore the old table if an earlier run was killed between the two renames of its swap."""
    target, previous = _names(database, table)
    if spark.catalog.tableExists(previous):
        if spark.catalog.tableExists(target):
            spark.sql(f"DROP TABLE {previous} PURGE")
        else:
            spark.sql(f"ALTER TABLE {previous} RENAME TO {target}")


def _swap(spark: SparkSession, staging: str, database: str, table: str) -> None:
    target, previous = _names(database, table)
    had_one = spark.catalog.tableExists(target)
    if had_one:
        spark.sql(f"ALTER TABLE {target} RENAME TO {previous}")
    try:
        spark.sql(f"ALTER TABLE {staging} RENAME TO {target}")
    except BaseException:
        if had_one:
            spark.sql(f"ALTER TABLE {previous} RENAME TO {target}")
        raise
    if had_one:
        spark.sql(f"DROP TABLE {previous} PURGE")


def _names(database: str, table: str) -> tuple[str, str]:
    return f"{quoted(database)}.{quoted(table)}", f"{quoted(database)}.{quoted(f'{table}__previous')}"
