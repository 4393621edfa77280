"""The check of sizes: rows of the fixture whose output changes with nothing but the number of rows in the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from pyml_sandbox.parity.checks.baseline import one_row
from pyml_sandbox.parity.context.check_context import Bench
from pyml_sandbox.parity.context.size_noise import SIZES
from pyml_sandbox.parity.observations.observation import Case, Situation, Symptom
from pyml_sandbox.parity.rows.synthetic import fixture_specimens

MAX_CASES = 3


def of_sizes(bench: Bench, seen: Set[str]) -> Iterator[Symptom]:
    """A symptom for each output column that departs, beyond its noise, where only the size of the batch differs.

    Args:
        bench: with its noise measured.
        seen: output columns in which the checks of the sample saw a difference already.
    """
    for name, rows in bench.noise.departing.items():
        cases = [case for row in rows[:MAX_CASES] if (case := _smallest(bench, name, row))]
        if cases and name not in seen:
            yield Symptom("sizes", name, tuple(cases), rows=len(rows))


def _smallest(bench: Bench, name: str, row: int) -> Case | None:
    """The row alone, and the smallest of the batches it was asked in that gives a different value."""
    start = row // bench.batch_rows * bench.batch_rows
    rows = bench.judged.slice(start, bench.batch_rows)
    specimens, place = fixture_specimens(rows), row - start
    groups = [[place], *(_around(place, size, len(specimens)) for size in (*sorted(SIZES)[1:], bench.batch_rows))]
    alone, *others = bench.lab.calls(rows, groups)
    for group, outputs in zip(groups[1:], others, strict=True):
        if name in bench.differing(alone[0], outputs[group.index(place)]):
            together = Situation(tuple(specimens[each] for each in group), group.index(place))
            return Case(name, one_row(specimens[place]), together)
    return None


def _around(place: int, size: int, rows: int) -> Sequence[int]:
    start = place // size * size
    return range(start, min(start + size, rows))
