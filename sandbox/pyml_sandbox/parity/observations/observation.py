"""What a check saw: a row that has one output in one situation and another output in another."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace

from pyml.harness.perturbations import Perturbation
from pyml_sandbox.parity.harness_process import PINNED, Output, Variation
from pyml_sandbox.parity.rows.synthetic import InputRow

NEIGHBOURS = ("neighbour", "text-neighbour", "null-neighbour", "long-neighbour")
"""Checks that put another row beside one."""


@dataclass(frozen=True)
class Condition:
    """One call of `predict`, and what surrounds it.

    Attributes:
        rows: of the call.
        target: place of the row whose output is looked at.
        before: calls that the same process answered earlier, from its start.
        variation: how the environment of the process differs from the pinned one.
        what_if: how the frame differs from what the type rule makes.
        threads: how many calls of other rows run at the same time.
    """

    rows: tuple[InputRow, ...]
    target: int = 0
    before: tuple[tuple[InputRow, ...], ...] = ()
    variation: Variation = PINNED
    perturbation: Perturbation = field(default_factory=Perturbation)
    threads: int = 1

    @property
    def row(self) -> InputRow:
        """The row that is looked at."""
        return self.rows[self.target]


@dataclass(frozen=True)
class Example:
    """One row in two situations, with two outputs.

    Attributes:
        output: the column that differs; empty where one of the two gave no output at all.
        reference: the plainer situation, mostly the row alone.
        other: the one that changes the output.
    """

    output: str
    reference: Condition
    other: Condition


@dataclass(frozen=True)
class Observation:
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
    cases: tuple[Example, ...]
    inputs: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    rows: int = 1
    said: str = ""
    outputs: tuple[tuple[Output, Output], ...] = ()

    @property
    def case(self) -> Example:
        """The plainest one."""
        return self.cases[0]

    def with_tags(self, tags: Set[str]) -> Observation:
        """The same with more traits."""
        return replace(self, tags=self.tags | tags)
