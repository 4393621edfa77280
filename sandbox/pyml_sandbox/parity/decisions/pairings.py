"""Which files of a run are compared, and whether their differences may be noise. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from pyml_sandbox.compare import Comparison
from pyml_sandbox.parity.diagnosis.notebook_findings import EXPECTED_OFFLINE, EXPECTED_ONLINE
from pyml_sandbox.parity.verdict_rules import ALONE, BATCHES, REPEAT, ROWS

OFFLINE = "offline"
ONLINE_BATCHES = "online_batches"
ONLINE_ROWS = "online_rows"
REPEAT_FIRST = "repeat_first"
REPEAT_SECOND = "repeat_second"
EXPECTED = "expected"
"""What the notebook predicted."""


@dataclass(frozen=True)
class Pairing:
    """One comparison that a parity check makes.

    Attributes:
        name: of the comparison.
        left: name of the file of its left side.
        right: name of the file of its right side.
        within: name of the file to whose keys it is restricted; None if it is not.
    """

    name: str
    left: str
    right: str
    within: str | None = None

    @property
    def sides(self) -> tuple[str, str]:
        """The names of both sides in a report."""
        return _SIDES.get(self.left, self.left), _SIDES.get(self.right, self.right)

    @property
    def is_of_both_paths(self) -> bool:
        """Whether it compares offline with online, not one path with itself."""
        return self.name in (BATCHES, ROWS)

    @property
    def is_of_notebook(self) -> bool:
        """Whether it compares the notebook with one path."""
        return self.left == EXPECTED


PAIRINGS = (
    Pairing(BATCHES, OFFLINE, ONLINE_BATCHES),
    Pairing(ROWS, OFFLINE, ONLINE_ROWS, ONLINE_ROWS),
    Pairing(ALONE, ONLINE_BATCHES, ONLINE_ROWS, ONLINE_ROWS),
    Pairing(REPEAT, REPEAT_FIRST, REPEAT_SECOND),
    Pairing(EXPECTED_OFFLINE, EXPECTED, OFFLINE, EXPECTED),
    Pairing(EXPECTED_ONLINE, EXPECTED, ONLINE_BATCHES, EXPECTED),
)
_SIDES = {
    ONLINE_BATCHES: "online in batches",
    ONLINE_ROWS: "online one by one",
    REPEAT_FIRST: "the first time",
    REPEAT_SECOND: "the second time",
    EXPECTED: "in the notebook",
}


def possible_pairings(written: Set[str]) -> tuple[Pairing, ...]:
    """The comparisons that can be made.

    Args:
        written: names of the files that the paths have written.
    """
    return tuple(each for each in PAIRINGS if {each.left, each.right} <= written)


def deciding_pairings(comparisons: Iterable[Comparison]) -> tuple[tuple[Pairing, Comparison], ...]:
    """The comparisons that decide the verdict and were made, each with its pairing.

    They compare offline with online, and the notebook with either of them.
    """
    by_name = {comparison.name: comparison for comparison in comparisons}
    deciding = (each for each in PAIRINGS if each.is_of_both_paths or each.is_of_notebook)
    return tuple((each, by_name[each.name]) for each in deciding if each.name in by_name)


def may_be_noise(comparison: Comparison) -> bool:
    """Whether there is a column in which only finite floats differ."""
    return any(
        column.tolerance is not None and not column.null_mismatches + column.nan_mismatches + column.infinity_mismatches
        for column in comparison.differing_columns()
    )


def needs_noise(comparisons: Iterable[Comparison], *, is_examined: bool) -> bool:
    """Whether the noise of the model must be measured before the verdict.

    Args:
        comparisons: of the paths, with the tolerances of the types.
        is_examined: whether the checks of the harness were made, which measure it.
    """
    return not is_examined and any(map(may_be_noise, comparisons))
