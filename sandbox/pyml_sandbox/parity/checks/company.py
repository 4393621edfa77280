"""The company of a row: the fewest other rows of its call, and the fewest of their columns, that change its output.

A difference in a large batch is where the explanation of it begins, whatever shows it: the batch itself is made smaller
until every row of it matters, and then the rows beside the target are made like the target until every value matters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyml_sandbox.parity.checks.baseline import one_row, tags_of_pairs
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.time_budget import Part
from pyml_sandbox.parity.harness_process import Output, is_answer
from pyml_sandbox.parity.observations.features import ORDERED, DriverType, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.observations.phase_clock import Phase
from pyml_sandbox.parity.observations.shrink import Shrinker
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import Cell, InputRow, is_finite, kind_of, synthetic_rows

STEPS = 150
"""How many smaller batches are tried for one difference, by default."""
STRETCHED = 3
"""How many times as far from the row's own value a value is tried."""
MOVED = 12
"""How many values are tried nearer to the row's own, and on its other side."""


@dataclass(frozen=True)
class Company:
    """A row, and the rows beside it that change its output.

    Attributes:
        example: the row alone against the row in company; each row beside it differs from it in `columns` alone.
        columns: input columns whose values in the rows beside it matter; empty if only the number of rows does.
    """

    example: Example
    columns: tuple[str, ...]

    @property
    def row(self) -> InputRow:
        """The row whose output changes."""
        return self.example.other.row

    @property
    def beside(self) -> tuple[InputRow, ...]:
        """The rows beside it, in their order."""
        target = self.example.other.target
        return tuple(row for at, row in enumerate(self.example.other.rows) if at != target)

    def with_values(self, column: str, values: Sequence[Cell]) -> list[InputRow]:
        """All rows, with different values of a column beside the row whose output changes."""
        beside = [row.with_value(column, value, row.kind) for row, value in zip(self.beside, values, strict=True)]
        target = self.example.other.target
        return [*beside[:target], self.row, *beside[target:]]


def smallest_company(context: CheckContext, example: Example) -> Company | None:
    """Make the batch of an example smaller while its difference stays. Blocks.

    Args:
        context: of the check; its harness predicts every smaller batch.
        example: a row alone against the row in a batch.

    Returns:
        None if the harness does not show the difference again.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    with context.record.phases.within(Phase.SHRINK):
        return _smallest(context, example)


def _smallest(context: CheckContext, example: Example) -> Company | None:
    company = _CompanyOf(context, example)
    if not company.still_differs(example):
        return None
    steps = min(context.budget.scaled(STEPS), context.affordable(Part.BATCHES))
    shrinker = Shrinker(context.inputs, company.still_differs, steps)
    smaller = shrinker.with_fewer_rows(example)
    if shrinker.was_cut:
        rows = len(smaller.other.rows)
        shows = f"changes `{example.output}`" if example.output else "is refused"
        tried = f"a batch of {rows} rows that {shows}, after {steps} smaller ones"
        context.leave(Part.BATCHES, tried, about=example.output)
    return company.like_the_target(smaller)


def witnesses_of(context: CheckContext, companies: Sequence[Company]) -> list[tuple[InputRow, InputRow]]:
    """The companies of one row beside the target, as pairs of rows, and more rows to be paired with each target.

    Args:
        context: of the check.
        companies: of any number of rows.
    """
    pairs: list[tuple[InputRow, InputRow]] = []
    for number, company in enumerate(each for each in companies if len(each.beside) == 1 and each.columns):
        row, other = (replace(each, base=-1 - number) for each in (company.row, *company.beside))
        pairs.append((row, other))
        made = synthetic_rows([row, other, *context.ordinary], context.inputs)
        pairs += [(row, each) for each in made if each.column in company.columns]
    return pairs


def in_company(context: CheckContext, observation: Observation, company: Company) -> Observation:
    """An observation with the smallest company as its example, and what matters about it. Blocks.

    That is the order of the rows beside the target, only their number, on which side of it they are, or whose output
    it gets.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    types = {field.name: field.ddl_type for field in context.inputs.fields}
    with context.record.phases.within(Phase.EXPLAIN):
        tags = _CompanyOf(context, company.example).tags(company)
    return replace(
        observation,
        examples=(company.example,),
        inputs=company.columns,
        driver_type=DriverType.of(types[company.columns[0]]) if len(company.columns) == 1 else None,
        tags=observation.tags | tags,
    )


