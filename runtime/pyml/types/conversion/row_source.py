"""Where rows come from, and how somebody who sends such rows mends them: the hints of every problem with a column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from pyml.types.dtypes import DATETIMES, FIXED_WIDTH, dtype_of
from pyml.types.field import TENSOR_KINDS, Field
from pyml.types.spark_types import quoted


class RowSource(StrEnum):
    """How the caller wrote the rows; the value is the name of the whole, for messages."""

    SQL = "query"
    FRAME = "frame"
    VALUES = "dict"
    """Columns of plain Python values."""
    CSV = "CSV file"
    JSON = "JSON file"
    PARQUET = "Parquet file"
    TABLE = "table"
    """An Arrow table or batch."""
    ARROW = "Arrow stream"
    """An Arrow stream in a request."""
    TENSORS = "request"
    """One tensor for each column, over gRPC or REST."""


_FILES = (RowSource.CSV, RowSource.JSON, RowSource.PARQUET)
_DATATYPES = {kind.ddl_type: kind.datatype for kind in reversed(TENSOR_KINDS)} | {"STRING": "BYTES", "FLOAT": "FP32"}
_WRITTEN = {
    "FLOAT": "3.2",
    "DOUBLE": "3.2",
    "DECIMAL": "3.20",
    "BOOLEAN": "true",
    "DATE": "2024-02-29",
    "TIMESTAMP": "2024-02-29T12:30:00Z",
    "TIMESTAMP_NTZ": "2024-02-29T12:30:00",
    "ARRAY": "[…]",
    "MAP": "{…}",
    "STRUCT": "{…}",
}
_IN_PYTHON = {
    "FLOAT": "a float",
    "DOUBLE": "a float",
    "BOOLEAN": "a bool",
    "DECIMAL": "a decimal.Decimal",
    "STRING": "a str",
    "BINARY": "bytes",
    "DATE": "a datetime.date",
    "TIMESTAMP": "a datetime.datetime with a zone",
    "TIMESTAMP_NTZ": "a datetime.datetime without a zone",
    "ARRAY": "a list",
    "MAP": "a dict",
    "STRUCT": "a dict with exactly the declared keys",
}


def missing_hint(names: Sequence[str], source: RowSource) -> str:
    """How to mend rows that lack a declared column.

    Args:
        names: of the columns that there are.
        source: where the rows come from.
    """
    add = "add it to the SELECT; " if source is RowSource.SQL else ""
    return f"{add}the {source} has: {', '.join(names) or 'no columns'}"


def undeclared_hint(declared: Sequence[str], source: RowSource) -> str:
    """How to mend rows with a column that is not declared.

    Args:
        declared: names of the declared columns.
        source: where the rows come from.
    """
    if source is RowSource.FRAME:
        return f"keep frame[{list(declared)}]"
    return f"drop it, or declare it; the model's inputs are: {', '.join(declared)}"


def type_hint(field: Field, source: RowSource, value: object = None) -> str:
    """How to mend a column of a type that is not converted to the declared one.

    Args:
        field: the declared column.
        source: where the values come from.
        value: the first value of a different kind, if there is one that can be named.
    """
    if source is RowSource.CSV and value == "":
        return 'an empty value without quotes is null; with quotes ("") it is an empty string'
    match source:
        case RowSource.SQL:
            return f"in SQL: CAST({quoted(field.name)} AS {field.ddl_type}) AS {quoted(field.name)}"
        case RowSource.FRAME:
            return _in_pandas(field)
        case RowSource.VALUES:
            return f"give {_IN_PYTHON.get(field.base_type, 'an int')}"
        case RowSource.CSV | RowSource.JSON:
            return _in_file(field, source)
        case RowSource.PARQUET:
            return f"write the column as {field.arrow.type}{_of_pandas_times(field)}"
        case RowSource.ARROW:
            return f"send the column as {field.arrow.type}"
        case RowSource.TABLE:
            return f"in Python: cast the column to {field.arrow.type}"
        case RowSource.TENSORS:
            return f"send it as {_DATATYPES.get(field.ddl_type, field.arrow.type)}"


def _of_pandas_times(field: Field) -> str:
    """How pandas, whose datetimes are timestamps of nanoseconds, writes the column to Parquet."""
    how = {
        "DATE": ".dt.date",
        "TIMESTAMP": '.dt.tz_localize("UTC"), if they are in UTC',
        "TIMESTAMP_NTZ": '.dt.tz_convert("UTC").dt.tz_localize(None)',
    }.get(field.ddl_type)
    return f"; in pandas: {_series(field)}{how}" if how else ""


def zone_hint(field: Field, *, has_zone: bool) -> str:
    """How to mend datetimes of a frame that have a zone and may not, or the other way round."""
    series = _series(field)
    if not has_zone:
        return f'in Python: {series}.dt.tz_localize("UTC"), if they are in UTC'
    return f'in Python: {series}.dt.tz_convert("UTC").dt.tz_localize(None)'


def value_hint(field: Field, source: RowSource, value: object) -> str:
    """How to mend a column with a value that the declared type cannot hold."""
    if isinstance(value, float) and math.isnan(value):
        return f"NaN is a value, not null; {_without_nan(field, source)}"
    return f"declare a type that holds it, or {_converted_on_purpose(field, source)}"


def null_hint(field: Field, source: RowSource) -> str:
    """How to mend a column that is declared NOT NULL and holds null."""
    return f"declare `{field.name} {field.ddl_type}` without NOT NULL, or {_filled(field, source)}"


def _in_pandas(field: Field) -> str:
    series = _series(field)
    if field.ddl_type in FIXED_WIDTH:
        return f'in Python: {series}.astype("{dtype_of(field)}")'
    if field.ddl_type in DATETIMES:
        return f"in Python: pd.to_datetime({series}{', utc=True' if field.ddl_type == 'TIMESTAMP' else ''})"
    if field.ddl_type == "STRING":
        return f'in Python: {series}.astype("string")'
    return f"give {_IN_PYTHON[field.base_type]} in each row"


def _series(field: Field) -> str:
    return f"frame[{field.name!r}]".replace("'", '"')


def _in_file(field: Field, source: RowSource) -> str:
    """How a value of the type is written."""
    if source is RowSource.CSV and field.base_type in ("ARRAY", "MAP", "STRUCT"):
        return "write JSON Lines or Parquet, which have lists, maps and structs"
    text = _WRITTEN.get(field.base_type, "text" if field.base_type in ("STRING", "BINARY") else "8")
    is_quoted = source is RowSource.JSON and field.base_type in ("STRING", "BINARY", *DATETIMES)
    value = f'a value such as "{text}"' if is_quoted else f"a value such as {text}"
    if not field.nullable:
        return f"write {value}"
    return f"write null, or {value}" if source is RowSource.JSON else f"leave it empty for null, or write {value}"


def _converted_on_purpose(field: Field, source: RowSource) -> str:
    if source is RowSource.SQL:
        return f"change it on purpose: CAST({quoted(field.name)} AS {field.ddl_type}) AS {quoted(field.name)}"
    if source is RowSource.FRAME and field.ddl_type in FIXED_WIDTH:
        return f'change it on purpose: {_series(field)}.astype("{dtype_of(field)}")'
    if source is RowSource.FRAME and field.ddl_type in DATETIMES:
        return f'round it: {_series(field)}.dt.floor("{"D" if field.ddl_type == "DATE" else "us"}")'
    verb = "write" if source in _FILES else "send" if source in (RowSource.ARROW, RowSource.TENSORS) else "give"
    return f"{verb} a value that {field.ddl_type} holds"


def _without_nan(field: Field, source: RowSource) -> str:
    if source is RowSource.SQL:
        name = quoted(field.name)
        return f"for null: IF(isnan({name}), NULL, {name}) AS {name}"
    if source is RowSource.FRAME and field.ddl_type in FIXED_WIDTH:
        return f'for null: {_series(field)}.astype("{dtype_of(Field(field.name, field.ddl_type))}")'
    return "for null: None" if source is RowSource.VALUES else "give null instead"


def _filled(field: Field, source: RowSource) -> str:
    name = quoted(field.name)
    match source:
        case RowSource.SQL:
            return f"fill the nulls in the query: COALESCE({name}, …) AS {name}"
        case RowSource.FRAME:
            return f"fill the nulls: {_series(field)}.fillna(…)"
        case RowSource.VALUES | RowSource.TABLE:
            return "give every row a value"
        case RowSource.CSV:
            return "write a value between the commas"
        case RowSource.JSON:
            return "write a value in place of null"
        case RowSource.PARQUET:
            return "fill the nulls in the file"
        case RowSource.ARROW | RowSource.TENSORS:
            return "send a value in every row"
