"""The time budget of a check, which its parts share: what each may take, and what it had to leave undone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from pyml.package.settings import ParitySettings
from pyml_sandbox.compare.rendering.formatting import seconds_text
from pyml_sandbox.parity.verdict import Undone


class Part(StrEnum):
    """A part of the checks that takes as many rows, calls or steps as time allows, by its name in reports.

    Attributes:
        share: how many of 90 seconds it may take.
    """

    share: int

    def __new__(cls, name: str, share: int) -> Part:
        """A member whose value is its name alone."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.share = share
        return member

    ALONE = "alone", 10
    """Each row of the sample and each synthetic row in a call of its own."""
    PROCESSES = "processes", 3
    """The same again in each process with a different environment."""
    SIZES = "sizes", 8
    """Every row of the fixture in batches of several sizes."""
    THRESHOLDS = "thresholds", 8
    """Bisecting decision thresholds."""
    NEIGHBOURS = "neighbours", 8
    """Pairs of rows in one call."""
    BATCHES = "batches", 5
    """Making one batch that shows a difference smaller."""
    TRACE = "trace", 5
    """Tracing which functions of libraries the model calls."""
    ODDS = "odds", 3
    """Repeating calls that differ by chance, to count how often they do."""
    EXPLAIN = "explain", 20
    """Changes to rows that may explain a difference: in the harness, on both paths, and from the notebook."""
    SHRINK = "shrink", 20
    """Making the input of one finding smaller."""


WHOLE = sum(part.share for part in Part)
"""The sum of all shares, in seconds."""


@dataclass(frozen=True)
class TimeBudget:
    """About how long the checks of one model may take where they can do more or less.

    A part is made in any case, with a few rows: the budget says how many.

    Attributes:
        seconds: for all parts.
    """

    seconds: float = ParitySettings.budget_s

    def of(self, part: Part) -> float:
        """The time of one part, in seconds."""
        return self.seconds * part.share / WHOLE

    def scaled(self, count: int) -> int:
        """A number of steps in proportion to the budget, at least one.

        Args:
            count: how many there are by default.
        """
        return max(round(count * self.seconds / ParitySettings.budget_s), 1)

    def undone(self, part: Part, tried: str, rest_s: float | None = None, needed_s: float | None = None) -> Undone:
        """What one part had to leave undone.

        Args:
            part: the part.
            tried: how much of it was done, as the beginning of a sentence.
            rest_s: time that the rest takes, in seconds; None for a search that may have found something smaller.
            needed_s: time of the part in which it does everything, in seconds; None if that is the rest more than now.
        """
        if rest_s is None:
            return Undone(str(part), f"{tried}; there may be a smaller one", _rounded_up(2 * self.seconds))
        wanted_s = max(self.of(part) + rest_s, needed_s or 0.0)
        rest = f"{tried}; the rest needs about {seconds_text(_rounded_up(rest_s))} more"
        return Undone(str(part), rest, _rounded_up(wanted_s * WHOLE / part.share))


def _rounded_up(seconds: float) -> float:
    """The next number with two digits."""
    if seconds <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(seconds)) - 1)
    return float(f"{math.ceil(seconds / unit) * unit:.3g}")
