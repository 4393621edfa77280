"""Rows of a staging table inserted into a table that stands: one partition overwritten, or rows added.

Before a partition is overwritten, the staging table is renamed after it: if the job is killed then, the next job into
the same partition overwrites it from there, so that it is never lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.offline.job import JobError, OfflineJob
from pyml.types.spark_types import backticked, string_literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_DYNAMIC = {
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
    "hive.exec.dynamic.partition": "true",
    "hive.exec.dynamic.partition.mode": "nonstrict",
}


def refuse_other_partition(spark: SparkSession, job: OfflineJob, staging: str, types: Mapping[str, str]) -> None:
    """Refuse rows whose own column says that they belong to a different partition. Blocks.

    Args:
        spark: a session.
        job: the job.
        staging: quoted name of the staging table.
        types: of the partition columns.

    Raises:
        JobError: there is such a row.
    """
    if not types:
        return
    kept = {name.lower() for name in spark.table(staging).columns}
    for name, spark_type in types.items():
        if name.lower() not in kept:
            continue
        value = f"CAST({string_literal(job.partition[name])} AS {spark_type})"
        found = spark.sql(f"SELECT count(*) FROM {staging} WHERE NOT ({backticked(name)} <=> {value})").head()
        if found is not None and found[0]:
            raise JobError(
                f"{found[0]} rows have a different `{name}` than {job.partition[name]}; {job.table} is unchanged",
                f"WHERE {name} = '{job.partition[name]}', or leave `{name}` out of the query",
                ErrorCode.TARGET,
            )


def insert(spark: SparkSession, job: OfflineJob, staging: str, target: str, types: Mapping[str, str]) -> None:
    """Add the rows of the staging table to the target, or overwrite its partition with them; drops the staging table.

    Args:
        spark: a session.
        job: the job.
        staging: quoted name of the staging table.
        target: quoted name of the target; created if it does not exist.
        types: of the partition columns, in their order.
    """
    from pyspark.errors import PySparkException

    values = {name: (job.partition[name], spark_type) for name, spark_type in types.items()}
    if job.append:
        _create_if_missing(spark, staging, target, values)
        spark.sql(f"INSERT INTO {target} {_selected(spark, staging, target, values)}")
        spark.sql(f"DROP TABLE {staging} PURGE")
        return
    pending = _pending(target, job.partition)
    recipe = string_literal(json.dumps(values))
    spark.sql(f"ALTER TABLE {staging} SET TBLPROPERTIES ('{_RECIPE}' = {recipe})")
    spark.sql(f"ALTER TABLE {staging} RENAME TO {pending}")
    try:
        _overwrite(spark, pending, target, values)
    except PySparkException:
        with contextlib.suppress(PySparkException):  # where Spark itself is gone, the next job overwrites the partition
            spark.sql(f"DROP TABLE IF EXISTS {pending} PURGE")
        raise


def finish_interrupted_insert(spark: SparkSession, job: OfflineJob, target: str) -> None:
    """Overwrite the job's partition with the rows of an earlier job that was killed while it did so.

    Args:
        spark: a session.
        job: the job.
        target: quoted name of the target.
    """
    pending = _pending(target, job.partition)
    if not job.partition or not spark.catalog.tableExists(pending):
        return
    found = {row["key"]: row["value"] for row in spark.sql(f"SHOW TBLPROPERTIES {pending}").collect()}
    _overwrite(
        spark, pending, target, {name: (value, kind) for name, (value, kind) in json.loads(found[_RECIPE]).items()}
    )


_RECIPE = "pyml.partition"
Values = Mapping[str, tuple[str, str]]
"""Value and type of each partition column."""


def _pending(target: str, partition: Mapping[str, str]) -> str:
    """The table that holds the rows of a partition until it is overwritten; jobs into different ones do not meet."""
    digest = hashlib.sha256(json.dumps(sorted((k.lower(), v) for k, v in partition.items())).encode()).hexdigest()[:12]
    return f"{target.removesuffix('`')}__partition_{digest}`"


def _overwrite(spark: SparkSession, pending: str, target: str, values: Values) -> None:
    _create_if_missing(spark, pending, target, values)
    if spark.table(pending).isEmpty():  # a dynamic overwrite without rows overwrites nothing
        spec = ", ".join(f"{backticked(name)} = {string_literal(value)}" for name, (value, _) in values.items())
        spark.sql(f"ALTER TABLE {target} DROP IF EXISTS PARTITION ({spec})")
        spark.sql(f"ALTER TABLE {target} ADD IF NOT EXISTS PARTITION ({spec})")
    else:
        with _settings(spark, _DYNAMIC):
            spark.sql(f"INSERT OVERWRITE TABLE {target} {_selected(spark, pending, target, values)}")
    spark.sql(f"DROP TABLE {pending} PURGE")


def _create_if_missing(spark: SparkSession, source: str, target: str, values: Values) -> None:
    if spark.catalog.tableExists(target):
        return
    taken = {name.lower() for name in values}
    kept = [backticked(name) for name in spark.table(source).columns if name.lower() not in taken]
    columns = ", ".join([*kept, *_literals(values)])
    by = f"PARTITIONED BY ({', '.join(map(backticked, values))})" if values else ""
    spark.sql(f"CREATE TABLE {target} USING parquet {by} AS SELECT {columns} FROM {source} WHERE false")


def _selected(spark: SparkSession, source: str, target: str, values: Values) -> str:
    """The rows of the source in the order of the target's columns, the partition columns last."""
    taken = {name.lower() for name in values}
    columns = [backticked(name) for name in spark.table(target).columns if name.lower() not in taken]
    return f"SELECT {', '.join([*columns, *_literals(values)])} FROM {source}"


def _literals(values: Values) -> Iterator[str]:
    for name, (value, spark_type) in values.items():
        yield f"CAST({string_literal(value)} AS {spark_type}) AS {backticked(name)}"


@contextlib.contextmanager
def _settings(spark: SparkSession, wanted: Mapping[str, str]) -> Iterator[None]:
    """Settings of the session, and those of before in the end."""
    before = {name: spark.conf.get(name, None) for name in wanted}
    try:
        for name, value in wanted.items():
            spark.conf.set(name, value)
        yield
    finally:
        for name, old in before.items():
            if old is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, old)
