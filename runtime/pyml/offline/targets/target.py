"""The target of an offline job: what stands there already, and whether the job may write it. Decided before it runs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem
from pyml.offline.job import OfflineJob
from pyml.offline.spark_schema import declared_type
from pyml.types.spark_types import backticked, quoted, string_literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

VIEW, EXTERNAL = "VIEW", "EXTERNAL"


@dataclass(frozen=True)
class Target:
    """A table or view that has the name of the target.

    Attributes:
        kind: MANAGED, EXTERNAL or VIEW, as Spark's catalog has it.
        columns: types by name in the spelling of a Schema, without the partition columns.
        partitioned_by: types of the partition columns by name, in their order.
        is_read: whether the query reads files of the table.
    """

    kind: str
    columns: Mapping[str, str]
    partitioned_by: Mapping[str, str]
    is_read: bool = False


def find_target(spark: SparkSession, database: str, table: str, rows: DataFrame) -> Target | None:
    """What stands where the job writes; None if nothing does. Runs nothing.

    Args:
        spark: a session.
        database: of the target.
        table: its name.
        rows: the planned query.
    """
    name = f"{backticked(database)}.{backticked(table)}"
    if not spark.catalog.tableExists(name):
        return None
    kind, partitions = _kind_and_partitions(spark, name)
    if kind == VIEW:
        return Target(VIEW, {}, {})
    types = {each.name: declared_type(each.dataType) for each in spark.table(name).schema.fields}
    return Target(
        kind,
        {column: spark_type for column, spark_type in types.items() if column not in partitions},
        {column: spark_type for column, spark_type in types.items() if column in partitions},
        not set(spark.table(name).inputFiles()).isdisjoint(rows.inputFiles()),
    )


def _kind_and_partitions(spark: SparkSession, name: str) -> tuple[str, Collection[str]]:
    """The kind of a table and the names of its partition columns; Spark's catalog would take ten times as long."""
    described = json.loads(spark.sql(f"DESCRIBE TABLE EXTENDED {name} AS JSON").collect()[0][0])
    return described["type"], described.get("partition_columns", ())


def check_target(target: Target | None, job: OfflineJob, written: Mapping[str, str]) -> None:
    """Refuse a target that the job must not or cannot write, before anything runs.

    Args:
        target: what stands there.
        job: the job.
        written: types of the columns that the job writes, by name.

    Raises:
        InputError: lists every reason.
    """
    problems = list(_problems(target, job, written))
    if problems:
        raise InputError(f"{job.table} cannot be the target; nothing was started", problems)


def check_partition_values(spark: SparkSession, target: Target | None, job: OfflineJob) -> None:
    """Refuse a value that is not one of its partition column's type.

    Args:
        spark: a session.
        target: what stands there; :func:`check_target` has accepted it.
        job: the job.

    Raises:
        InputError: lists every such value.
    """
    problems = []
    for name, spark_type in partition_types(target, job).items():
        value = job.partition[name]
        found = spark.sql(f"SELECT try_cast({string_literal(value)} AS {spark_type}) IS NULL").head()
        if found is not None and found[0]:
            message = f"partition column `{name}` is {spark_type}, and {value!r} is none"
            problems.append(Problem(message, f"--partition {name}=VALUE, as {spark_type}", ErrorCode.TARGET))
    if problems:
        raise InputError(f"{job.table} has no such partition; nothing was started", problems)


def partition_types(target: Target | None, job: OfflineJob) -> Mapping[str, str]:
    """The types of the job's partition columns by the names that it gives, in the order of the table; STRING if new.

    Args:
        target: what stands there.
        job: the job.
    """
    if target is None:
        return dict.fromkeys(job.partition, "STRING")
    given = {name.lower(): name for name in job.partition}
    return {given[name.lower()]: spark_type for name, spark_type in target.partitioned_by.items()}


def _problems(target: Target | None, job: OfflineJob, written: Mapping[str, str]) -> Iterator[Problem]:
    outputs = {name.lower() for name in job.outputs.names}
    for name in job.partition:
        if name.lower() in outputs:
            message = f"partition column `{name}` has the name of an output"
            yield Problem(message, "name the partition column differently", ErrorCode.TARGET)
    if target is None:
        return
    if target.kind == VIEW:
        yield Problem("it is a view", "choose a different table", ErrorCode.TARGET)
    elif job.partition or job.append:
        yield from _partition_problems(target, job)
        yield from _column_problems(target.columns, {n: t for n, t in written.items() if not _is_in(n, job.partition)})
    else:
        yield from _replace_problems(target)


def _is_in(name: str, names: Sequence[str] | Mapping[str, str]) -> bool:
    return name.lower() in {each.lower() for each in names}


def _replace_problems(target: Target) -> Iterator[Problem]:
    """Why a table must not be replaced as a whole."""
    if target.partitioned_by:
        options = " ".join(f"--partition {quoted(name)}=VALUE" for name in target.partitioned_by)
        message = (
            f"it is partitioned by {', '.join(target.partitioned_by)}, and a job without a partition replaces it all"
        )
        yield Problem(message, f"{options}   replaces one partition; or choose a different table", ErrorCode.TARGET)
    elif target.kind == EXTERNAL:
        message = "it is an external table, whose files are not the metastore's to replace"
        yield Problem(message, "--append   adds rows to it; or choose a different table", ErrorCode.TARGET)
    if target.is_read:
        message = "the query reads it, and the job would replace its rows by their predictions"
        yield Problem(message, "choose a different table", ErrorCode.TARGET)


def _partition_problems(target: Target, job: OfflineJob) -> Iterator[Problem]:
    for name in target.partitioned_by:
        if not _is_in(name, job.partition):
            message = f"it is partitioned by `{name}`, which has no value"
            yield Problem(message, f"--partition {quoted(name)}=VALUE", ErrorCode.TARGET)
    for name in job.partition:
        if not _is_in(name, target.partitioned_by):
            by = ", ".join(target.partitioned_by)
            hint = (
                f"it is partitioned by {by}"
                if by
                else "it has no partitions: leave --partition out, or choose a new table"
            )
            yield Problem(f"it is not partitioned by `{name}`", hint, ErrorCode.TARGET)


def _column_problems(stored: Mapping[str, str], written: Mapping[str, str]) -> Iterator[Problem]:
    by_name = {name.lower(): (name, spark_type) for name, spark_type in written.items()}
    for name, spark_type in stored.items():
        found = by_name.pop(name.lower(), None)
        if found is None:
            hint = f"select it beside the inputs: CAST(… AS {spark_type}) AS {quoted(name)}"
            yield Problem(f"its column `{name}` {spark_type} is not written", hint, ErrorCode.TARGET)
        elif found[1] != spark_type:
            hint = f"CAST({quoted(name)} AS {spark_type}) if it is a key, else choose a different table"
            yield Problem(f"its column `{name}` is {spark_type}, written {found[1]}", hint, ErrorCode.TARGET)
    for name, spark_type in by_name.values():
        hint = "leave it out of the query, or name the key: --key COLUMN"
        yield Problem(f"it has no column `{name}` {spark_type}", hint, ErrorCode.TARGET)
