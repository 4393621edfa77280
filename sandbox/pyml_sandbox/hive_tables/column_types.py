"""The Spark type in which a column of a file is stored: the smallest that holds every value of its Arrow type."""

from __future__ import annotations

import pyarrow as pa

from pyml.types.spark_types import ddl_type_of, nearest_in_spark, with_leaves

_MOST_DIGITS = 38


def spark_type(arrow: pa.DataType) -> str:
    """The Spark type that holds every value of an Arrow type; the Arrow type's own name where there is none.

    Nanoseconds are an exception: Spark has microseconds, and a value that has more is refused when it is converted.

    Args:
        arrow: type of a column, as a Parquet file or DuckDB has it.
    """
    return ddl_type_of(with_leaves(arrow, _stored))


def _stored(arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_null(arrow):
        return pa.string()
    if pa.types.is_uint64(arrow):
        return pa.decimal128(20, 0)
    if pa.types.is_decimal(arrow) and arrow.precision <= _MOST_DIGITS:
        return pa.decimal128(arrow.precision, max(arrow.scale, 0))
    return nearest_in_spark(arrow)
