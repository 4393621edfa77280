"""How long the phases of the search for differences take: find, shrink, explain, confirm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """A phase of the search, by its name in reports and in the progress.

    Attributes:
        line: what is done in it, for display.
    """

    line: str

    def __new__(cls, name: str, line: str) -> Phase:
        """A member whose value is its name alone."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.line = line
        return member

    FIND = "find", "differences of the model from itself, and of both paths"
    SHRINK = "shrink", "what shows a difference, made smaller"
    EXPLAIN = "explain", "changes that may explain a difference"
    CONFIRM = "confirm", "the smallest input that shows each cause, on both paths"


def _silent(phase: Phase) -> None:
    """Tell nobody."""


@dataclass
class PhaseClock:
    """The time of each phase. A phase within a different one counts as itself, and the outer one stands still.

    One thread at a time goes through the phases; any thread may read how long they took so far.

    Attributes:
        on_begin: called when a phase is entered for the first time.
        clock: monotonic time in seconds.
        times: how often each phase was entered.
    """

    on_begin: Callable[[Phase], None] = _silent
    clock: Callable[[], float] = time.perf_counter
    times: dict[Phase, int] = field(default_factory=dict)
    _spent: dict[Phase, float] = field(default_factory=dict)
    _open: tuple[Phase, ...] = ()
    _since: float = 0.0

    @contextmanager
    def within(self, phase: Phase) -> Iterator[None]:
        """Count the time of a block as that of a phase."""
        self._turn_to((*self._open, phase))
        self.times[phase] = self.times.get(phase, 0) + 1
        if self.times[phase] == 1:
            self.on_begin(phase)
        try:
            yield
        finally:
            self._turn_to(self._open[:-1])

    @property
    def seconds(self) -> Mapping[Phase, float]:
        """The time of each phase that was entered so far, in the order of the phases."""
        spent, inner, since = dict(self._spent), self._open[-1:], self._since
        for phase in inner:
            spent[phase] = spent.get(phase, 0.0) + self.clock() - since
        return {phase: spent[phase] for phase in Phase if phase in spent}

    def _turn_to(self, phases: tuple[Phase, ...]) -> None:
        now = self.clock()
        for phase in self._open[-1:]:
            self._spent[phase] = self._spent.get(phase, 0.0) + now - self._since
        self._open, self._since = phases, now
