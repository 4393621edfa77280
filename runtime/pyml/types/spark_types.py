"""Spark types: parsed from DDL, the Arrow types that carry them, and names and strings quoted for Spark SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from pyml.errors import SchemaError
from pyml.types.ddl import is_bare_name, is_not_null, parse_columns

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp


@lru_cache(maxsize=4096)
def quoted(name: str) -> str:
    """A name for Spark SQL and DDL as a person writes it: bare if that reads as this name, else in back-ticks."""
    return name if name.isidentifier() and name.isascii() and is_bare_name(name) else backticked(name)


def backticked(name: str) -> str:
    """A name for a statement that is sent to Spark: in back-ticks, whatever it is."""
    return "`" + name.replace("`", "``") + "`"


def string_literal(text: str) -> str:
    """A string literal for Spark SQL: in single quotes, with its quotes and backslashes escaped."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@lru_cache(maxsize=1024)
def arrow_type(ddl_type: str) -> pa.DataType:
    """The Arrow type that carries a Spark type.

    Raises:
        SchemaError: the type is not supported.
    """
    return arrow_type_of(parse_columns(f"c {ddl_type}")[0].kind)


def with_leaves(arrow: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """A type with each of its inner types that has no inner types itself replaced; a dictionary is its values.

    Args:
        arrow: any Arrow type.
        leaf: the replacement of a type.
    """
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(arrow):
        return with_leaves(arrow.value_type, leaf)
    if types.is_map(arrow):
        return pa.map_(with_leaves(arrow.key_type, leaf), with_leaves(arrow.item_type, leaf))
    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        return pa.list_(with_leaves(arrow.value_type, leaf))
    if types.is_struct(arrow):
        return pa.struct([pa.field(inner.name, with_leaves(inner.type, leaf)) for inner in arrow])
    return leaf(arrow)


def nearest_in_spark(arrow: pa.DataType) -> pa.DataType:
    """The Arrow type of the smallest Spark type that holds a type without inner types; the type itself if none does.

    Nanoseconds become microseconds, the unit of Spark.

    Args:
        arrow: an Arrow type without inner types.
    """
    import pyarrow as pa

    if pa.types.is_timestamp(arrow):
        return pa.timestamp("us", None if arrow.tz is None else "UTC")
    if pa.types.is_fixed_size_binary(arrow):
        return pa.binary()
    return {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.float16(): pa.float32(),
        pa.date64(): pa.date32(),
        pa.string_view(): pa.string(),
        pa.binary_view(): pa.binary(),
    }.get(arrow, arrow)


def ddl_type_of(arrow: pa.DataType) -> str:
    """The Spark type of an Arrow type, in canonical spelling; its Arrow name if Spark has no such type."""
    import pyarrow as pa

    types = pa.types
    if types.is_decimal(arrow):
        return f"DECIMAL({arrow.precision}, {arrow.scale})"
    if types.is_timestamp(arrow) and arrow.unit == "us":
        return "TIMESTAMP_NTZ" if arrow.tz is None else "TIMESTAMP"
    if types.is_map(arrow):
        return f"MAP<{ddl_type_of(arrow.key_type)}, {ddl_type_of(arrow.item_type)}>"
    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        return f"ARRAY<{ddl_type_of(arrow.value_type)}>"
    if types.is_struct(arrow):
        inner = ", ".join(f"{quoted(field.name)}: {ddl_type_of(field.type)}" for field in arrow)
        return f"STRUCT<{inner}>"
    return _plain_ddl_types().get(arrow, str(arrow))


@lru_cache(maxsize=1)
def _plain_ddl_types() -> dict[pa.DataType, str]:
    import pyarrow as pa

    by_arrow = {pa_type: name for name, pa_type in _plain_arrow_types().items()}
    return by_arrow | {pa.large_string(): "STRING", pa.large_binary(): "BINARY"}


@lru_cache(maxsize=1)
def _plain_arrow_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "TINYINT": pa.int8(),
        "SMALLINT": pa.int16(),
        "INT": pa.int32(),
        "BIGINT": pa.int64(),
        "FLOAT": pa.float32(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "STRING": pa.string(),
        "BINARY": pa.binary(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us", "UTC"),
        "TIMESTAMP_NTZ": pa.timestamp("us"),
    }


def arrow_type_of(kind: exp.DataType | None) -> pa.DataType:
    """The Arrow type that carries a parsed Spark type.

    Raises:
        SchemaError: it is None, or not supported.
    """
    import pyarrow as pa

    if kind is None:
        raise SchemaError("a type is missing", _TYPE_HINT)
    name = kind.this.value
    inner = kind.expressions
    if name == "DECIMAL" and len(inner) <= 2:
        precision, scale = ([int(size.name) for size in inner] + [10, 0][len(inner) :])[:2]
        return _decimal(precision, scale)
    if name == "ARRAY" and len(inner) == 1:
        return pa.list_(arrow_type_of(inner[0]))
    if name == "MAP" and len(inner) == 2:
        return pa.map_(_map_key(inner[0]), arrow_type_of(inner[1]))
    if name == "STRUCT" and inner:
        refuse_repeated_names([field.name for field in inner])
        return pa.struct([_struct_field(field) for field in inner])
    plain = _SPARK_NAMES.get(name, name)
    if plain not in _plain_arrow_types() or inner:
        raise SchemaError(f"type {kind.sql('spark')} is not supported", _TYPE_HINT)
    return _plain_arrow_types()[plain]


# sqlglot's names where they are not Spark's.
_SPARK_NAMES = {
    "TIMESTAMPTZ": "TIMESTAMP",
    "TIMESTAMPLTZ": "TIMESTAMP",
    "TIMESTAMPNTZ": "TIMESTAMP_NTZ",
    "TEXT": "STRING",
}

_TYPE_HINT = (
    "use TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, DECIMAL(p, s), STRING, BINARY, BOOLEAN, DATE, TIMESTAMP, "
    "TIMESTAMP_NTZ, ARRAY<…>, MAP<…, …> or STRUCT<…> (for CHAR and VARCHAR, which Spark reads as STRING, write STRING)"
)


def _struct_field(column: exp.ColumnDef) -> pa.Field:
    import pyarrow as pa

    if is_not_null(column):
        raise SchemaError(
            f"NOT NULL inside a STRUCT (`{column.name}`) is not supported", "put NOT NULL on the column itself"
        )
    return pa.field(column.name, arrow_type_of(column.kind))


def _decimal(precision: int, scale: int) -> pa.DataType:
    import pyarrow as pa

    if not (1 <= precision <= 38 and 0 <= scale <= precision):
        raise SchemaError(
            f"DECIMAL({precision}, {scale}) is out of Spark's range", "use a precision of 1 to 38, and a scale up to it"
        )
    return pa.decimal128(precision, scale)


def _map_key(kind: exp.DataType) -> pa.DataType:
    """Type of a MAP's key: `predict` gets a map as a dict, so that its keys must be hashable."""
    if kind.expressions and kind.this.value != "DECIMAL":
        raise SchemaError(
            f"a MAP key of type {kind.sql('spark')} is not supported", "use a plain type such as STRING as key"
        )
    return arrow_type_of(kind)


def refuse_repeated_names(names: Sequence[str]) -> None:
    """Refuse names of which two are the same in Spark.

    Raises:
        SchemaError: two names are equal, or differ only in case.
    """
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            raise SchemaError(
                f"`{seen[name.lower()]}` and `{name}` are the same name in Spark, which ignores case",
                "rename one of them",
            )
        seen[name.lower()] = name
