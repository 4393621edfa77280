"""Audits the keys of two sides; only if something may be wrong with them, since it costs as much as the join."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyml_sandbox.compare.comparison_plan import ComparisonPlan
from pyml_sandbox.compare.queries import statement
from pyml_sandbox.compare.queries.database import count
from pyml_sandbox.compare.result import Key, KeyComparison, KeyList

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS = 100_000

REPEATED = ("repeated_left", "repeated_right")
"""The tables of repeated keys that `audit_keys` leaves behind."""


def may_repeat(connection: duckdb.DuckDBPyConnection, plan: ComparisonPlan, rows: str) -> bool:
    """Whether a sample of one side has a repeated key. Up to `SAMPLE_ROWS` rows the sample is the whole side.

    A key repeated on both sides multiplies in a join: a million times on each would be a trillion pairs. One side is
    enough to look at, since where its keys are unique the pairs are at most the other side's rows. A key that a sample
    of n out of N rows does not show twice occurs a few times N / n at most: some hundred times at ten million rows.
    If the sample misses a repeated key, the counts of the join do not add up.

    Args:
        connection: to the database of the comparison.
        plan: names the key columns.
        rows: view of one side.
    """
    (total,) = count(connection, f"SELECT count(*) FROM {rows}")
    share = min(1.0, SAMPLE_ROWS / max(total, 1))
    sampled, distinct = count(connection, statement.sample_statement(rows, plan, share))
    return sampled != distinct


def audit_keys(connection: duckdb.DuckDBPyConnection, plan: ComparisonPlan, left: str, right: str) -> KeyComparison:
    """Find all missing, extra, repeated and null keys of two sides, exactly.

    Args:
        connection: to the database of the comparison.
        plan: names the key columns.
        left: view of the left side.
        right: view of the right side.
    """
    connection.execute(statement.repeated_statement(REPEATED[0], left, plan))
    connection.execute(statement.repeated_statement(REPEATED[1], right, plan))
    connection.execute(statement.absent_statement("missing", left, right, plan))
    connection.execute(statement.absent_statement("extra", right, left, plan))
    return KeyComparison(
        missing=_key_list(connection, plan, "missing"),
        extra=_key_list(connection, plan, "extra"),
        repeated_left=_key_list(connection, plan, REPEATED[0]),
        repeated_right=_key_list(connection, plan, REPEATED[1]),
        repeated_both=count(connection, statement.repeated_both_statement(*REPEATED, plan))[0],
        null_left=count(connection, statement.null_key_statement(left, plan))[0],
        null_right=count(connection, statement.null_key_statement(right, plan))[0],
    )


def _key_list(connection: duckdb.DuckDBPyConnection, plan: ComparisonPlan, table: str) -> KeyList:
    keys, rows = count(connection, statement.key_count_statement(table))
    examples: list[Key] = connection.execute(statement.key_examples_statement(table, plan)).fetchall()
    return KeyList(keys, rows, tuple(examples))
