"""The SQL statements of a comparison. Pure: a plan in, text out.

Inside, columns are called by position, so that no name of a user's column can get in the way: `k0, k1` are the keys and
`v0, v1` the values of a side; in the join `c0` is the class of a pair of values, `l0` and `r0` the values themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyml_sandbox.compare.comparison_plan import ColumnPair, ComparisonPlan
from pyml_sandbox.compare.queries.value_class import (
    DIFFERS,
    INFINITY,
    NAN,
    NULL,
    SIGNED_ZERO,
    WITHIN,
    distance,
    may_exceed,
    possible_classes,
    ulps,
    value_class,
)
from pyml_sandbox.compare.sql_text import any_of
from pyml_sandbox.compare.tables.source import Side
from pyml_sandbox.compare.tolerance import Tolerances

EXAMPLES = 5
"""How many keys and rows are shown of each kind."""

TEXT_LENGTH = 200
"""Longer values are cut: a report shows rows, it does not carry them."""

COUNTED = (SIGNED_ZERO, WITHIN, DIFFERS, INFINITY, NAN, NULL)
"""The classes counted for each column, in this order."""

COLUMN_WIDTH = len(COUNTED) + 2
"""How many aggregates `column_counts` gives for each column."""

NOTHING_FOUND = (*(0 for _ in COUNTED), None, None)
"""What they are where all rows are alike."""


def rows_statement(name: str, side: Side, plan: ComparisonPlan, *, is_left: bool, within: str | None) -> str:
    """A view of one side under positional names.

    Args:
        name: of the new view.
        side: the side.
        plan: gives the columns and their order.
        is_left: whether it is the left side.
        within: view of the keys to keep; None for all rows.
    """
    keys = [pair.left.sql if is_left else pair.right.sql for pair in plan.keys]
    values = [pair.left.sql if is_left else pair.right.sql for pair in plan.values]
    aliases = [f"s.{key} AS k{i}" for i, key in enumerate(keys)] + [
        f"s.{value} AS v{i}" for i, value in enumerate(values)
    ]
    statement = f"CREATE OR REPLACE VIEW {name} AS SELECT {', '.join(aliases)} FROM {side.view} s"
    if within is None:
        return statement
    return f"{statement} SEMI JOIN {within} w ON {' AND '.join(f's.{key} = w.k{i}' for i, key in enumerate(keys))}"


def unique_statement(name: str, rows: str, plan: ComparisonPlan, repeated: Sequence[str]) -> str:
    """A view of the rows whose key is in none of some tables.

    Args:
        name: of the new view.
        rows: view of one side.
        plan: gives the number of key columns.
        repeated: tables of repeated keys.
    """
    unlike = " ".join(f"ANTI JOIN {table} ON {same_key(rows, table, plan)}" for table in repeated)
    return f"CREATE OR REPLACE VIEW {name} AS SELECT {rows}.* FROM {rows} {unlike}"


def sample_statement(rows: str, plan: ComparisonPlan, share: float) -> str:
    """Counts of the rows, and of the distinct keys, in a sample without null keys.

    Args:
        rows: view of one side.
        plan: gives the number of key columns.
        share: of all rows, above 0; 1 for all of them.
    """
    sample = f" TABLESAMPLE system({100 * share:.6f} PERCENT)" if share < 1 else ""
    picked = f"SELECT {key_names(plan)} FROM {rows}{sample} WHERE {_has_key(plan)}"
    distinct = "SELECT count(*) FROM (SELECT DISTINCT * FROM picked)"
    return f"WITH picked AS MATERIALIZED ({picked}) SELECT count(*), ({distinct}) FROM picked"


def null_key_statement(rows: str, plan: ComparisonPlan) -> str:
    """How many rows have a null in their key."""
    return f"SELECT count(*) FROM {rows} WHERE {any_of([f'k{i} IS NULL' for i in range(len(plan.keys))])}"


def repeated_statement(table: str, rows: str, plan: ComparisonPlan) -> str:
    """A table of the keys that occur more than once, with their number of rows as `n`; null keys are left out.

    Args:
        table: name of the new table.
        rows: view of one side.
        plan: gives the number of key columns.
    """
    return (
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {key_names(plan)}, count(*) AS n FROM {rows} "
        f"WHERE {_has_key(plan)} GROUP BY {key_names(plan)} HAVING count(*) > 1"
    )


def absent_statement(table: str, here: str, there: str, plan: ComparisonPlan) -> str:
    """A table of the keys that one side has and the other lacks, with their number of rows as `n`, without null keys.

    Args:
        table: name of the new table.
        here: view of the side that has them.
        there: view of the side that lacks them.
        plan: gives the number of key columns.
    """
    return (
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {key_names(plan)}, count(*) AS n "
        f"FROM (SELECT * FROM {here} WHERE {_has_key(plan)}) h ANTI JOIN {there} ON {same_key('h', there, plan)} "
        f"GROUP BY {key_names(plan)}"
    )


def key_count_statement(table: str) -> str:
    """How many keys and rows a table of keys stands for."""
    return f"SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM {table}"


def key_examples_statement(table: str, plan: ComparisonPlan) -> str:
    """The smallest keys of a table of keys, as text."""
    parts = ", ".join(shown(f"k{i}") for i in range(len(plan.keys)))
    return f"SELECT {parts} FROM {table} ORDER BY {key_names(plan)} LIMIT {EXAMPLES}"


def repeated_both_statement(left: str, right: str, plan: ComparisonPlan) -> str:
    """How many keys two tables of keys have in common.

    Args:
        left: the first table.
        right: the second table.
        plan: gives the number of key columns.
    """
    return f"SELECT count(*) FROM {left} JOIN {right} ON {same_key(left, right, plan)}"


def count_statement(
    joined: str, plan: ComparisonPlan, columns: Sequence[int], most_ulps: Mapping[int, int], more: Sequence[str] = ()
) -> str:
    """A full pass: rows of the full join, matched rows, for each column the aggregates of `column_counts`, and more.

    Args:
        joined: a query like `joined_values` of these columns.
        plan: gives the columns.
        columns: indices among the value columns.
        most_ulps: for some columns the most ulps of some of these rows.
        more: further aggregates.
    """
    counts = ["count(*)", f"count(CASE WHEN {MATCHED} THEN true END)"]
    for index in columns:
        counts += column_counts(index, plan.values[index], most_ulps.get(index, 0))
    return f"SELECT {', '.join([*counts, *more])} FROM ({joined})"


def joined_values(
    left: str,
    right: str,
    plan: ComparisonPlan,
    allowed: Tolerances,
    columns: Sequence[int],
    kind: str = "FULL",
    more: Sequence[str] = (),
) -> str:
    """The join of two sides, for each column with the class of its pair of values and their distance.

    A full join even where matched rows alone count: DuckDB takes twice the time for an inner join of many wide rows.
    Expressions that are used more than once are columns of a query inside, so that they are evaluated once.

    Args:
        left: view of the left side.
        right: view of the right side.
        plan: gives the columns.
        allowed: the tolerances.
        columns: indices among the value columns.
        kind: of the join.
        more: further columns of it, of rows `l` and `r`.
    """
    keys = [f"l.k{i} AS k{i}" for i in range(len(plan.keys))]
    names = ", ".join([*keys, "r.k0 AS rk", *more, *_value_pairs(plan, allowed, columns)])
    apart = (f"{_distance(index, plan)} AS d{index}" for index in columns)
    joined = f"SELECT {names} FROM {left} l {kind} JOIN {right} r ON {same_key('l', 'r', plan)}"
    return f"SELECT {', '.join(['*', *apart])} FROM ({joined})"


def _distance(index: int, plan: ComparisonPlan) -> str:
    expression = distance(f"l{index}", f"r{index}", plan.values[index].types)
    return f"CASE WHEN c{index} >= {WITHIN} THEN {expression} END" if expression else "NULL::DOUBLE"


MATCHED = "k0 IS NOT NULL AND rk IS NOT NULL"
"""The condition for rows of `joined_values` that both sides have."""


def column_counts(index: int, pair: ColumnPair, most_ulps: int) -> list[str]:
    """The aggregates of one column: one count for each of `COUNTED`, the largest distance, the most ulps.

    A row of one side only looks like null against a value, the only class that has to be told from it.
    `count(CASE ...)` takes two thirds of the time of `count(*) FILTER (...)`.

    Args:
        index: of the column among the value columns.
        pair: the column on both sides.
        most_ulps: of some of the pairs; where others surely have no more, their ulps are not asked for.
    """
    possible = possible_classes(pair.types)
    counts = [_class_count(index, found) if found in possible else "0" for found in COUNTED]
    left, right = f"l{index}", f"r{index}"
    apart = _largest(index, f"d{index}") if pair.left.type.children else f"max(d{index})"
    steps = _largest(index, ulps(left, right, pair.types), may_exceed(left, right, pair.types, most_ulps))
    return [*counts, apart, f"greatest({steps}, {most_ulps})" if most_ulps else steps]


def _class_count(index: int, found: int) -> str:
    return f"count(CASE WHEN c{index} = {found}{f' AND {MATCHED}' if found == NULL else ''} THEN true END)"


def _value_pairs(plan: ComparisonPlan, allowed: Tolerances, columns: Sequence[int]) -> list[str]:
    pairs: list[str] = []
    for i in columns:
        pair = plan.values[i]
        found = value_class(f"l.v{i}", f"r.v{i}", pair.types, pair.name, allowed)
        pairs += [f"({found})::UTINYINT AS c{i}", f"l.v{i} AS l{i}", f"r.v{i} AS r{i}"]
    return pairs


def _largest(index: int, expression: str | None, condition: str = "true") -> str:
    """Evaluated for pairs of numbers that are not equal and for no other row."""
    if expression is None:
        return "NULL"
    return f"max(CASE WHEN c{index} BETWEEN {WITHIN} AND {DIFFERS} AND {condition} THEN {expression} END)"


def shown(value: str) -> str:
    """A value as text, cut if it is long."""
    cut = f"left({value}::VARCHAR, {TEXT_LENGTH})"
    return f"CASE WHEN length({value}::VARCHAR) > {TEXT_LENGTH} THEN {cut} || '…' ELSE {value}::VARCHAR END"


def key_names(plan: ComparisonPlan) -> str:
    """The key columns of a side, by position."""
    return ", ".join(f"k{i}" for i in range(len(plan.keys)))


def _has_key(plan: ComparisonPlan) -> str:
    return " AND ".join(f"k{i} IS NOT NULL" for i in range(len(plan.keys)))


def same_key(left: str, right: str, plan: ComparisonPlan) -> str:
    """Plain equality: a null key matches nothing and is counted apart; NaN matches NaN."""
    return " AND ".join(f"{left}.k{i} = {right}.k{i}" for i in range(len(plan.keys)))
