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
    """One call of `predict` and its circumstances.

    Attributes:
        rows: rows of the call.
        target: position of the row whose output is compared.
        before: the earlier calls of the same process, from its start.
        variation: how the environment of the process differs from the pinned one.
        perturbation: how the frame differs from the one that the type rule makes.
        threads: how many calls run at the same time.
    """

    rows: tuple[InputRow, ...]
    target: int = 0
    before: tuple[tuple[InputRow, ...], ...] = ()
    variation: Variation = PINNED
    perturbation: Perturbation = field(default_factory=Perturbation)
    threads: int = 1

    @property
    def row(self) -> InputRow:
        """The row whose output is compared."""
        return self.rows[self.target]


@dataclass(frozen=True)
class Example:
    """One row under two conditions, with two outputs.

    Attributes:
        output: the column that differs; empty if one of the two calls was refused.
        reference: the simpler condition, mostly the row alone.
        other: the condition that changes the output.
    """

    output: str
    reference: Condition
    other: Condition


@dataclass(frozen=True)
class Observation:
    """What one check saw of one output column.

    Attributes:
        check: the check.
        output: the column that differs; empty if calls were refused.
        examples: a few of the rows that show it, the simplest first.
        inputs: the input columns that drive it; empty if they are not known.
        tags: further features.
        rows: how many rows show it.
        message: details, such as the message of a refusal; may be empty.
        outputs: outputs of each example under the two conditions, if the harness cannot reproduce them.
        kinds: kinds of the rows that show it; empty if the check does not determine them.
        driver_type: declared type of the input column that drives it; None if there is not exactly one.
        explanations: changes that explain it, and what distinguishes causes with the same changes.
        called: functions that the model calls, for checks of the batch: "rank", "Series.quantile".
        odds: how many of how many repeated calls, requests, processes or rows differed; (0, 0) if none was repeated.
        variable: the environment variable that was varied, for `Check.VARIABLE`.
    """

    check: Check
    output: str
    examples: tuple[Example, ...]
    inputs: tuple[str, ...] = ()
    tags: frozenset[Tag] = frozenset()
    rows: int = 1
    message: str = ""
    outputs: tuple[tuple[Output, Output], ...] = ()
    kinds: frozenset[Kind] = frozenset()
    driver_type: DriverType | None = None
    explanations: frozenset[Explanation] = frozenset()
    called: frozenset[str] = frozenset()
    variable: str = ""
    odds: tuple[int, int] = (0, 0)

    @property
    def example(self) -> Example:
        """The simplest example."""
        return self.examples[0]

    @property
    def group(self) -> Group:
        """The group of the check."""
        return self.check.entry.group

    @property
    def name(self) -> str:
        """The name of the check in a report."""
        return report_name(self.check, self.variable)

    def with_tags(self, *tags: Tag) -> Observation:
        """The observation with additional tags."""
        return replace(self, tags=self.tags | set(tags))
