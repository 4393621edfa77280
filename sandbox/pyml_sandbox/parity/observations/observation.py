"""What a check saw: a row that has one output under one condition and a different output under another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pyml.harness.perturbations import Perturbation
from pyml_sandbox.parity.harness_process import PINNED, Output, Variation
from pyml_sandbox.parity.observations.catalogue import Check, Group, report_name
from pyml_sandbox.parity.observations.features import DriverType, Explanation, Tag
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import InputRow


@dataclass(frozen=True)
class Condition:
    """One call of `predict`, and what surrounds it.

    Attributes:
        rows: of the call.
        target: place of the row whose output is looked at.
        before: calls that the same process answered earlier, from its start.
        variation: how the environment of the process differs from the pinned one.
        perturbation: how the frame differs from what the type rule makes.
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
    """One row under two conditions, with two outputs.

    Attributes:
        output: the column that differs; empty where one of the two gave no output at all.
        reference: the plainer condition, mostly the row alone.
        other: the one that changes the output.
    """

    output: str
    reference: Condition
    other: Condition


@dataclass(frozen=True)
class Observation:
    """What one check saw of one output column.

    Attributes:
        check: the check.
        output: the column that differs; empty where calls were refused.
        cases: a few of the rows that show it, the plainest first.
        inputs: the input columns that drive it; empty where the check varies none by itself.
        tags: what else was seen.
        rows: how many rows showed it.
        said: the message of the refusal, where there was one.
        outputs: of each case, under the reference and under the other condition, where the harness cannot give them.
        kinds: of the rows that show it; empty where the check tells none.
        driver_type: declared type of the column that drives it; None where there is no single one.
        explanations: changes that explain it, and what tells between causes that those have in common.
        called: functions that the model calls, for checks of the batch: "rank", "Series.quantile".
        variable: the environment variable that was varied, for `Check.VARIABLE`.
    """

    check: Check
    output: str
    cases: tuple[Example, ...]
    inputs: tuple[str, ...] = ()
    tags: frozenset[Tag] = frozenset()
    rows: int = 1
    said: str = ""
    outputs: tuple[tuple[Output, Output], ...] = ()
    kinds: frozenset[Kind] = frozenset()
    driver_type: DriverType | None = None
    explanations: frozenset[Explanation] = frozenset()
    called: frozenset[str] = frozenset()
    variable: str = ""

    @property
    def case(self) -> Example:
        """The plainest one."""
        return self.cases[0]

    @property
    def group(self) -> Group:
        """The group of the check."""
        return self.check.entry.group

    @property
    def name(self) -> str:
        """What a report calls the check."""
        return report_name(self.check, self.variable)

    def with_tags(self, *tags: Tag) -> Observation:
        """The same with more tags."""
        return replace(self, tags=self.tags | set(tags))
