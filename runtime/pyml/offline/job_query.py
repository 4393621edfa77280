"""The query of an offline job: planned, and its columns checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem
from pyml.offline.job import OfflineJob
from pyml.offline.kept_columns import storage_problem
from pyml.offline.spark_schema import arrow_type_of_spark, declared_type, nested_types
from pyml.types.conversion.declared_column import missing_problem, type_problem
from pyml.types.conversion.lossless import is_convertible
from pyml.types.conversion.row_source import RowSource
from pyml.types.schema import Schema
from pyml.types.spark_types import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType

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
    if job.key:
        return tuple({name.lower(): name for name in reversed(job.key)}.values())[::-1]
    return tuple(name for name in rows.columns if name.lower() not in _lowered(job.inputs.names))


def written_columns(rows: DataFrame, job: OfflineJob, key: Sequence[str]) -> dict[str, str]:
    """The types of the columns that the job writes, by name, in the spelling of a Schema.

    Args:
        rows: the planned query; `check_query` has accepted it.
        job: the job.
        key: the columns that are kept with the predictions.
    """
    found = {column.name.lower(): declared_type(column.dataType) for column in rows.schema.fields}
    return {name: found[name.lower()] for name in key} | {each.name: each.ddl_type for each in job.outputs.fields}


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
    found = {column.name.lower(): column.dataType for column in rows.schema.fields}
    repeated = _repeated(rows)
    for wanted in inputs.fields:
        data_type = found.get(wanted.name.lower())
        if data_type is None:
            problem = missing_problem(rows.columns, wanted.name, RowSource.SQL)
            yield replace(problem, message=f"{problem.message}; declared {wanted.ddl_type}")
        elif wanted.name.lower() in repeated:
            yield _repeated_problem(wanted.name)
        elif not _is_convertible(data_type, wanted):
            yield type_problem(declared_type(data_type), wanted, RowSource.SQL)


def _repeated(rows: DataFrame) -> set[str]:
    times = Counter(name.lower() for name in rows.columns)
    return {name for name in times if times[name] > 1}


def _repeated_problem(name: str) -> Problem:
    message = f"column `{name}` appears more than once; Spark ignores case"
    return Problem(message, "give each column its own alias", ErrorCode.COLUMN_REPEATED)


def _is_convertible(data_type: DataType, wanted: Field) -> bool:
    """Whether the workers convert a column of this type, perhaps checking each value (docs/reference/types.md)."""
    if data_type.typeName() == "void":  # of NULL without a type
        return True
    arrow = arrow_type_of_spark(data_type)
    return arrow is not None and is_convertible(arrow, wanted.arrow.type)


def _key_problems(rows: DataFrame, job: OfflineJob, key: Sequence[str]) -> Iterator[Problem]:
    outputs, repeated = _lowered(job.outputs.names), _repeated(rows) - _lowered(job.inputs.names)
    found = {column.name.lower(): column.dataType for column in rows.schema.fields}
    for name in {each.lower(): each for each in key}.values():
        if name.lower() not in found:
            hint = f"the query has: {', '.join(rows.columns)}"
            yield Problem(f"key column `{name}` is missing", hint, ErrorCode.KEY)
        elif name.lower() in repeated:
            yield _repeated_problem(name)
        elif problem := storage_problem(name, found[name.lower()]) or _uncomparable(name, found[name.lower()], job):
            yield problem
        if name.lower() in outputs:
            hint = f"SELECT {quoted(name)} AS {quoted(f'{name}_key')}, …"
            yield Problem(f"key column `{name}` has the name of an output", hint, ErrorCode.KEY)


def _uncomparable(name: str, data_type: DataType, job: OfflineJob) -> Problem | None:
    """Why values of a key column cannot be compared; None if they can, or if nobody compares them."""
    kinds = {type(each).__name__ for each in nested_types(data_type)} & _UNCOMPARABLE
    if not job.key or not kinds:
        return None
    message = f"key column `{name}` is {declared_type(data_type)}, whose values Spark does not compare"
    return Problem(message, f"use a different column as key, or CAST({quoted(name)} AS STRING)", ErrorCode.KEY)


_UNCOMPARABLE = frozenset({"VariantType", "GeometryType", "GeographyType"})
