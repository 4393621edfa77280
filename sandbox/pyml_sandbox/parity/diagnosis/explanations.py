"""Explanations of a difference: changes to a row or its frame that give, under one condition, the output of the other.

If a row alone, with a column rounded to float32, gets the output that it has in a batch, then the model's code does the
same rounding in the batch. This identifies causes of types and names, whatever their mechanism.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.time_budget import Part
from pyml_sandbox.parity.diagnosis.changes import FLOATS, Change, changed_row, changes_of, order_changes
from pyml_sandbox.parity.harness_process import Output
from pyml_sandbox.parity.observations.catalogue import BATCH, Check, Group
from pyml_sandbox.parity.observations.features import Explanation, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.observations.phase_clock import Phase
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import InputRow

ANY_INTEGERS = (3, 41, 100)
"""Small enough for every type of integers."""


WIDTHS = frozenset({Explanation.SINGLE, Explanation.DOUBLE})
"""Explanations by the width of floats, which change a value by less than a reader sees."""
FEW_VALUES = frozenset({"BOOLEAN", "STRING", "TINYINT", "SMALLINT", "INT", "BIGINT"})
MANY_VALUES = frozenset({"FLOAT", "DOUBLE", "DECIMAL"})
"""Types of outputs that a change may flip by chance, and of those beside them that it does not give by chance."""


class Explainer:
    """Explains observations, in a time that they share. What time does not allow explains nothing.

    Args:
        context: of the check.
        budget_s: the time in seconds, from now on; None for that of the context's budget.
        clock: monotonic time in seconds.
    """

    def __init__(
        self, context: CheckContext, budget_s: float | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        allowed_s = context.budget.of(Part.EXPLAIN) if budget_s is None else budget_s
        self._context, self._calls = context, _Calls(context, clock, clock() + allowed_s)

    def explain_all(self, observations: Sequence[Observation]) -> list[Observation]:
        """Observations with their explanations; each may take its share of the time that is left. Blocks.

        Batches of many rows are left as they are where a few rows show the same.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        with self._context.record.phases.within(Phase.EXPLAIN) if observations else nullcontext():
            return self._explained(observations)

    def _explained(self, observations: Sequence[Observation]) -> list[Observation]:
        by_few = {each.output for each in observations if each.group in (Group.COPIES, Group.ROW_PAIRS)}
        is_told = [each.group is Group.WHOLE and each.output in by_few for each in observations]
        explained = []
        for number, observation in enumerate(observations):
            self._calls.share(is_told[number:].count(False) or 1)
            explained.append(observation if is_told[number] else self.explain(observation))
        if self._calls.left:
            made, asked = self._calls.asked - self._calls.left, self._calls.asked
            tried = f"{made:,} of {asked:,} changes to rows that may explain a difference"
            self._context.leave(Part.EXPLAIN, tried, self._calls.rest_s, about=observations[0].name)
        return explained

    def explain(self, observation: Observation) -> Observation:
        """The observation with its explanations. Blocks.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        is_explainable = observation.group in BATCH or observation.check in (Check.PATHS, Check.EXPECTED)
        if not is_explainable or not observation.output:
            return observation
        harness = self._context.harness
        if harness.load_report.training and not observation.outputs and self._is_silenced_by_evaluation(observation):
            return observation.with_tags(Tag.EVALUATION)
        if harness.changed is not None and self._is_of_a_second_call(observation):
            return replace(observation, explanations=frozenset({Explanation.AGAIN}))
        is_plain = Tag.PLAIN in observation.tags
        is_of_values = is_plain and observation.group is not Group.ROW_PAIRS
        if observation.group is Group.WHOLE or Tag.BY_VALUE in observation.tags or is_of_values:
            return observation
        found = self._widths(observation) if is_plain else self._changes(observation)
        return replace(observation, explanations=found)

    def drivers(self, observation: Observation) -> tuple[str, ...]:
        """The input columns of which a change to one alone explains an observation; empty if there are none. Blocks.

        Args:
            observation: with its explanations.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        observed = _Observed.of(self._calls, observation)
        changes = [
            change
            for change in changes_of(self._context.inputs, set(observation.inputs))
            if change.name in observation.explanations and len(change.columns) == 1
        ]
        if not observed.can_be_explained:
            return ()
        return tuple(dict.fromkeys(change.columns[0] for change in changes if observed.explained_by([change])[0]))

    def _widths(self, observation: Observation) -> frozenset[Explanation]:
        """A different width of floats that explains every example: a value beside a row widens or rounds its column.

        Any column of the row may be the one, not only that in which the rows differ.
        """
        observed = _Observed.of(self._calls, observation)
        changes = [change for change in changes_of(self._context.inputs, set()) if change.name in WIDTHS]
        if not changes or not observed.can_be_explained:
            return frozenset()
        return frozenset(observed.explained_by(changes)[0])

    def _changes(self, observation: Observation) -> frozenset[Explanation]:
        """All changes that explain every example of an observation."""
        observed = _Observed.of(self._calls, observation)
        if not observed.can_be_explained:
            return frozenset()
        inputs = self._context.inputs
        there, back = observed.explained_by(changes_of(inputs, set(observation.inputs)))
        if Explanation.FLOATS in there and Explanation.OBJECTS not in there:
            back -= {Explanation.OBJECTS}  # a column of objects keeps its integers, so only the same direction counts
        if there | back <= {Explanation.OTHER_CASE}:  # in a different case, sorted names have a different order
            there, back = (
                a | b for a, b in zip((there, back), observed.explained_by(list(order_changes(inputs))), strict=True)
            )
        found = there | back
        return frozenset({*found, *self._beside(found, observed, observation.inputs)})

    def _beside(self, found: set[Explanation], observed: _Observed, drivers: Sequence[str]) -> Iterator[Explanation]:
        """What distinguishes causes that the same changes explain."""
        if found and any(name != name.lower() for name in self._context.inputs.names):
            yield Explanation.MIXED_CASE
        if Explanation.FLOATS in found and len(drivers) == 1 and observed.is_dropped(drivers[0]):
            yield Explanation.DROPPED

    def _is_silenced_by_evaluation(self, observation: Observation) -> bool:
        """Whether the two conditions agree if the model is switched to evaluation mode."""
        for example in observation.examples:
            off = Perturbation("evaluation")
            sides = (example.reference, example.other)
            left, right = (self._context.calls([side.rows], off)[0][side.target] for side in sides)
            if self._context.differing(left, right):
                return False
        return True

    def _is_of_a_second_call(self, observation: Observation) -> bool:
        """Whether a row gets, under the other condition, the output of a second call with the same frame.

        This is so if a model predicts from a frame that it has modified.
        """
        observed = _Observed.of(self._calls, observation)
        there, _ = observed.explained_by([Change(Explanation.AGAIN, (), Perturbation("again"))])
        return observed.can_be_explained and bool(there)


