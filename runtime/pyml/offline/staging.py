"""The staging table of an offline job: predictions are written to it, and their rows and keys are audited."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.inference.worker_info import Worker
from pyml.offline.job import JobError, OfflineJob
from pyml.offline.kept_columns import KeptColumn
from pyml.offline.key_counts import KeyHashes, count_keys, key_hashes, key_problems
from pyml.offline.spark_schema import fields_of
from pyml.types.spark_types import backticked

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructField


FILE_ROWS = 1_000_000
"""Rows in a file of a table that a check reads file by file."""
SUMMED_BITS = 24
"""Bits of a hash that are summed at once: as a 64-bit number, which is cheap, such a sum holds 5e11 rows."""


@dataclass(frozen=True)
class Audit:
    """Number of rows and order-independent fingerprints of their keys, before the model or in the staging table.

    Attributes:
        rows: number of rows.
        key_xor: of the hashes of all keys; None if there is nothing to hash. It misses keys that are lost in pairs.
        key_sums: of the lowest and of the next 24 bits of these hashes, which do not miss them.
    """

    rows: int
    key_xor: int | None = None
    key_sums: tuple[int | None, int | None] = (None, None)


def _kept(rows: DataFrame, key: Sequence[str]) -> list[KeptColumn]:
    """The columns that are kept with the predictions, under names that are safe in an expression of Spark."""
    from pyml.offline.batches import worker_names

    types = {field.name.lower(): field.dataType for field in rows.schema.fields}
    safe_names, _, _ = worker_names(len(key), 0, 0)
    return [KeptColumn(name, types[name.lower()], safe) for name, safe in zip(key, safe_names, strict=True)]


def write_staging(
    rows: DataFrame, job: OfflineJob, key: Sequence[str], staging: str
) -> tuple[Audit, int, tuple[Worker, ...]]:
    """Predict into the staging table; what goes in and who predicts is observed in the same pass. Blocks.

    Args:
        rows: the planned query.
        job: the job.
        key: the columns that are kept with the predictions.
        staging: quoted name of the table to write.

    Returns:
        The audit before the model, the number of rows after it, and the workers that predicted.
    """
    from pyspark.sql import Observation
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it
    from pyspark.sql.types import StructType

    from pyml.inference.record_columns import RECORD_NAMES
    from pyml.offline.batches import WORKER_COLUMN, predict_or_report, worker_names

    # Spark reads names of columns as expressions here, and a key may be an input as well: the workers get safe names.
    kept = _kept(rows, key)
    _, input_names, output_names = worker_names(0, len(job.inputs.fields), len(job.outputs.fields))
    inputs = [F.col(backticked(name)).alias(safe) for name, safe in zip(job.inputs.names, input_names, strict=True)]
    added = _predicted(rows.sparkSession, job, output_names)
    folder, names = job.folder, list(job.inputs.names)
    predict = functools.partial(predict_or_report, folder=folder, keys=len(key), inputs=names, recorded=job.recorded)
    before, after = Observation(), Observation()
    records = RECORD_NAMES if job.recorded else ()
    predicted = (
        rows.select(*(column.given for column in kept), *inputs)
        .observe(before, *_measures(kept))
        .mapInArrow(predict, StructType([*(column.field for column in kept), *added]))
        .observe(after, F.count(F.lit(1)).alias("rows"), F.collect_set(WORKER_COLUMN).alias("workers"))
        .select(*(column.restored for column in kept), *output_names, *records)
        .toDF(*key, *job.outputs.names, *records)
    )
    writer = predicted.write.format("parquet")
    if job.recorded:
        writer = writer.option("maxRecordsPerFile", FILE_ROWS)
    writer.saveAsTable(staging)
    workers = tuple(Worker.from_json(text) for text in sorted(after.get["workers"]))
    return _audit(before.get), int(after.get["rows"]), workers


def _predicted(spark: SparkSession, job: OfflineJob, names: Sequence[str]) -> list[StructField]:
    """The columns that the workers add to the kept ones."""
    from pyml.inference.record_columns import RECORD_DDL
    from pyml.offline.batches import WORKER_COLUMN

    outputs = [f"{name} {field.ddl_type}" for name, field in zip(names, job.outputs.fields, strict=True)]
    records = [RECORD_DDL] if job.recorded else []
    return fields_of(spark, ", ".join([*outputs, *records, f"{WORKER_COLUMN} STRING"]))


def _measures(kept: Sequence[KeptColumn]) -> list[Column]:
    from pyspark.sql import functions as F  # noqa: N812

    count = F.count(F.lit(1)).alias("rows")
    columns = [found for column in kept if (found := column.hashable) is not None]
    if not columns:
        return [count]
    hashed = F.xxhash64(*columns)
    mask = F.lit((1 << SUMMED_BITS) - 1)
    low, next_higher = hashed.bitwiseAND(mask), F.shiftrightunsigned(hashed, SUMMED_BITS).bitwiseAND(mask)
    sums = [F.sum(low).alias("key_low"), F.sum(next_higher).alias("key_next")]
    return [count, F.bit_xor(hashed).alias("key_xor"), *sums]


def _audit(observed: Mapping[str, object]) -> Audit:
    numbers = {name: None if value is None else int(str(value)) for name, value in observed.items()}
    return Audit(numbers["rows"] or 0, numbers.get("key_xor"), (numbers.get("key_low"), numbers.get("key_next")))


def stored_audit(table: DataFrame, key: Sequence[str], hashes: KeyHashes | None) -> Audit:
    """The audit of the rows of a staging table. Blocks.

    Args:
        table: the rows.
        key: the columns that are kept with the predictions.
        hashes: of all of these columns together; None to let Spark compute them.
    """
    import numpy as np

    if hashes is None:
        kept = _kept(table, key)
        passed = table.select(*(column.given for column in kept)) if kept else table
        return _audit(passed.agg(*_measures(kept)).collect()[0].asDict())
    values = hashes.values.view("uint64")
    if not len(values):
        return Audit(0)
    mask = (1 << SUMMED_BITS) - 1
    sums = (int((values & mask).sum()), int(((values >> SUMMED_BITS) & mask).sum()))
    return Audit(len(values), int(np.bitwise_xor.reduce(hashes.values)), sums)


def refuse_bad_audit(
    spark: SparkSession, job: OfflineJob, key: Sequence[str], staging: str, before: Audit, predicted: int
) -> None:
    """Refuse a staging table that has lost or repeated rows, has no rows, or whose key does not identify them. Blocks.

    Args:
        spark: a session.
        job: the job.
        key: the columns that are kept with the predictions.
        staging: quoted name of the table.
        before: the audit before the model.
        predicted: number of rows after the model.

    Raises:
        JobError: the table must not replace the target.
    """
    unchanged = f"{job.table} is unchanged"
    if before.rows != predicted:
        raise _lost(before, predicted, unchanged)
    table = spark.table(staging)
    hashes = key_hashes(table, key, predicted) if job.key else None
    stored = stored_audit(table, key, hashes)
    if stored.rows != predicted:
        message = f"{predicted} rows were predicted, but {stored.rows} are stored; {unchanged}"
        raise JobError(message, "read the Spark log: pyml dev logs", ErrorCode.ROWS_LOST)
    if stored != before:
        raise _lost(before, predicted, unchanged)
    if not predicted and not job.allow_empty:
        hint = "allow an empty result with --allow-empty (allow_empty=True)"
        raise JobError(f"the query returned no rows; {unchanged}", hint, ErrorCode.NO_ROWS)
    problems = list(key_problems(spark, staging, key, count_keys(table, key, hashes))) if job.key else []
    if problems:
        listed = "; ".join(problem.message for problem in problems)
        raise JobError(f"the key does not identify the rows: {listed}; {unchanged}", problems[0].hint, ErrorCode.KEY)


def _lost(before: Audit, predicted: int, unchanged: str) -> JobError:
    return JobError(
        f"the job lost, repeated or mixed up rows: {before.rows} in, {predicted} out; {unchanged}",
        "run it again; if it fails again, report it",
        ErrorCode.ROWS_LOST,
    )
