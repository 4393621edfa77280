"""The pandas dtypes of declared columns, by their types alone."""

from __future__ import annotations

from pyml.types.field import Field

FIXED_WIDTH = {
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INT": "int32",
    "BIGINT": "int64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "BOOLEAN": "bool",
}
DATETIMES = {"DATE": "datetime64[s]", "TIMESTAMP": "datetime64[us, UTC]", "TIMESTAMP_NTZ": "datetime64[us]"}


def dtype_of(field: Field) -> str:
    """Name of the pandas dtype of a declared column in `predict`."""
    numpy_name = FIXED_WIDTH.get(field.ddl_type)
    if numpy_name is None:
        return DATETIMES.get(field.ddl_type, "object")
    if not field.nullable:
        return numpy_name
    return "boolean" if numpy_name == "bool" else numpy_name.replace("i", "I", 1).replace("f", "F", 1)