@dataclass
class _Calls:
    """The calls with changed rows or frames: each is made once, since it has the values of every output column.

    Attributes:
        context: of the check.
        clock: monotonic time in seconds.
        end: when no further call may be made.
        until: when none may be made for the present observation.
        asked: how many changes were asked for.
        left: how many of them time did not allow.
        rest_s: about how long their calls would take, in seconds.
        known: the rows of each call, and its outputs, by the change, whether it is made to every row of the call, and
            the rows' identities.
    """

    context: CheckContext
    clock: Callable[[], float]
    end: float
    until: float = field(init=False)
    asked: int = 0
    left: int = 0
    rest_s: float = 0.0
    known: dict[object, tuple[Sequence[InputRow], Sequence[Output]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.until = self.end

    def share(self, observations: int) -> None:
        """Give the next of several observations its share of the time that is left."""
        now = self.clock()
        self.until = now + (self.end - now) / observations

    def outputs(
        self, change: Change, sides: Sequence[Condition], groups: Sequence[Sequence[InputRow]], *, of_every_row: bool
    ) -> list[Sequence[Output]] | None:
        """The outputs of each call, in the order of its rows; None if time does not allow them.

        Args:
            change: to the rows or the frame.
            sides: the conditions, without the change.
            groups: the rows of each condition, with the change.
            of_every_row: whether the change is made to every row of a call, not to the target alone.
        """
        keys = [(change, of_every_row, side.target, tuple(map(id, side.rows))) for side in sides]
        missing = [position for position, key in enumerate(keys) if key not in self.known]
        self.asked += 1
        if missing and self.clock() > self.until:
            self.left += 1
            self.rest_s += len(missing) * self.context.call_s
            return None
        answers = self.context.calls([groups[position] for position in missing], change.perturbation)
        for position, answer in zip(missing, answers, strict=True):
            self.known[keys[position]] = (sides[position].rows, answer)
        return [self.known[key][1] for key in keys]


@dataclass(frozen=True)
class _Wanted:
    """What a change has to give: these columns of an output, under a condition."""

    columns: tuple[str, ...]
    condition: Condition
    output: Output


@dataclass(frozen=True)
class _Observed:
    """The examples of an observation, with the outputs of both conditions.

    Attributes:
        calls: that are made for it.
        examples: the examples.
        outputs: the outputs of each example, under the reference and under the other condition.
        is_symmetric: whether a change may apply under either condition, and to all of its rows, because the conditions
            differ only in the number of copies of one row, or in the process. Else it applies to the target row of the
            reference.
    """

    calls: _Calls
    examples: Sequence[Example]
    outputs: Sequence[tuple[Output, Output]]
    is_symmetric: bool

    @classmethod
    def of(cls, calls: _Calls, observation: Observation) -> _Observed:
        context = calls.context
        if observation.outputs:
            return cls(calls, observation.examples, _harness_side_first(context, observation), is_symmetric=False)
        sides = [side for example in observation.examples for side in (example.reference, example.other)]
        answers = context.calls([side.rows for side in sides])
        found = [answer[side.target] for answer, side in zip(answers, sides, strict=True)]
        outputs = list(zip(found[::2], found[1::2], strict=True))
        return cls(calls, observation.examples, outputs, observation.group is not Group.ROW_PAIRS)

    @property
    def can_be_explained(self) -> bool:
        """Whether the outputs of both conditions are known."""
        return bool(self.outputs)

    def explained_by(self, changes: Sequence[Change]) -> tuple[set[Explanation], set[Explanation]]:
        """The changes that give, in every example, the output of the other condition.

        Returns:
            The changes that do so to the reference; and, if the conditions are symmetric, those to the other condition.
        """
        sides = list(zip(self.examples, self.outputs, strict=True))
        there = [_Wanted(self._shown(example, *pair), example.reference, pair[1]) for example, pair in sides]
        back = [_Wanted(self._shown(example, *pair), example.other, pair[0]) for example, pair in sides]
        forwards = {change.name for change in changes if self._gives(change, there)}
        others = [change for change in changes if self.is_symmetric and change.name not in forwards]
        return forwards, {change.name for change in others if self._gives(change, back)}

    def is_dropped(self, column: str) -> bool:
        """Whether a column of integers that arrives as floats does not affect the output."""
        example = self.examples[0]
        rows = [example.reference.row.with_value(column, value, Kind.PROBE) for value in ANY_INTEGERS]
        context = self.calls.context
        outputs = [call[0] for call in context.calls([[row] for row in rows], Perturbation(FLOATS, (column,)))]
        return not any(context.differing(outputs[0], output) for output in outputs[1:])

    def _shown(self, example: Example, left: Output, right: Output) -> tuple[str, ...]:
        """The columns that an explanation has to explain: the one that differs, and if it has few values, numbers, too.

        A change that moves a number across a limit flips a label as well, whatever the reason for the difference is.
        """
        context = self.calls.context
        types = {field.name: field.base_type for field in context.outputs.fields if field.tensor is None}
        if types.get(example.output) not in FEW_VALUES:
            return (example.output,)
        numbers = (name for name in context.differing(left, right) if types.get(name) in MANY_VALUES)
        return (example.output, *numbers)

    def _gives(self, change: Change, wanted: Sequence[_Wanted]) -> bool:
        sides = [each.condition for each in wanted]
        groups = [self._changed(side, change) for side in sides]
        if change.perturbation is None:
            is_idle = any(group == side.rows for group, side in zip(groups, sides, strict=True))
        else:
            is_idle = change.perturbation.kind == "nan" and not any(
                _has_null(row, change.columns) for side in sides for row in side.rows
            )
        if is_idle:
            return False  # a change without any effect on the rows explains nothing
        answers = self.calls.outputs(change, sides, groups, of_every_row=self.is_symmetric)
        return answers is not None and all(
            self._is(column, answer[each.condition.target], each.output)
            for answer, each in zip(answers, wanted, strict=True)
            for column in each.columns
        )

    def _changed(self, condition: Condition, change: Change) -> tuple[InputRow, ...]:
        positions = range(len(condition.rows)) if self.is_symmetric else [condition.target]
        return tuple(
            changed_row(row, change) if position in positions else row for position, row in enumerate(condition.rows)
        )

    def _is(self, output: str, found: Output, wanted: Output) -> bool:
        if isinstance(found, Refusal) or isinstance(wanted, Refusal) or output not in found:
            return False
        return not self.calls.context.noise_model.differ(output, found[output], wanted[output])


def _harness_side_first(context: CheckContext, observation: Observation) -> list[tuple[Output, Output]]:
    """The recorded outputs, ordered so that the harness agrees with the first of each pair; empty if with neither."""
    own = [answer[0] for answer in context.calls([example.reference.rows for example in observation.examples])]
    for reordered in (False, True):
        pairs = [(b, a) if reordered else (a, b) for a, b in observation.outputs]
        if not any(context.differing(left, output) for (left, _), output in zip(pairs, own, strict=True)):
            return pairs
    return []


def _has_null(row: InputRow, columns: Sequence[str]) -> bool:
    return any(row.values[name] is None for name in columns)
