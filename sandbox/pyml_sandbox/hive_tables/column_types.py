"""The Spark type in which a column of a file is stored: the smallest that holds every value of its Arrow type."""

from __future__ import annotations

import pyarrow as pa

from pyml.types.spark_types import ddl_type_of

_WIDER = {
    pa.null(): pa.string(),
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.date64(): pa.date32(),
    pa.string_view(): pa.string(),
    pa.binary_view(): pa.binary(),
}
_MOST_DIGITS = 38


def spark_type(arrow: pa.DataType) -> str:
    """The Spark type that holds every value of an Arrow type; the Arrow type's own name where there is none.

    Nanoseconds are an exception: Spark has microseconds, and a value that has more is refused when it is converted.

    Args:
        arrow: type of a column, as a Parquet file or DuckDB has it.
    """
    return ddl_type_of(_stored(arrow))


def _stored(arrow: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_dictionary(arrow):
        return _stored(arrow.value_type)
    if types.is_timestamp(arrow):
        return pa.timestamp("us", None if arrow.tz is None else "UTC")
    if types.is_decimal(arrow) and arrow.precision <= _MOST_DIGITS:
        return pa.decimal128(arrow.precision, max(arrow.scale, 0))
    if types.is_fixed_size_binary(arrow):
        return pa.binary()
    if types.is_map(arrow):
        return pa.map_(_stored(arrow.key_type), _stored(arrow.item_type))
    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        return pa.list_(_stored(arrow.value_type))
    if types.is_struct(arrow):
        return pa.struct([(member.name, _stored(member.type)) for member in arrow])
    return _WIDER.get(arrow, arrow)
