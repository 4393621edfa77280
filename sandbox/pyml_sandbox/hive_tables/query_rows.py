"""The rows of any SQL statement, for people: also types that Arrow lacks, and columns of one name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyml.offline.spark_errors import translated_errors
from pyml.offline.spark_schema import nested_types

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, SparkSession
    from pyspark.sql.types import DataType

_AS_TEXT = frozenset({"VariantType", "YearMonthIntervalType", "CalendarIntervalType", "TimeType"})
"""By the name of Spark's class: Arrow has none of them, or carries it in parts that mean nothing to people."""


def rows_of_query(spark: SparkSession, query: str, limit: int) -> pa.Table:
    """Run a statement and give its first rows. Blocks.

    Args:
        spark: a session.
        query: any SQL statement.
        limit: most rows to give.

    Returns:
        Shape (rows, columns): every column under its own name, which a second one may have as well. A column of a type
        that Arrow lacks is a string.

    Raises:
        UsageError: Spark cannot run the statement.
        JobError: Spark failed.
    """
    with translated_errors():
        rows = spark.sql(query)
        names, types = rows.columns, [field.dataType for field in rows.schema.fields]
        if not names:
            return rows.toArrow()
        numbered = [f"column_{position}" for position in range(len(names))]
        shown = [_shown(name, data_type).alias(name) for name, data_type in zip(numbered, types, strict=True)]
        return rows.limit(limit).toDF(*numbered).select(*shown).toArrow().rename_columns(names)


def _shown(name: str, data_type: DataType) -> Column:
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it
    from pyspark.sql.types import ArrayType, MapType, StructType

    column = F.col(name)
    if isinstance(data_type, StructType | ArrayType | MapType):
        return F.to_json(column) if any(map(_is_unreadable, nested_types(data_type))) else column
    return column.cast("string") if _is_unreadable(data_type) else column


def _is_unreadable(data_type: DataType) -> bool:
    from pyspark.sql.types import ArrayType, NullType, StructType

    if isinstance(data_type, StructType):
        return max(Counter(data_type.names).values(), default=1) > 1
    if isinstance(data_type, ArrayType):
        return isinstance(data_type.elementType, NullType)
    return type(data_type).__name__ in _AS_TEXT
