"""Values of rows for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.workspace.events import JSON


def plain(value: object) -> JSON:
    """A value for JSON; a value without a JSON type becomes a string."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return value
    return str(value)


def plain_rows(table: pa.Table) -> list[list[JSON]]:
    """The values of a table for JSON, row by row.

    Args:
        table: shape (rows, columns); columns may have equal names. Dates may lie beyond Python's calendar.
    """
    columns = [[plain(value) for value in _values(column)] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def unique_names(names: Sequence[str]) -> list[str]:
    """Names for the keys of one object: of equal ones, the second ends in `_2`.

    Args:
        names: of columns, in their order.
    """
    found: dict[str, None] = {}
    for name in names:
        times, unique = 1, name
        while unique in found or (times > 1 and unique in names):
            times += 1
            unique = f"{name}_{times}"
        found[unique] = None
    return list(found)


def _values(column: pa.ChunkedArray) -> Sequence[object]:
    try:
        return _python_values(column)
    except (OverflowError, ValueError):  # a date that Python lacks, or a string that is not UTF-8
        from pyml.types.spark_types import with_leaves

        return _python_values(column.cast(with_leaves(column.type, _readable)))


def _python_values(column: pa.ChunkedArray) -> Sequence[object]:
    try:
        return list(column.to_pylist(maps_as_pydicts="strict"))
    except (KeyError, TypeError):  # a map whose keys are repeated, or are no keys to Python
        return list(column.to_pylist())


def _readable(leaf: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_date(leaf) or pa.types.is_timestamp(leaf):
        return pa.string()
    return pa.binary() if pa.types.is_string(leaf) else leaf
