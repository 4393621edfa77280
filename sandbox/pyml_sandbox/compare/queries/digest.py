"""A digest of each row: 128 bits that are equal where every value is the same. Pure: a plan in, SQL text out.

A join of keys and digests takes half of what a join of all values takes. What it finds to be unlike is looked at value
by value: a digest may also differ where two values are the same, such as two maps of another order.

By chance two unlike rows have one digest once in 2^128, or once in 2^64 if they differ in a single text or nested
value, whose own hash has 64 bits: 5e-13 for ten million such rows. The hash has no secret: who chooses the values of
both sides could make them collide.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyml_sandbox.compare.comparison_plan import ComparisonPlan
from pyml_sandbox.compare.queries.statement import key_names, same_key
from pyml_sandbox.compare.tables.column_type import ColumnType

ALIKE, ONE_SIDED, UNLIKE = range(3)
"""What a row of the full join is: both sides with one digest, one side alone, both sides with two digests."""


HEAD_ROWS = 20_000
"""Of each side. Of ten million rows in two random orders forty are then on both: enough for an estimate."""


def columns_with_digest(plan: ComparisonPlan) -> list[int]:
    """The value columns for which equal digests mean equal values: both sides have the same type."""
    return [i for i, pair in enumerate(plan.values) if pair.left.type == pair.right.type]


def with_digests(rows: str, plan: ComparisonPlan, columns: Sequence[int]) -> str:
    """A query of the rows of one side that also has the digests of some columns, which `SAME` compares.

    Args:
        rows: view of the side.
        plan: gives the columns.
        columns: indices among the value columns.
    """
    return f"(SELECT *, {_digests(plan, columns)} FROM {rows})"


def head_statement(left: str, right: str, plan: ComparisonPlan) -> str:
    """How many of the first rows of both sides have the same key, and how many of these are unlike.

    Args:
        left: view of the left side.
        right: view of the right side.
        plan: gives the columns.
    """
    heads = [
        f"(SELECT {key_names(plan)}, {_digests(plan, range(len(plan.values)))} "
        f"FROM (SELECT * FROM {rows} LIMIT {HEAD_ROWS}))"
        for rows in (left, right)
    ]
    joined = f"{heads[0]} l JOIN {heads[1]} r ON {same_key('l', 'r', plan)}"
    return f"SELECT count(*), count(CASE WHEN NOT ({SAME}) THEN 1 END) FROM {joined}"


def suspects_statement(table: str, left: str, right: str, plan: ComparisonPlan, columns: Sequence[int]) -> str:
    """A table of the keys whose rows are unlike, and how many rows of the full join are what (`state`), as `n`.

    Args:
        table: name of the new table.
        left: view of the left side.
        right: view of the right side.
        plan: gives the columns.
        columns: indices of those among the value columns that count.
    """
    sides = [f"(SELECT {key_names(plan)}, {_digests(plan, columns)} FROM {rows})" for rows in (left, right)]
    state = f"CASE WHEN l.k0 IS NULL OR r.k0 IS NULL THEN {ONE_SIDED} WHEN {SAME} THEN {ALIKE} ELSE {UNLIKE} END"
    keys = [f"k{i}" for i in range(len(plan.keys))]
    joined = (
        f"SELECT {', '.join(f'l.{key} AS {key}' for key in keys)}, {state} AS state "
        f"FROM {sides[0]} l FULL JOIN {sides[1]} r ON {same_key('l', 'r', plan)}"
    )
    shown = ", ".join(f"CASE WHEN state = {UNLIKE} THEN {key} END AS {key}" for key in keys)
    return f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT state, {shown}, count(*) AS n FROM ({joined}) GROUP BY ALL"


def suspect_count_statement(table: str) -> str:
    """Rows of the full join, those with both sides, and those that are unlike."""
    counts = (f"coalesce(sum(CASE WHEN {of} THEN n END), 0)::BIGINT" for of in _COUNTED)
    return f"SELECT {', '.join(counts)} FROM {table}"


_COUNTED = ("true", f"state <> {ONE_SIDED}", f"state = {UNLIKE}")


def unlike_statement(name: str, rows: str, table: str, plan: ComparisonPlan) -> str:
    """A view of those rows of one side whose key is unlike.

    Args:
        name: of the new view.
        rows: view of the side.
        table: from `suspects_statement`.
        plan: gives the columns.
    """
    unlike = f"(SELECT * FROM {table} WHERE state = {UNLIKE}) w"
    return f"CREATE OR REPLACE VIEW {name} AS SELECT s.* FROM {rows} s SEMI JOIN {unlike} ON {same_key('s', 'w', plan)}"


def _digests(plan: ComparisonPlan, columns: Sequence[int]) -> str:
    """Two 64-bit hashes of a row, over its values in two orders, under the names that `SAME` compares."""
    parts = [part for i in columns for part in _parts(f"v{i}", plan.values[i].left.type)]
    return f"{_hash(parts)} AS d0, {_hash(parts[::-1])} AS d1"


SAME = "l.d0 = r.d0 AND l.d1 = r.d1"
"""The condition that two rows `l` and `r` have the same digests."""


def _hash(parts: Sequence[str]) -> str:
    return f"hash({', '.join(parts)})"


def _parts(value: str, type_: ColumnType) -> list[str]:
    """What is hashed of a value, since DuckDB's hash alone takes some values for one.

    These are 0.0 and -0.0, and in nested values also null and an empty list. Text alone takes null and 'NULL' for one.
    """
    if type_.is_float:
        return [value, f"signbit({value})"]
    return [value, f"{value}::VARCHAR"] if type_.children else [value]
