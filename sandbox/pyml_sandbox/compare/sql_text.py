"""How names and values are written into SQL. Nothing else in `compare` quotes anything."""

from __future__ import annotations


def identifier(name: str) -> str:
    """A column or table name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def double(value: float) -> str:
    """A DOUBLE literal that keeps every bit; a bare `0.1` would be read as a DECIMAL."""
    return f"'{value!r}'::DOUBLE"


def any_of(conditions: list[str]) -> str:
    """At least one condition holds; false where there is none."""
    return "(" + " OR ".join(conditions) + ")" if conditions else "false"
