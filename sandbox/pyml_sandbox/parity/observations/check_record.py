"""The record of the checks that were made, with their observations: each check enters itself when it is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pyml_sandbox.parity.observations.catalogue import Check, check_named
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.observations.phase_clock import PhaseClock
from pyml_sandbox.parity.verdict import CheckResult, Finding, Severity, Undone

SHOWN = 3


def silent(note: str) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class CheckRun:
    """One check that was made.

    Attributes:
        rows: how many rows it used; 0 for a check without rows.
        seconds: wall time; checks that share their calls share their time evenly.
        has_fired: whether it saw a difference that the observation of a different check already shows.
    """

    rows: int
    seconds: float
    has_fired: bool = False


@dataclass
class CheckRecord:
    """The checks of one parity check, as they are made.

    Attributes:
        made: by name, in the order in which they were made.
        observations: what they saw.
        undone: what the time budget left undone, by the part and what it is about.
        under_way: names of the checks that are being made, or during which the examination ended early.
        phases: how long it takes to find, shrink, explain and confirm what they see.
        on_progress: called with a note whenever other checks are under way, and within long ones.
    """

    made: dict[str, CheckRun] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    undone: dict[tuple[str, str], Undone] = field(default_factory=dict)
    under_way: tuple[str, ...] = ()
    phases: PhaseClock = field(default_factory=PhaseClock)
    on_progress: Callable[[str], None] = silent

    @contextmanager
    def making(self, rows: Mapping[str, int], seconds: float = 0.0) -> Iterator[list[Observation]]:
        """Make one check, or several that share their calls; they are recorded if the block ends without an error.

        Args:
            rows: how many rows each of them uses, by name.
            seconds: time that their calls took before the block.

        Yields:
            A list to which their observations are added.
        """
        seen: list[Observation] = []
        started = time.perf_counter()
        self.under_way = tuple(rows)
        self.on_progress(self.named_under_way)
        yield seen
        self.under_way = ()
        share = (time.perf_counter() - started + seconds) / max(len(rows), 1)
        for name, count in {**{each.name: each.rows for each in seen}, **rows}.items():
            before = self.made.get(name, CheckRun(0, 0.0))
            self.made[name] = CheckRun(max(before.rows, count), before.seconds + (share if name in rows else 0.0))
        self.observations += seen

    @property
    def named_under_way(self) -> str:
        """The checks that are being made, for display."""
        more = f" and {len(self.under_way) - SHOWN} more" if len(self.under_way) > SHOWN else ""
        return f"{', '.join(self.under_way[:SHOWN])}{more}"

    def fire(self, name: Check) -> None:
        """Record that a check has seen a difference that the observation of a different check already shows."""
        self.made[name] = replace(self.made[name], has_fired=True)

    def saw(self, observations: Sequence[Observation]) -> None:
        """Record additional observations of checks that were made before."""
        self.observations += observations

    def leave(self, undone: Undone, about: str = "") -> None:
        """Record what time did not allow; a part that is made again says it once.

        Args:
            undone: what was left undone.
            about: what tells it from different ones of the same part, such as an output column.
        """
        self.undone[undone.part, about] = undone

    def withdraw(self, *checks: str) -> None:
        """Remove checks whose results cannot be interpreted, or that are made again, with their observations."""
        for name in checks:
            self.made.pop(name, None)
        self.observations = [observation for observation in self.observations if observation.name not in checks]


def with_paths(made: Mapping[str, CheckRun], name: str, compared: CheckRun | None) -> dict[str, CheckRun]:
    """The checks that were made, including the comparison of the real paths.

    Args:
        made: the checks that were made; may have the same check with rows that the fixture lacks.
        name: of the check of the real paths.
        compared: the check with all rows of the fixture; None if a path could not predict all of them without having
            failed: then the check was not made, whatever else was predicted.
    """
    others = {each: made[each] for each in made if each != name}
    if compared is None:
        return others
    beside = made.get(name, CheckRun(0, 0.0))
    return {name: CheckRun(compared.rows + beside.rows, compared.seconds + beside.seconds), **others}


def check_results(
    made: Mapping[str, CheckRun], observations: Sequence[Observation], findings: Sequence[Finding]
) -> tuple[CheckResult, ...]:
    """The results of the checks that were made, in the order of the catalogue.

    Args:
        made: the checks, by name.
        observations: what they saw.
        findings: what is reported; a check that a finding names has fired, unless the finding is only a warning.
    """
    fired = {observation.name for observation in observations} | {name for name, each in made.items() if each.has_fired}
    fired |= {name for each in findings if each.weight is not Severity.WARNS for name in (each.check, *each.checks)}
    order = list(Check)
    known = {name: check for name in made if (check := check_named(name)) is not None}
    return tuple(
        CheckResult(name, known[name].entry.level, name in fired, made[name].rows, round(made[name].seconds, 3))
        for name in sorted(known, key=lambda name: order.index(known[name]))
    )
