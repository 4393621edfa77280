"""The query of an offline job: planned, and its columns and key checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem, PymlError
from pyml.offline.job import OfflineJob
from pyml.types.conversion.declared_column import missing_problem, type_problem
from pyml.types.conversion.lossless import is_convertible
from pyml.types.conversion.row_source import RowSource
from pyml.types.schema import Schema
from pyml.types.spark_types import arrow_type, ddl_type_of, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from pyml.types.field import Field


def planned(spark: SparkSession, query: str) -> DataFrame:
    """The rows of a query, planned but not run; raises Spark's own exceptions."""
    rows = spark.sql(query)
    rows.schema  # noqa: B018 - makes Spark plan the query, so that its own message names what is wrong
    return rows


def _lowered(names: Sequence[str]) -> set[str]:
    return {name.lower() for name in names}


def kept_columns(rows: DataFrame, job: OfflineJob) -> tuple[str, ...]:
    """The columns that are kept with the predictions: the job's key, else every column that is not an input.

    Args:
        rows: the planned query.
        job: the job.
    """
    return job.key or tuple(name for name in rows.columns if name.lower() not in _lowered(job.inputs.names))


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
            problem = missing_problem(rows.columns, wanted.name, RowSource.SQL)
            yield replace(problem, message=f"{problem.message}; declared {wanted.ddl_type}")
        elif wanted.name.lower() in repeated:
            message = f"column `{wanted.name}` appears more than once"
            yield Problem(message, "give each column its own alias", ErrorCode.COLUMN_REPEATED)
        elif not _is_convertible(spark_type, wanted):
            yield type_problem(spark_type.upper(), wanted, RowSource.SQL)


def _is_convertible(spark_type: str, wanted: Field) -> bool:
    """Whether the workers convert a column of this type, perhaps checking each value (docs/reference/types.md)."""
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
