"""What a check saw: a row that has one output in one situation and another output in another."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace

from pyml.harness.perturbations import WhatIf
from pyml_sandbox.parity.harness_process import PINNED, Output, Variation
from pyml_sandbox.parity.rows.synthetic import Specimen

NEIGHBOURS = ("neighbour", "text-neighbour", "null-neighbour", "long-neighbour")
"""Checks that put another row beside one."""


@dataclass(frozen=True)
class Situation:
    """One call of `predict`, and what surrounds it.

    Attributes:
        rows: of the call.
        target: place of the row whose output is looked at.
        before: calls that the same process answered earlier, from its start.
        variation: how the environment of the process differs from the pinned one.
        what_if: how the frame differs from what the type rule makes.
        threads: how many calls of other rows run at the same time.
    """

    rows: tuple[Specimen, ...]
    target: int = 0
    before: tuple[tuple[Specimen, ...], ...] = ()
    variation: Variation = PINNED
    what_if: WhatIf = field(default_factory=WhatIf)
    threads: int = 1

    @property
    def row(self) -> Specimen:
        """The row that is looked at."""
        return self.rows[self.target]


@dataclass(frozen=True)
class Case:
    """One row in two situations, with two outputs.

    Attributes:
        output: the column that differs; empty where one of the two gave no output at all.
        reference: the plainer situation, mostly the row alone.
        other: the one that changes the output.
    """

    output: str
    reference: Situation
    other: Situation


@dataclass(frozen=True)
class Symptom:
    """What one check saw of one output column.

    Attributes:
        check: its name, see docs/parity-report.md.
        output: the column that differs; empty where calls were refused.
        inputs: the input columns that drive it; empty where the check varies none by itself.
        traits: what else was seen, in the words of `pyml_sandbox.parity.diagnosis.rules`.
        rows: how many rows showed it.
        cases: a few of them, the plainest first.
        said: the refusal, where there was one.
        outputs: of each case, in the reference and in the other situation, where the laboratory cannot tell them.
    """

    check: str
    output: str
    cases: tuple[Case, ...]
    inputs: tuple[str, ...] = ()
    traits: frozenset[str] = frozenset()
    rows: int = 1
    said: str = ""
    outputs: tuple[tuple[Output, Output], ...] = ()

    @property
    def case(self) -> Case:
        """The plainest one."""
        return self.cases[0]

    def with_traits(self, traits: Set[str]) -> Symptom:
        """The same with more traits."""
        return replace(self, traits=self.traits | traits)
