"""The worst rows of a column in SQL. Pure: a plan in, text out.

A column that differs everywhere has as many candidates as there are rows, and to order them costs more than to count
them. The worst of a few rows bound the worst of all: what ranks behind the last of them is left out by a comparison.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pyml_sandbox.compare.comparison_plan import ComparisonPlan
from pyml_sandbox.compare.queries.statement import EXAMPLES, MATCHED, shown
from pyml_sandbox.compare.queries.value_class import DIFFERS
from pyml_sandbox.compare.sql_text import double

BOUNDS = "worst_bounds"
"""The variable of the database that holds, as `w0, w1`, the order of the last of the worst of some rows."""


def with_candidates(
    joined: str, plan: ComparisonPlan, columns: Sequence[int], ranks: Mapping[int, float] | None = None
) -> str:
    """`joined_values` with what `worst_rows` needs of some columns: `b0, b1`, whether a row may be among the worst.

    Args:
        joined: the query.
        plan: gives the columns.
        columns: indices among the value columns.
        ranks: for some of them the rank of a row of the same join that `BOUNDS` holds: rows behind it are left out.
    """
    candidates = (f"{_is_candidate(i, plan, (ranks or {}).get(i))} AS b{i}" for i in columns)
    return f"SELECT {', '.join(['*', *candidates])} FROM ({joined})"


def _is_candidate(index: int, plan: ComparisonPlan, rank: float | None) -> str:
    """The row differs and is not behind the bound: the order of `_worst`, part by part, which is cheaper than itself.

    Cases: no bound; that of a null, NaN or infinity; that of values without a distance, as texts; that of a distance.
    """
    differs, apart, is_first = f"c{index} = {DIFFERS}", f"d{index}", _is_key_within(index, plan)
    if rank is None:
        return f"c{index} >= {DIFFERS} AND {MATCHED}"
    if rank == -math.inf:
        return f"c{index} > {DIFFERS} AND {MATCHED} AND {is_first}"
    is_tied = f"{apart} = {double(-rank)} AND {is_first}" if rank else is_first
    return f"(c{index} > {DIFFERS} AND {MATCHED}) OR ({differs} AND ({apart} > {double(-rank)} OR ({is_tied})))"


def _is_key_within(index: int, plan: ComparisonPlan) -> str:
    keys = [f"k{i}" for i in range(len(plan.keys))]
    *before, last = keys
    bound = f"getvariable('{BOUNDS}').w{index}"
    condition = f"{last} <= {bound}.{last}"
    for key in reversed(before):
        condition = f"({key} < {bound}.{key} OR ({key} = {bound}.{key} AND {condition}))"
    return condition


def worst_rows(index: int, plan: ComparisonPlan, *, are_few: bool) -> str:
    """An aggregate over `with_candidates`: a list of the worst rows of a column; null or empty where none differs.

    Each has its key parts `k`, left value `l` and right value `r` as text, and distance `d`. Null, NaN and infinity
    rank before every distance; ties go to the smaller key, so that a report is repeatable.

    Args:
        index: of the column among the value columns.
        plan: gives the columns.
        are_few: whether few rows are candidates. These travel as text, since DuckDB encodes the struct of every row.
    """
    keys = [f"k{i}" for i in range(len(plan.keys))]
    if not are_few:
        row = ", ".join(["l := l{0}", "r := r{0}", "d := d{0}", *(f"{key} := {key}" for key in keys)]).format(index)
        parts = [shown(f"w.{name}") for name in ("l", "r", *keys)]
        return _as_rows(_worst(f"struct_pack({row})", index, plan), "w.d", *parts)
    texts = ", ".join([f"d{index}::VARCHAR", *map(shown, (f"l{index}", f"r{index}", *keys))])
    worst = _worst(f"CASE WHEN b{index} THEN json_array({texts}) END", index, plan)
    parts = [f"w[{place}]" for place in range(2, 4 + len(keys))]
    return _as_rows(f"[row::VARCHAR[] FOR row IN {worst}]", "w[1]::DOUBLE", *parts)


def _as_rows(worst: str, apart: str, left: str, right: str, *keys: str) -> str:
    return f"[struct_pack(k := [{', '.join(keys)}], l := {left}, r := {right}, d := {apart}) FOR w IN {worst}]"


def last_of_worst(index: int, plan: ComparisonPlan) -> str:
    """An aggregate over `with_candidates`: the last row that `worst_rows` shows; null where it shows fewer.

    Args:
        index: of the column among the value columns.
        plan: gives the columns.
    """
    keys = ", ".join(f"k{i} := k{i}" for i in range(len(plan.keys)))
    return f"{_worst(f'struct_pack(rank := {_rank(index)}, {keys})', index, plan)}[{EXAMPLES}]"


def _worst(row: str, index: int, plan: ComparisonPlan) -> str:
    """Rows whose order is null are left out, in a tenth of the time that a FILTER takes."""
    parts = [_rank(index), *(f"k{i}" for i in range(len(plan.keys)))]
    order = ", ".join(f"{part}, 'ASC NULLS LAST'" for part in parts)
    return f"arg_min({row}, CASE WHEN b{index} THEN create_sort_key({order}) END, {EXAMPLES})"


def _rank(index: int) -> str:
    return f"CASE WHEN c{index} = {DIFFERS} THEN -coalesce(d{index}, 0) ELSE '-inf'::DOUBLE END"
