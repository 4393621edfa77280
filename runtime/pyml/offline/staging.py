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
from pyml.offline.key_counts import count_keys, key_problems
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
    """Number of rows and order-independent fingerprints of their keys, before or after the model.

    Attributes:
        rows: number of rows.
        key_xor: of the hashes of all keys; None if there is nothing to hash. It misses keys that are lost in pairs.
        key_sums: of the lowest and of the next 24 bits of these hashes, which do not miss them.
    """

    rows: int
    key_xor: int | None = None
    key_sums: tuple[int | None, int | None] = (None, None)


def write_staging(
    rows: DataFrame, job: OfflineJob, key: tuple[str, ...], staging: str
) -> tuple[Audit, Audit, tuple[Worker, ...]]:
    """Predict into the staging table; audits and workers are observed in the same pass. Blocks.

    Args:
        rows: the planned query.
        job: the job.
        key: the columns that are kept with the predictions.
        staging: quoted name of the table to write.

    Returns:
        The audit before the model, the audit after it, and the workers that predicted.
    """
    from pyspark.sql import Observation
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it
    from pyspark.sql.types import StructType

    from pyml.inference.record_columns import RECORD_NAMES
    from pyml.offline.batches import WORKER_COLUMN, predict_or_report, worker_names

    # Spark reads names of columns as expressions here, and a key may be an input as well: the workers get safe names.
    key_names, input_names, output_names = worker_names(len(key), len(job.inputs.fields), len(job.outputs.fields))
    types = {field.name.lower(): field.dataType for field in rows.schema.fields}
    kept = [KeptColumn(name, types[name.lower()], safe) for name, safe in zip(key, key_names, strict=True)]
    inputs = [F.col(backticked(name)).alias(safe) for name, safe in zip(job.inputs.names, input_names, strict=True)]
    added = _predicted(rows.sparkSession, job, output_names)
    folder, names = job.folder, list(job.inputs.names)
    predict = functools.partial(predict_or_report, folder=folder, keys=len(key), inputs=names, recorded=job.recorded)
    before, after = Observation(), Observation()
    measures = _measures(kept)
    records = RECORD_NAMES if job.recorded else ()
    predicted = (
        rows.select(*(column.given for column in kept), *inputs)
        .observe(before, *measures)
        .mapInArrow(predict, StructType([*(column.field for column in kept), *added]))
        .observe(after, *measures, F.collect_set(WORKER_COLUMN).alias("workers"))
        .select(*(column.restored for column in kept), *output_names, *records)
        .toDF(*key, *job.outputs.names, *records)
    )
    writer = predicted.write.format("parquet")
    if job.recorded:
        writer = writer.option("maxRecordsPerFile", FILE_ROWS)
    writer.saveAsTable(staging)
    found = dict(after.get)
    workers = tuple(Worker.from_json(text) for text in sorted(found.pop("workers")))
    return _audit(before.get), _audit(found), workers


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


def refuse_bad_audit(
    spark: SparkSession, job: OfflineJob, key: tuple[str, ...], staging: str, before: Audit, after: Audit
) -> None:
    """Refuse a staging table that has lost or repeated rows, has no rows, or whose key does not identify them. Blocks.

    Args:
        spark: a session.
        job: the job.
        key: the columns that are kept with the predictions.
        staging: quoted name of the table.
        before: the audit before the model.
        after: the audit after the model.

    Raises:
        JobError: the table must not replace the target.
    """
    kept = f"{job.table} is unchanged"
    if before != after:
        raise JobError(
            f"the job lost, repeated or mixed up rows: {before.rows} in, {after.rows} out; {kept}",
            "run it again; if it fails again, report it",
            ErrorCode.ROWS_LOST,
        )
    counts = count_keys(spark, staging, key, after.rows) if job.key else None
    stored = counts.rows if counts else spark.table(staging).count()
    if stored != after.rows:
        message = f"{after.rows} rows were predicted, but {stored} are stored; {kept}"
        raise JobError(message, "read the Spark log: pyml dev logs", ErrorCode.ROWS_LOST)
    if not stored and not job.allow_empty:
        hint = "allow an empty result with --allow-empty (allow_empty=True)"
        raise JobError(f"the query returned no rows; {kept}", hint, ErrorCode.NO_ROWS)
    if counts:
        problems = list(key_problems(spark, staging, key, counts))
        if problems:
            listed = "; ".join(problem.message for problem in problems)
            raise JobError(f"the key does not identify the rows: {listed}; {kept}", problems[0].hint, ErrorCode.KEY)