@dataclass(frozen=True)
class _CompanyOf:
    """Calls with different rows beside the target of one example."""

    context: CheckContext
    example: Example

    def still_differs(self, example: Example) -> bool:
        """Whether the output of the row alone differs from that in company."""
        alone, together = self.context.calls([example.reference.rows, example.other.rows])
        return self._differ(alone[example.reference.target], together[example.other.target])

    def like_the_target(self, example: Example) -> Company:
        """Give the rows beside the target its own values, column by column, while the difference stays."""
        matter = []
        for name in self.context.inputs.names:
            smaller = _with_own_value(example, name)
            if smaller.other.rows == example.other.rows:
                continue
            if self.still_differs(smaller):
                example = smaller
            else:
                matter.append(name)
        return Company(_named(example, matter), tuple(matter))

    def tags(self, company: Company) -> set[Tag]:
        """See `in_company`."""
        rows, target = list(company.example.other.rows), company.example.other.target
        row, beside = rows[target], list(company.beside)
        together, first, last, copies, doubled = (
            answer[at]
            for answer, at in zip(
                self.context.calls(
                    [rows, [row, *beside[::-1]], [*beside[::-1], row], [row] * len(rows), [*rows, *beside]]
                ),
                (target, 0, -1, target, target),
                strict=True,
            )
        )
        alone, *others = (answer[0] for answer in self.context.calls([[each] for each in (row, *beside)]))
        tags = tags_of_pairs(self.example.output, [(alone, together)])
        if any(self._is_that_of(other, together) for other in others):
            tags.add(Tag.BORROWED)
        if self._differ(first, last):
            tags.add(Tag.ORDER)
        if not self._differ(together, copies):
            tags.add(Tag.NUMBER_ONLY)
        if not self._differ(together, doubled):
            tags.add(Tag.DENSE)
        if len(company.columns) == 1 and self._is_rank(company, together):
            tags.add(Tag.AS_RANK)
        return tags

    def _is_that_of(self, other: Output, together: Output) -> bool:
        """Whether the output is that which a row beside it has alone; a label or a whole number may be so by chance."""
        name = self.example.output
        if not name or not is_answer(other) or not is_answer(together):
            return False
        value = together[name]
        is_telling = isinstance(value, float) and math.isfinite(value) and value != int(value)
        return is_telling and not self._differ(other, together)

    def _is_rank(self, company: Company, together: Output) -> bool:
        """Whether it only matters on which side of the row's own value the others are, and not how far away."""
        (column,) = company.columns
        own, values = company.row.values[column], [row.values[column] for row in company.beside]
        if not self._is_ordered(column) or not all(map(is_finite, [own, *values])) or own in values:
            return False
        tried = range(min(len(values), MOVED))
        further = [[_moved(own, value, STRETCHED) for value in values]]
        nearer = [[*values[:at], _nearer(own, values[at]), *values[at + 1 :]] for at in tried]
        mirrored = [[*values[:at], _moved(own, values[at], -1), *values[at + 1 :]] for at in tried]
        groups = [company.with_values(column, each) for each in (*further, *nearer, *mirrored)]
        try:
            answers = [answer[company.example.other.target] for answer in self.context.calls(groups)]
        except (OverflowError, ValueError, ArithmeticError):  # a value beyond its type
            return False
        changes = [self._differ(together, answer) for answer in answers]
        on_same_side = 1 + len(nearer)
        return not any(changes[:on_same_side]) and any(changes[on_same_side:])

    def _is_ordered(self, column: str) -> bool:
        """Whether the values of an input column have an order and differences."""
        field = next(field for field in self.context.inputs.fields if field.name == column)
        return field.tensor is None and DriverType(field.base_type) in ORDERED

    def _differ(self, left: Output, right: Output) -> bool:
        return self.context.differ_in(self.example.output, left, right)


def _moved(own: Any, value: Any, times: int) -> Any:
    """A value that is so many times as far from the row's own; on its other side if negative."""
    return own + (value - own) * times


def _nearer(own: Any, value: Any) -> Any:
    """A value on the same side of the row's own, a quarter as far from it; the same value if there is none."""
    apart = value - own
    moved = own + (int(apart / 4) if isinstance(apart, int) else apart / 4)
    return value if moved == own else moved


def _with_own_value(example: Example, name: str) -> Example:
    """The same with the target's value of a column in every row."""
    target = example.other.target
    own = example.other.rows[target].values[name]
    rows = tuple(
        row if at == target or repr(row.values[name]) == repr(own) else row.with_value(name, own, row.kind)
        for at, row in enumerate(example.other.rows)
    )
    return replace(example, other=replace(example.other, rows=rows))


def _named(example: Example, columns: Sequence[str]) -> Example:
    """The rows beside the target as rows that were made from it: by the column in which they differ, if it is one."""
    column = columns[0] if len(columns) == 1 else ""
    target = example.other.row

    def made() -> Iterator[InputRow]:
        for at, row in enumerate(example.other.rows):
            if at == example.other.target:
                yield target
            elif column:
                yield InputRow(row.values, target.base, column, kind_of(row.values[column]))
            else:
                yield InputRow(row.values, target.base, "", Kind.OTHER)

    return Example(example.output, one_row(target), Condition(tuple(made()), example.other.target))
