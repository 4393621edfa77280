"""The type of a column as a small tree, so that SQL can be written from it without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

INTEGERS = frozenset({"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"})
FLOATS = frozenset({"float", "double"})


@dataclass(frozen=True)
class ColumnType:
    """A DuckDB type.

    Attributes:
        sql: the whole type as DuckDB writes it, `STRUCT(a INTEGER, b DOUBLE[])`.
        kind: its outermost part in lower case: `struct`, `list`, `map`, `double`, `decimal`, ...
        children: name and type of each part of a nested type; `key` and `value` of a map, `child` of a list.
        precision: digits of a decimal.
    """

    sql: str
    kind: str
    children: tuple[tuple[str, ColumnType], ...] = ()
    precision: int = 0

    @property
    def is_float(self) -> bool:
        """FLOAT or DOUBLE itself, not a nested type that holds one."""
        return self.kind in FLOATS

    @property
    def is_integer(self) -> bool:
        """An integer of at most 64 bits."""
        return self.kind in INTEGERS

    def child(self, name: str) -> ColumnType:
        """The type of one part of a nested type."""
        return dict(self.children)[name]

    def has(self, kind: str) -> bool:
        """The type is of this kind or holds a part that is."""
        return self.kind == kind or any(child.has(kind) for _, child in self.children)


def column_type(found: DuckDBPyType) -> ColumnType:
    """Read DuckDB's own description of a type. A fixed-size array is a list whose values happen to have one length."""
    kind = "list" if found.id == "array" else found.id
    if kind not in ("list", "struct", "map"):
        return ColumnType(str(found), kind, precision=_precision(found))
    parts = [(name, part) for name, part in found.children if not isinstance(part, (int, list))]
    return ColumnType(str(found), kind, tuple((name, column_type(part)) for name, part in parts))


def _precision(found: DuckDBPyType) -> int:
    if found.id != "decimal":
        return 0
    return next(part for name, part in found.children if name == "precision" and isinstance(part, int))
