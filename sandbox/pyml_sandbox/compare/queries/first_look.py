"""The first rows of both sides: what they tell of all rows, before these are read.

They say which columns differ. Their worst rows bound the worst of all rows (`worst_rows`), and so do their ulps. They
save time where most rows differ; whatever they are, the result is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml_sandbox.compare.comparison_plan import ComparisonPlan
from pyml_sandbox.compare.queries.database import count, one_row
from pyml_sandbox.compare.queries.statement import joined_values
from pyml_sandbox.compare.queries.value_class import DIFFERS, SAME, WITHIN, ulps
from pyml_sandbox.compare.queries.worst_rows import BOUNDS, last_of_worst, with_candidates
from pyml_sandbox.compare.tolerance import Tolerances

if TYPE_CHECKING:
    import duckdb

FIRST_ROWS = 100_000
"""Of each side. Of ten million rows in two random orders a thousand are then on both."""


@dataclass(frozen=True)
class FirstRows:
    """What the first rows are.

    Attributes:
        differing: the value columns that differ in any of them.
        alike: the value columns that are the same in all of them, to the bit.
        most_ulps: for the value columns with floats that are not equal, by how many ulps at most.
        ranks: for the value columns with as many differing rows as are shown, the rank of the last that is.
    """

    differing: tuple[int, ...]
    alike: frozenset[int]
    most_ulps: Mapping[int, int]
    ranks: Mapping[int, float]


NOT_LOOKED_AT = FirstRows((), frozenset(), {}, {})
"""They tell nothing."""


def look_at_first_rows(
    connection: duckdb.DuckDBPyConnection, left: str, right: str, plan: ComparisonPlan, allowed: Tolerances
) -> FirstRows:
    """Compare the first rows of both sides, and set `BOUNDS` by them.

    Args:
        connection: to the database of the comparison.
        left: view of the left side.
        right: view of the right side.
        plan: gives the columns.
        allowed: the tolerances.
    """
    columns = range(len(plan.values))
    first = [f"(SELECT * FROM {rows} LIMIT {FIRST_ROWS})" for rows in (left, right)]
    joined = with_candidates(joined_values(first[0], first[1], plan, allowed, columns, "INNER"), plan, columns)
    connection.execute(f"SET VARIABLE {BOUNDS} = (SELECT struct_pack({_looked_for(plan)}) FROM ({joined}))")
    differing = count(connection, _asked(*(f"n{i}" for i in columns)))
    unlike = count(connection, _asked(*(f"s{i}" for i in columns)))
    most_ulps = count(connection, _asked(*(f"coalesce(u{i}, 0)" for i in columns)))
    ranks = one_row(connection, _asked(*(f"w{i}.rank" for i in columns)))
    return FirstRows(
        tuple(index for index in columns if differing[index]),
        frozenset(index for index in columns if not unlike[index]),
        {index: most for index, most in enumerate(most_ulps) if most},
        {index: float(str(rank)) for index, rank in enumerate(ranks) if rank is not None},
    )


def _looked_for(plan: ComparisonPlan) -> str:
    """Aggregates of each column: rows that differ, rows that are not the same, the most ulps, the last of the worst."""
    columns = range(len(plan.values))
    return ", ".join(
        [f"n{i} := count(CASE WHEN c{i} >= {DIFFERS} THEN true END)" for i in columns]
        + [f"s{i} := count(CASE WHEN c{i} > {SAME} THEN true END)" for i in columns]
        + [f"u{i} := {_most_ulps(i, plan)}" for i in columns]
        + [f"w{i} := {last_of_worst(i, plan)}" for i in columns]
    )


def _asked(*names: str) -> str:
    """What of the variable is wanted here; keys of any type stay in the database."""
    return f"SELECT {', '.join(names)} FROM (SELECT unnest(getvariable('{BOUNDS}')))"


def _most_ulps(index: int, plan: ComparisonPlan) -> str:
    steps = ulps(f"l{index}", f"r{index}", plan.values[index].types)
    return f"max(CASE WHEN c{index} BETWEEN {WITHIN} AND {DIFFERS} THEN {steps} END)" if steps else "NULL"
