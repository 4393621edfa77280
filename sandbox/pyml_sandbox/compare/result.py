"""The result of a comparison, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pyml_sandbox.compare.tolerance import Tolerance

Key = tuple[str | None, ...]
"""The values of the key columns of one row, as strings in SQL notation; None is null."""


@dataclass(frozen=True)
class KeyList:
    """Keys with the same problem.

    Attributes:
        keys: how many distinct keys.
        rows: how many rows carry them.
        examples: up to five of them, the smallest first.
    """

    keys: int = 0
    rows: int = 0
    examples: tuple[Key, ...] = ()

    def __bool__(self) -> bool:
        return self.keys > 0


@dataclass(frozen=True)
class KeyComparison:
    """The key layer: which rows cannot be matched one to one.

    Attributes:
        missing: keys of the left side that the right side lacks.
        extra: keys of the right side that the left side lacks.
        repeated_left: keys that occur more than once on the left side.
        repeated_right: keys that occur more than once on the right side.
        repeated_both: how many keys occur more than once on both: they never told rows apart.
        null_left: rows on the left side with a null in their key.
        null_right: likewise on the right side.
    """

    missing: KeyList = KeyList()
    extra: KeyList = KeyList()
    repeated_left: KeyList = KeyList()
    repeated_right: KeyList = KeyList()
    repeated_both: int = 0
    null_left: int = 0
    null_right: int = 0

    @property
    def has_repeated(self) -> bool:
        """A key occurs more than once on either side."""
        return bool(self.repeated_left or self.repeated_right)

    @property
    def agrees(self) -> bool:
        """Both sides hold the same keys, each once, and none is null."""
        return not (self.missing or self.extra or self.has_repeated or self.null_left or self.null_right)


class KeyProblem(StrEnum):
    """Why rows of one side cannot be matched one to one."""

    UNMATCHED = "only"
    REPEATED = "repeated"
    NULL = "null"


@dataclass(frozen=True)
class KeyDifference:
    """Rows of one side that cannot be matched one to one.

    Attributes:
        problem: why.
        side: what that side is, as `offline`.
        other: what the other side is.
        found: their keys; for null keys only the number of rows.
    """

    problem: KeyProblem
    side: str
    other: str
    found: KeyList


@dataclass(frozen=True)
class TypeDifference:
    """One column whose types differ: the representation layer."""

    column: str
    left: str
    right: str


@dataclass(frozen=True)
class SchemaComparison:
    """Columns that are on one side only, in a different order, or of a different type.

    Attributes:
        missing: columns of the left side that the right side lacks.
        extra: columns of the right side that the left side lacks.
        order_differs: whether the common columns are in a different order, which is no fault: they are paired by name.
        types: common columns, keys included, whose types differ.
    """

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    order_differs: bool = False
    types: tuple[TypeDifference, ...] = ()

    @property
    def agrees(self) -> bool:
        """Both sides have the same columns with the same types."""
        return not (self.missing or self.extra or self.types)


@dataclass(frozen=True)
class WorstRow:
    """One differing row of one column.

    Attributes:
        key: the row's key.
        left: the left value as a string, cut after 200 characters; None is null.
        right: the right value likewise.
        abs_difference: the distance of two finite numbers; None if there is none (null, NaN, strings).
    """

    key: Key
    left: str | None
    right: str | None
    abs_difference: float | None = None


@dataclass(frozen=True)
class ColumnComparison:
    """One value column over all rows whose key is on both sides exactly once.

    `rows == equal + within_tolerance + differing`, and `differing` includes the three kinds of mismatch.

    Attributes:
        name: the column.
        left_type: DuckDB's name of its type on the left side.
        right_type: likewise on the right side; if it differs, so does the representation, whatever the values.
        rows: rows compared.
        equal: same value. NaN equals NaN, null equals null, -0.0 equals 0.0.
        within_tolerance: floats that are not equal but lie within `tolerance`.
        differing: all others.
        null_mismatches: null on one side only.
        nan_mismatches: NaN on one side only, and no null.
        infinity_mismatches: an infinity against a different number or infinity.
        signed_zeros: -0.0 against 0.0, counted among `equal`.
        max_abs: largest distance of two finite numbers that are not equal; None where all are equal or not numbers.
        max_ulps: the same in units in the last place; None for all but floats.
        tolerance: what was allowed; None for columns without floats, which are exact.
        worst: up to five differing rows: null, NaN and infinity first, then the largest distance, then by key.
    """

    name: str
    left_type: str
    right_type: str
    rows: int
    equal: int
    within_tolerance: int
    differing: int
    null_mismatches: int = 0
    nan_mismatches: int = 0
    infinity_mismatches: int = 0
    signed_zeros: int = 0
    max_abs: float | None = None
    max_ulps: int | None = None
    tolerance: Tolerance | None = None
    worst: tuple[WorstRow, ...] = ()

    @property
    def has_same_type(self) -> bool:
        """The column has the same type on both sides."""
        return self.left_type == self.right_type

    @property
    def agrees(self) -> bool:
        """No value differs and the types are the same."""
        return self.differing == 0 and self.has_same_type


@dataclass(frozen=True)
class Comparison:
    """Two sides of one table, compared in layers: keys, schema, values.

    Attributes:
        name: which comparison this is, as `batches` or `rows`.
        left_name: what the left side is, as `offline`.
        right_name: what the right side is, as `online`.
        key: the key columns.
        rows_left: rows on the left side.
        rows_right: rows on the right side.
        matched: rows whose key is on both sides exactly once; only these are compared by value.
        keys: the key layer.
        schema: the schema layer, with the types in which both sides hold a column.
        columns: the value layer, one entry for each value column that both sides have, in the left side's order.
    """

    name: str
    left_name: str
    right_name: str
    key: tuple[str, ...]
    rows_left: int
    rows_right: int
    matched: int
    keys: KeyComparison
    schema: SchemaComparison
    columns: tuple[ColumnComparison, ...]

    @property
    def agrees(self) -> bool:
        """Keys, schema and every value of every column agree."""
        return self.keys.agrees and self.schema.agrees and not any(self.differing_columns())

    def key_differences(self) -> Iterator[KeyDifference]:
        """What differs in the keys: unmatched ones first, then repeated ones, then null; the left side first."""
        keys, left, right = self.keys, self.left_name, self.right_name
        nulls = KeyList(rows=keys.null_left), KeyList(rows=keys.null_right)
        for problem, on_left, on_right in (
            (KeyProblem.UNMATCHED, keys.missing, keys.extra),
            (KeyProblem.REPEATED, keys.repeated_left, keys.repeated_right),
            (KeyProblem.NULL, *nulls),
        ):
            if on_left.rows:
                yield KeyDifference(problem, left, right, on_left)
            if on_right.rows:
                yield KeyDifference(problem, right, left, on_right)

    def differing_columns(self) -> Iterator[ColumnComparison]:
        """The columns with at least one differing value."""
        return (column for column in self.columns if column.differing)
