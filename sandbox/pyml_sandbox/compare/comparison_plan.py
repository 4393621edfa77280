"""Pairs the columns of two sides: the schema layer, which is decided before a row is read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyml.errors import UsageError
from pyml_sandbox.compare.result import SchemaComparison, TypeDifference
from pyml_sandbox.compare.tables.column_type import ColumnType
from pyml_sandbox.compare.tables.source import Column, Side


@dataclass(frozen=True)
class ColumnPair:
    """One column that both sides have."""

    left: Column
    right: Column

    @property
    def name(self) -> str:
        """The name that both share."""
        return self.left.name

    @property
    def types(self) -> tuple[ColumnType, ColumnType]:
        """The type on each side."""
        return self.left.type, self.right.type


@dataclass(frozen=True)
class ComparisonPlan:
    """What to compare.

    Attributes:
        keys: the key columns, in the order given.
        values: all other columns that both sides have, in the left side's order.
        schema: the differences of the columns themselves.
    """

    keys: tuple[ColumnPair, ...]
    values: tuple[ColumnPair, ...]
    schema: SchemaComparison


def plan_comparison(left: Side, right: Side, key: Sequence[str]) -> ComparisonPlan:
    """Pair the columns of two sides by name.

    Args:
        left: the left side.
        right: the right side.
        key: names of the key columns.

    Raises:
        UsageError: no key, a key column that a side lacks, or key columns that cannot be joined without loss.
    """
    if not key:
        raise UsageError("at least one key column is needed to match rows")
    if len(set(key)) < len(key):
        raise UsageError(f"a key column is given twice: {', '.join(key)}")
    keys = tuple(_joinable(ColumnPair(left.column(name), right.column(name))) for name in key)
    on_right = {column.name: column for column in right.columns}
    common = [ColumnPair(column, on_right[column.name]) for column in left.columns if column.name in on_right]
    values = tuple(pair for pair in common if pair.name not in key)
    return ComparisonPlan(keys, values, _schema_comparison(left, right, common))


def _joinable(pair: ColumnPair) -> ColumnPair:
    left, right = pair.types
    if left == right or (left.is_integer and right.is_integer):
        return pair
    raise UsageError(
        f"key column `{pair.name}` is {left.sql} on one side and {right.sql} on the other: rows cannot be matched",
        f"cast `{pair.name}` to one type before comparing",
    )


def _schema_comparison(left: Side, right: Side, common: Sequence[ColumnPair]) -> SchemaComparison:
    names = [pair.name for pair in common]
    return SchemaComparison(
        missing=tuple(column.name for column in left.columns if column.name not in names),
        extra=tuple(column.name for column in right.columns if column.name not in names),
        order_differs=names != [column.name for column in right.columns if column.name in names],
        types=tuple(
            TypeDifference(pair.name, pair.left.type.sql, pair.right.type.sql)
            for pair in common
            if pair.left.type != pair.right.type
        ),
    )
