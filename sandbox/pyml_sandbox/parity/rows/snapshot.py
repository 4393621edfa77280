"""Takes the snapshot of a parity check: its rows are written once, so that both paths predict the same rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem, UsageError
from pyml.inference.describe import Signature
from pyml.offline.batches import declared_or_report
from pyml.offline.job import JobError, OfflineJob
from pyml.offline.job_query import check_query, planned
from pyml.offline.key_counts import count_keys, key_hashes, key_problems
from pyml.offline.spark_errors import translated_errors
from pyml.offline.spark_schema import arrow_type_of_spark, declared_type, fields_of
from pyml.offline.staging import FILE_ROWS
from pyml.package.settings import ParitySettings
from pyml.types.spark_types import backticked, quoted
from pyml_sandbox.hive_tables.hive_writer import ddl_of
from pyml_sandbox.parity.rows.numbered import ROW, numbered
from pyml_sandbox.parity.rows.row_files import write_parts
from pyml_sandbox.predict.table_parts import table_parts

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from pyml.types.schema import Schema

DATABASE = "pyml_parity"
GIVEN = "pyml_given_rows"


@dataclass(frozen=True)
class Snapshot:
    """The rows that both paths predict.

    Attributes:
        table: Hive table of the rows: the key columns, then the model's inputs.
        file: the same rows as Parquet, as Spark reads them from that table.
        rows: number of rows.
        key: the key columns.
        inconclusive: reasons why these rows cannot decide anything, such as a repeated key; empty if they can.
    """

    table: str
    file: Path
    rows: int
    key: tuple[str, ...]
    inconclusive: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, as hex digits."""
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def take_snapshot(
    spark: SparkSession,
    signature: Signature,
    settings: ParitySettings,
    name: str,
    folder: Path,
    given: pa.Table | None = None,
    database: str = DATABASE,
) -> Snapshot:
    """Run the query once and keep its rows in a Hive table and a Parquet file.

    Args:
        spark: a session.
        signature: of the model.
        settings: the query or table, and the key.
        name: of the Hive table to write.
        folder: for the Parquet file.
        given: rows to use instead of a query, shape (rows, columns); they are numbered if there is no key.
        database: of that table; made if it is not there.

    Raises:
        UsageError: there is no query, no key, Spark cannot read the query, or a value does not fit its declared type.
        InputError: the query's columns do not fit the model; lists every one.
        JobError: Spark failed.
    """
    if given is not None and not settings.key:
        given, settings = numbered(given), replace(settings, key=(ROW,))
    if not settings.key:
        raise UsageError("a parity check joins both paths by a key, and no key column is given", _KEY_HINT)
    columns = dict.fromkeys([*settings.key, *signature.inputs.names])
    wanted = ", ".join(backticked(column) for column in columns)
    table = f"{database}.{name}"
    with _misfits_as_usage_errors(), translated_errors():
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {database}")
        query = _query_for(spark, settings, given)
        job = OfflineJob("", signature.inputs, signature.outputs, query, table, settings.key)
        rows_planned = planned(spark, query)
        check_query(rows_planned, job, settings.key)
        _refuse_uncomparable_key(rows_planned, settings.key)
        # On lines of its own: the query may end in a comment.
        rows_of_query = spark.sql(f"SELECT {wanted} FROM (\n{query}\n)")
        declared = as_declared(rows_of_query, signature.inputs).write.format("parquet")
        declared.option("maxRecordsPerFile", FILE_ROWS).saveAsTable(table)
        stored = spark.table(table)
        counts = count_keys(stored, settings.key, key_hashes(stored, settings.key, stored.count()))
        problems = key_problems(spark, table, settings.key, counts)
        inconclusive = tuple(f"{p.message} (fix: {p.hint})" for p in problems)
        rows = export(spark, table, folder / "rows.parquet", counts.rows)
    if not rows:
        inconclusive = ("the query gives no rows",)
    return Snapshot(table, folder / "rows.parquet", rows, settings.key, inconclusive)


