"""Compare two tables: a full join in DuckDB, and a second look only at what did not agree.

Where the tables are large and most rows agree, the join has keys and digests alone. Where most differ, the first rows
say which columns need only a digest, and what the second look would ask for, which is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict, cast

from pyml_sandbox.compare.comparison_plan import ColumnPair, ComparisonPlan, plan_comparison
from pyml_sandbox.compare.queries import digest, statement
from pyml_sandbox.compare.queries.column_groups import column_groups
from pyml_sandbox.compare.queries.database import Cell, Limits, count, one_row, open_database
from pyml_sandbox.compare.queries.first_look import NOT_LOOKED_AT, FirstRows, look_at_first_rows
from pyml_sandbox.compare.queries.key_audit import REPEATED, audit_keys, may_repeat
from pyml_sandbox.compare.queries.value_class import column_tolerance
from pyml_sandbox.compare.queries.worst_rows import with_candidates, worst_rows
from pyml_sandbox.compare.result import ColumnComparison, Comparison, KeyComparison, WorstRow
from pyml_sandbox.compare.tables.source import Source, open_side
from pyml_sandbox.compare.tolerance import Tolerances

if TYPE_CHECKING:
    import duckdb


def compare(
    left: Source,
    right: Source,
    key: Sequence[str],
    *,
    name: str = "batches",
    left_name: str = "offline",
    right_name: str = "online",
    tolerances: Tolerances | None = None,
    within: Source | None = None,
    limits: Limits | None = None,
) -> Comparison:
    """Compare two tables row by row, joined by key. Blocks until both sides are read.

    Keys come first: rows whose key is missing, extra, repeated or null are reported and take no part in the comparison
    of values. Types are compared apart from values.

    Args:
        left: the reference side.
        right: the side to compare with it.
        key: the key columns.
        name: of the comparison in a report.
        left_name: name of the left side in messages and reports.
        right_name: likewise the right side.
        tolerances: how far floats may differ; all other types are compared exactly.
        within: table with the same key columns; rows of either side whose key is not in it are left out.
        limits: memory, threads and scratch folder.

    Raises:
        UsageError: a side cannot be read, lacks a key column, or its key cannot be joined to the other side's.
        PymlError: DuckDB gave up, as when the scratch folder is full.
    """
    limits = limits or Limits()
    with open_database(limits) as connection:
        left_side = open_side(connection, left, left_name, "left_side")
        right_side = open_side(connection, right, right_name, "right_side")
        plan = plan_comparison(left_side, right_side, key)
        wanted = _wanted_keys(connection, within, plan)
        connection.execute(statement.rows_statement("left_rows", left_side, plan, is_left=True, within=wanted))
        connection.execute(statement.rows_statement("right_rows", right_side, plan, is_left=False, within=wanted))
        joining = _Joining(connection, plan, tolerances or Tolerances(), limits.memory_mb)
        rows_left, rows_right = joining.totals()
        keys, columns, matched = joining.run(rows_left, rows_right)
    names = tuple(pair.name for pair in plan.keys)
    return Comparison(name, left_name, right_name, names, rows_left, rows_right, matched, keys, plan.schema, columns)


def _wanted_keys(connection: duckdb.DuckDBPyConnection, within: Source | None, plan: ComparisonPlan) -> str | None:
    """A table of the distinct keys to which the comparison is restricted."""
    if within is None:
        return None
    side = open_side(connection, within, "sample", "wanted_side")
    keys = ", ".join(f"{side.column(pair.name).sql} AS k{i}" for i, pair in enumerate(plan.keys))
    connection.execute(f"CREATE TEMP TABLE wanted AS SELECT DISTINCT {keys} FROM {side.view}")
    return "wanted"


DIGEST_ROWS = 200_000
"""From how many rows on digests are joined first: below, the whole comparison takes less than what they cost."""
MOST_UNLIKE = 0.2
"""Up to which share of unlike rows digests save time: what is unlike is joined once more."""
FEWEST_ALIKE = 3
"""How many columns must be the same in the first rows so that their digests take less than they do."""


@dataclass(frozen=True)
class _Counts:
    """What a full pass counted: rows of the full join, those with both sides, and columns by their index."""

    joined: int
    matched: int
    columns: Mapping[int, ColumnComparison]
    unlike: int = 0  # rows whose digests differ

    def prove_clean_keys(self, rows_left: int, rows_right: int) -> bool:
        """Every row of both sides was matched exactly once.

        A full join keeps a row that found no partner, as every row with a null key. So if all its rows are matched,
        each row found a partner; and a key with l rows on the left and r on the right gives l * r of them, which is l
        only for r = 1 and r only for l = 1. So they are as many as either side has rows only if nothing is wrong.
        """
        return self.joined == self.matched == rows_left == rows_right

    def with_columns(self, columns: Mapping[int, ColumnComparison]) -> _Counts:
        """These counts and those of further columns."""
        return replace(self, columns={**self.columns, **columns})


class _Joining:
    """The full pass over the views `left_rows` and `right_rows`, and what it calls for."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, plan: ComparisonPlan, allowed: Tolerances, memory_mb: int
    ) -> None:
        self._connection = connection
        self._plan = plan
        self._allowed = allowed
        self._memory_mb = memory_mb
        self._sides = ("left_rows", "right_rows")
        self._all = range(len(plan.values))
        self._rows = 0

    def totals(self) -> tuple[int, int]:
        """Rows on each side; read from the footers of Parquet files."""
        left, right = (count(self._connection, f"SELECT count(*) FROM {side}")[0] for side in self._sides)
        self._rows = max(left, right)
        return left, right

    def run(self, rows_left: int, rows_right: int) -> tuple[KeyComparison, tuple[ColumnComparison, ...], int]:
        """Count first and audit the keys only if the counts do not prove them clean: that saves half of the time."""
        if may_repeat(self._connection, self._plan, self._sides[0]):
            return self._run_audited(None)
        counts = self._count()
        if counts.prove_clean_keys(rows_left, rows_right):
            return KeyComparison(), self._with_worst(counts.columns), counts.matched
        return self._run_audited(counts)

    def _run_audited(self, counts: _Counts | None) -> tuple[KeyComparison, tuple[ColumnComparison, ...], int]:
        keys = audit_keys(self._connection, self._plan, *self._sides)
        if keys.has_repeated:
            self._leave_out_repeated()
            counts = None
        counts = counts or self._count()
        return keys, self._with_worst(counts.columns), counts.matched

    def _leave_out_repeated(self) -> None:
        for name, rows in (("left_unique", self._sides[0]), ("right_unique", self._sides[1])):
            self._connection.execute(statement.unique_statement(name, rows, self._plan, REPEATED))
        self._sides = ("left_unique", "right_unique")

    def _count(self) -> _Counts:
        """All columns: by digests where that pays, and by the values of what is unlike."""
        if self._rows < DIGEST_ROWS or not self._plan.values:
            return self._find(self._sides, self._all)
        return self._count_by_digests() or self._count_most()

    def _count_by_digests(self) -> _Counts | None:
        """All columns by digests; None where many rows are unlike, or where some column has no digest."""
        if len(digest.columns_with_digest(self._plan)) < len(self._all) or self._differs_mostly():
            return None
        return self._count_suspects(self._all)

    def _differs_mostly(self) -> bool:
        """Whether most of the first rows are unlike, so that digests would be joined in vain."""
        matched, unlike = count(self._connection, digest.head_statement(*self._sides, self._plan))
        return unlike > MOST_UNLIKE * matched

    def _count_suspects(self, columns: Sequence[int]) -> _Counts | None:
        """Where few rows are unlike only these are compared by value, where none is nothing is; None where many are."""
        self._connection.execute(digest.suspects_statement("suspects", *self._sides, self._plan, columns))
        joined, matched, unlike = count(self._connection, digest.suspect_count_statement("suspects"))
        if unlike > MOST_UNLIKE * matched:
            return None
        if not unlike:
            return _Counts(joined, matched, self._alike(columns, matched))
        names = ("left_unlike", "right_unlike")
        for name, rows in zip(names, self._sides, strict=True):
            self._connection.execute(digest.unlike_statement(name, rows, "suspects", self._plan))
        found = self._find(names, columns, columns, rows=matched)
        return _Counts(joined, matched, found.columns)

    def _count_most(self) -> _Counts:
        """By value the columns that are unlike in the first rows, with their worst rows; by digests what is alike."""
        first = look_at_first_rows(self._connection, *self._sides, self._plan, self._allowed)
        alike = [index for index in digest.columns_with_digest(self._plan) if index in first.alike]
        if not FEWEST_ALIKE <= len(alike) < len(self._all):
            return self._count_values(self._all, first)
        counts = self._count_values([index for index in self._all if index not in alike], first, alike)
        if not counts.unlike:
            return counts.with_columns(self._alike(alike, counts.matched))
        return counts.with_columns((self._count_suspects(alike) or self._count_values(alike, first)).columns)

    def _count_values(self, columns: Sequence[int], first: FirstRows, alike: Sequence[int] = ()) -> _Counts:
        """Some columns by value in as many passes as memory makes necessary, the first one with digests of others."""
        counts = None
        for group in column_groups(self._plan, columns, self._rows, self._memory_mb, with_digest=bool(alike)):
            worst = [index for index in group if index in first.differing]
            found = self._find(self._sides, group, worst, first, () if counts else alike)
            counts = counts.with_columns(found.columns) if counts else found
        return cast("_Counts", counts)

    def _find(
        self,
        sides: tuple[str, str],
        columns: Sequence[int],
        worst: Sequence[int] = (),
        first: FirstRows = NOT_LOOKED_AT,
        alike: Sequence[int] = (),
        rows: int | None = None,
    ) -> _Counts:
        """One full pass over the values of some columns.

        Args:
            sides: views of the rows.
            columns: indices among the value columns.
            worst: those whose worst rows are wanted.
            first: what the first rows tell.
            alike: further columns, whose digests are compared.
            rows: matched rows of the whole comparison; None if `sides` are all rows.
        """
        more: tuple[str, ...] = ()
        if alike:
            sides = cast("tuple[str, str]", tuple(digest.with_digests(side, self._plan, alike) for side in sides))
            more = (f"{digest.SAME} AS same",)
        joined = statement.joined_values(*sides, self._plan, self._allowed, columns, more=more)
        counted = with_candidates(joined, self._plan, worst, first.ranks)
        unlike = f"count(CASE WHEN {statement.MATCHED} AND NOT same THEN true END)" if alike else "0"
        wanted = [unlike, *(worst_rows(index, self._plan, are_few=index in first.ranks) for index in worst)]
        query = statement.count_statement(counted, self._plan, columns, first.most_ulps, wanted)
        joined_rows, matched, *found = one_row(self._connection, query)
        width = statement.COLUMN_WIDTH
        unlike_rows, *worst_found = found[len(columns) * width :]
        counts = {
            index: self._column(
                self._plan.values[index],
                cast("int", matched) if rows is None else rows,
                cast("Sequence[int]", found[place * width : (place + 1) * width]),
            )
            for place, index in enumerate(columns)
        }
        counts = _with_rows(counts, dict(zip(worst, worst_found, strict=True)))
        return _Counts(cast("int", joined_rows), cast("int", matched), counts, cast("int", unlike_rows))

    def _alike(self, columns: Sequence[int], matched: int) -> dict[int, ColumnComparison]:
        """Columns that are the same in all matched rows."""
        nothing = cast("Sequence[int]", statement.NOTHING_FOUND)
        return {index: self._column(self._plan.values[index], matched, nothing) for index in columns}

    def _column(self, pair: ColumnPair, rows: int, found: Sequence[int]) -> ColumnComparison:
        """One column from its counts, in the order of `statement.column_counts`."""
        signed_zeros, within, differs, infinity, nan, null, max_abs, max_ulps = found
        differing = differs + infinity + nan + null
        return ColumnComparison(
            name=pair.name,
            left_type=pair.left.type.sql,
            right_type=pair.right.type.sql,
            rows=rows,
            equal=rows - within - differing,
            within_tolerance=within,
            differing=differing,
            null_mismatches=null,
            nan_mismatches=nan,
            infinity_mismatches=infinity,
            signed_zeros=signed_zeros,
            max_abs=max_abs,
            max_ulps=max_ulps,
            tolerance=column_tolerance(pair.types, pair.name, self._allowed),
        )

    def _with_worst(self, counted: Mapping[int, ColumnComparison]) -> tuple[ColumnComparison, ...]:
        """All columns in order; a second pass for those that differ and whose worst rows no full pass asked for."""
        lacking = [index for index in self._all if counted[index].differing and not counted[index].worst]
        if lacking:
            joined = statement.joined_values(*self._sides, self._plan, self._allowed, lacking)
            rows = ", ".join(worst_rows(index, self._plan, are_few=False) for index in lacking)
            found = one_row(self._connection, f"SELECT {rows} FROM ({with_candidates(joined, self._plan, lacking)})")
            counted = _with_rows(counted, dict(zip(lacking, found, strict=True)))
        return tuple(counted[index] for index in self._all)


class _Row(TypedDict):
    """A row as `worst_rows` gives it: key, left, right, distance."""

    k: list[str | None]
    l: str | None  # noqa: E741
    r: str | None
    d: float | None


def _with_rows(columns: Mapping[int, ColumnComparison], rows: Mapping[int, Cell]) -> dict[int, ColumnComparison]:
    """Columns with their worst rows, where some are known."""
    return {
        index: replace(column, worst=_worst_rows(cast("list[_Row]", rows[index]))) if rows.get(index) else column
        for index, column in columns.items()
    }


def _worst_rows(rows: Sequence[_Row]) -> tuple[WorstRow, ...]:
    return tuple(WorstRow(tuple(row["k"]), row["l"], row["r"], row["d"]) for row in rows)
