"""The types of Spark's columns, as a Schema writes them and as Arrow carries them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyml.errors import SchemaError
from pyml.types.spark_types import arrow_type, ddl_type_of, quoted

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession
    from pyspark.sql.types import DataType, StructField


def declared_type(data_type: DataType) -> str:
    """A type of Spark in the spelling of a Schema; Spark's own where a Schema does not support it.

    CHAR, VARCHAR and strings with a collation are STRING.

    Args:
        data_type: of a column.
    """
    arrow = arrow_type_of_spark(data_type)
    return _ddl(data_type) if arrow is None else ddl_type_of(arrow)


def arrow_type_of_spark(data_type: DataType) -> pa.DataType | None:
    """The Arrow type that carries a type of Spark; None if a Schema does not support it.

    Args:
        data_type: of a column.
    """
    try:
        return arrow_type(_ddl(data_type))
    except SchemaError:
        return None


def fields_of(spark: SparkSession, ddl: str) -> list[StructField]:
    """The columns of a DDL as Spark reads it.

    Args:
        spark: a session; unlike `DataType.fromDDL`, this needs no active one.
        ddl: at least one column.
    """
    return list(spark.createDataFrame([], ddl).schema.fields)


def nested_types(data_type: DataType) -> Iterator[DataType]:
    """A type, and every type inside it.

    Args:
        data_type: of a column.
    """
    from pyspark.sql.types import ArrayType, MapType, StructType

    yield data_type
    if isinstance(data_type, ArrayType):
        yield from nested_types(data_type.elementType)
    elif isinstance(data_type, MapType):
        yield from nested_types(data_type.keyType)
        yield from nested_types(data_type.valueType)
    elif isinstance(data_type, StructType):
        for field in data_type.fields:
            yield from nested_types(field.dataType)


def _ddl(data_type: DataType) -> str:
    """The type as DDL; Spark's own `simpleString` does not quote the names of fields."""
    from pyspark.sql.types import ArrayType, CharType, MapType, StringType, StructType, VarcharType

    if isinstance(data_type, ArrayType):
        return f"ARRAY<{_ddl(data_type.elementType)}>"
    if isinstance(data_type, MapType):
        return f"MAP<{_ddl(data_type.keyType)}, {_ddl(data_type.valueType)}>"
    if isinstance(data_type, StructType):
        return f"STRUCT<{', '.join(f'{quoted(each.name)}: {_ddl(each.dataType)}' for each in data_type.fields)}>"
    if isinstance(data_type, StringType | CharType | VarcharType):
        return "STRING"
    return str(data_type.simpleString()).upper()