def _refuse_uncomparable_key(rows: DataFrame, key: Sequence[str]) -> None:
    """Refuse a key whose type neither Arrow nor a comparison of both paths knows, such as an interval."""
    found = {column.name.lower(): column.dataType for column in rows.schema.fields}
    problems = [
        Problem(
            f"key column `{name}` is {declared_type(found[name.lower()])}, by which rows are not compared",
            f"CAST({quoted(name)} AS STRING) AS {quoted(name)}",
            ErrorCode.KEY,
        )
        for name in key
        if arrow_type_of_spark(found[name.lower()]) is None
    ]
    if problems:
        raise InputError("the query does not fit a parity check; nothing was started", problems)


@contextmanager
def _misfits_as_usage_errors() -> Iterator[None]:
    """A value that its declared type cannot hold is a fault of the query, not of the job that found it."""
    try:
        yield
    except JobError as error:
        if ErrorCode.COLUMN_VALUE not in error.codes:
            raise
        raise UsageError(error.message, error.hint, *error.codes) from error


def _query_for(spark: SparkSession, settings: ParitySettings, given: pa.Table | None) -> str:
    """The query of the snapshot; given rows become a view first."""
    if given is None:
        return settings.sql.strip().rstrip(";") or _select_all(settings.table)
    spark.createDataFrame(given, ddl_of(given.schema)).createOrReplaceTempView(GIVEN)
    return f"SELECT * FROM {GIVEN}"


def as_declared(rows: DataFrame, inputs: Schema) -> DataFrame:
    """The same rows with the model's inputs in their declared types, so that both paths get them as the model does.

    The workers convert them when the rows are read, by the rule of both paths, and fail with the first value that does
    not fit.

    Args:
        rows: the key columns and the model's inputs.
        inputs: the model's inputs; `check_query` has accepted the types of the rows.
    """
    from pyspark.sql.types import StructField, StructType

    declared = {field.name.lower(): field.ddl_type for field in inputs.fields}
    found = rows.schema.fields
    wanted = [declared.get(column.name.lower(), "") for column in found]
    if all(not ddl or declared_type(column.dataType) == ddl for column, ddl in zip(found, wanted, strict=True)):
        return rows
    safe = [f"__column_{position}" for position in range(len(found))]  # Spark reads a name as an expression here
    ddl = ", ".join(f"{name} {ddl}" for name, ddl in zip(safe, wanted, strict=True) if ddl)
    declared_types = {field.name: field.dataType for field in fields_of(rows.sparkSession, ddl)}
    types = [declared_types.get(name, column.dataType) for name, column in zip(safe, found, strict=True)]
    convert = partial(declared_or_report, names=rows.columns, ddl_types=wanted)
    return rows.toDF(*safe).mapInArrow(convert, StructType(list(map(StructField, safe, types)))).toDF(*rows.columns)


def export(spark: SparkSession, table: str, file: Path, rows: int) -> int:
    """Write the rows of a Hive table to Parquet, as `write` does, in bounded memory; returns how many rows there are.

    Args:
        spark: a session.
        table: `database.table`, with `FILE_ROWS` rows in a file.
        file: Parquet file to write.
        rows: number of rows that were written.

    Raises:
        JobError: there is a different number.
    """
    written = write_parts(table_parts(spark, table, rows), file)
    if written != rows:
        message = f"{rows} rows were written to {table}, and {written} were read"
        raise JobError(message, "run it again; if it fails again, report it", ErrorCode.ROWS_LOST)
    return written


def _select_all(table: str) -> str:
    if not table:
        raise UsageError("a parity check needs rows", _ROWS_HINT)
    return f"SELECT * FROM {table}"


_KEY_HINT = '--key COLUMN, or in pyml.toml: [parity] key = ["…"]'
_ROWS_HINT = '--table TABLE or --sql QUERY, or in pyml.toml: [parity] table = "…" or rows = "FILE.parquet"'
