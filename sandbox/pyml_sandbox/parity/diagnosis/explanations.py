"""Explanations of a difference: changes to a row or its frame that give, under one condition, the output of the other.

If a row alone, with a column rounded to float32, gets the output that it has in a batch, then the model's code does the
same rounding in the batch. This identifies causes of types and names, whatever their mechanism.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import Refusal
from pyml.types.schema import Field
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import Output
from pyml_sandbox.parity.observations.catalogue import Group
from pyml_sandbox.parity.observations.features import INTEGERS, DriverType, Explanation
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import Cell, InputRow

MAX_ORDERS = 40
DIGITS = (15, 12, 10, 9, 6, 4)
"""Numbers of digits with which programs write numbers."""
FLOATS = "floats"
"""The perturbation that converts numbers to float64."""
HOURS = [hours for hours in range(-12, 15) if hours]


@dataclass(frozen=True)
class Change:
    """One possible change to a row.

    Attributes:
        name: the explanation.
        columns: the columns that it changes.
        perturbation: the change to the frame; None if values change.
        value: the change to a value, which returns the same object if it does not apply; None if the frame changes.
    """

    name: Explanation
    columns: tuple[str, ...] = ()
    perturbation: Perturbation | None = None
    value: Callable[[Cell], Cell] | None = None


def explained(context: CheckContext, observation: Observation) -> frozenset[Explanation]:
    """All changes that explain every example of an observation. Blocks.

    Args:
        context: of the check.
        observation: of a check that compares two conditions in the pinned environment.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    observed = _Observed.of(context, observation)
    if not observed.can_be_explained:
        return frozenset()
    there, back = observed.explained_by(_changes(context, set(observation.inputs)))
    if Explanation.FLOATS in there and Explanation.OBJECTS not in there:
        back -= {Explanation.OBJECTS}  # a column of objects keeps its integers, so only the same direction counts
    if there | back <= {Explanation.OTHER_CASE}:  # in a different case, sorted names have a different order
        there, back = (
            a | b for a, b in zip((there, back), observed.explained_by(list(_of_order_and_index(context))), strict=True)
        )
    found = there | back
    return frozenset({*found, *_beside(found, observed, observation.inputs)})


def _changes(context: CheckContext, drivers: set[str]) -> list[Change]:
    """All changes to the columns that drive an observation, or to every column if the drivers are not known."""
    fields = [field for field in context.inputs.fields if not drivers or field.name in drivers]
    changes = [change for field in fields for change in _of_field(field)]
    return [*changes, *_of_all_fields(changes), *_of_names(context, drivers)]


def _beside(found: set[Explanation], observed: _Observed, drivers: Sequence[str]) -> Iterator[Explanation]:
    """What distinguishes causes that the same changes explain."""
    if found and any(name != name.lower() for name in observed.context.inputs.names):
        yield Explanation.MIXED_CASE
    if Explanation.FLOATS in found and len(drivers) == 1 and observed.is_dropped(drivers[0]):
        yield Explanation.DROPPED


def silenced_by_evaluation(context: CheckContext, observation: Observation) -> bool:
    """Whether the two conditions agree if the model is switched to evaluation mode. Blocks."""
    for example in observation.examples:
        off = Perturbation("evaluation")
        left, right = (context.calls([side.rows], off)[0][side.target] for side in (example.reference, example.other))
        if context.differing(left, right):
            return False
    return True


def is_of_a_second_call(context: CheckContext, observation: Observation) -> bool:
    """Whether a row gets under the other condition what it gets if `predict` is called twice on the very same frame.

    So it is where a model runs once more over a frame into which it has written.
    """
    observed = _Observed.of(context, observation)
    there, _ = observed.explained_by([Change(Explanation.AGAIN, (), Perturbation("again"))])
    return observed.can_be_explained and bool(there)


@dataclass(frozen=True)
class _Observed:
    """The examples of an observation, with the outputs of both conditions.

    Attributes:
        context: of the check.
        examples: the examples.
        outputs: the outputs of each example, under the reference and under the other condition.
        is_symmetric: whether a change may apply under either condition, and to all of its rows, because the conditions
            differ only in the number of copies of one row, or in the process. Else it applies to the target row of the
            reference.
    """

    context: CheckContext
    examples: Sequence[Example]
    outputs: Sequence[tuple[Output, Output]]
    is_symmetric: bool

    @classmethod
    def of(cls, context: CheckContext, observation: Observation) -> _Observed:
        if observation.outputs:
            return cls(context, observation.examples, _harness_side_first(context, observation), is_symmetric=False)
        sides = [side for example in observation.examples for side in (example.reference, example.other)]
        answers = context.calls([side.rows for side in sides])
        found = [answer[side.target] for answer, side in zip(answers, sides, strict=True)]
        outputs = list(zip(found[::2], found[1::2], strict=True))
        return cls(context, observation.examples, outputs, observation.group is not Group.ROW_PAIRS)

    @property
    def can_be_explained(self) -> bool:
        """Whether the outputs of both conditions are known."""
        return bool(self.outputs)

    def explained_by(self, changes: Sequence[Change]) -> tuple[set[Explanation], set[Explanation]]:
        """The changes that give, in every example, the output of the other condition.

        Returns:
            The changes that do so to the reference; and, if the conditions are symmetric, those to the other condition.
        """
        there = [
            (example, example.reference, right) for example, (_, right) in zip(self.examples, self.outputs, strict=True)
        ]
        back = [(example, example.other, left) for example, (left, _) in zip(self.examples, self.outputs, strict=True)]
        forwards = {change.name for change in changes if self._gives(change, there)}
        others = [change for change in changes if self.is_symmetric and change.name not in forwards]
        return forwards, {change.name for change in others if self._gives(change, back)}

    def is_dropped(self, column: str) -> bool:
        """Whether a column of integers that arrives as floats does not affect the output."""
        example = self.examples[0]
        rows = [example.reference.row.with_value(column, value, Kind.PROBE) for value in ANY_INTEGERS]
        outputs = [call[0] for call in self.context.calls([[row] for row in rows], Perturbation(FLOATS, (column,)))]
        return not any(self.context.differing(outputs[0], output) for output in outputs[1:])

    def _gives(self, change: Change, wanted: Sequence[tuple[Example, Condition, Output]]) -> bool:
        groups = [self._changed(condition, change) for _, condition, _ in wanted]
        if change.perturbation is None:
            is_idle = any(group == condition.rows for group, (_, condition, _) in zip(groups, wanted, strict=True))
        else:
            is_idle = change.perturbation.kind == "nan" and not any(
                _has_null(row, change.columns) for _, condition, _ in wanted for row in condition.rows
            )
        if is_idle:
            return False  # a change without any effect on the rows explains nothing
        answers = self.context.calls(groups, change.perturbation)
        return all(
            self._is(example.output, answer[condition.target], output)
            for answer, (example, condition, output) in zip(answers, wanted, strict=True)
        )

    def _changed(self, condition: Condition, change: Change) -> tuple[InputRow, ...]:
        positions = range(len(condition.rows)) if self.is_symmetric else [condition.target]
        return tuple(
            _with_value(row, change) if position in positions else row for position, row in enumerate(condition.rows)
        )

    def _is(self, output: str, found: Output, wanted: Output) -> bool:
        if isinstance(found, Refusal) or isinstance(wanted, Refusal) or output not in found:
            return False
        return not self.context.noise_model.differ(output, found[output], wanted[output])


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


def _with_value(row: InputRow, change: Change) -> InputRow:
    if change.value is not None:
        for name in change.columns:
            old = row.values[name]
            new = change.value(old)
            row = row if new is old else row.with_value(name, new, row.kind)
    return row


def _of_all_fields(changes: Sequence[Change]) -> list[Change]:
    """Each change, applied to all of its columns at once."""
    by_kind: dict[tuple[Explanation, object], list[Change]] = {}
    for change in changes:
        by_kind.setdefault((change.name, change.perturbation.kind if change.perturbation else change.value), []).append(
            change
        )
    return [_joined(several) for several in by_kind.values() if len(several) > 1]


def _joined(changes: Sequence[Change]) -> Change:
    columns = tuple(name for change in changes for name in change.columns)
    perturbation = changes[0].perturbation
    return replace(changes[0], columns=columns, perturbation=perturbation and replace(perturbation, columns=columns))


def _of_names(context: CheckContext, drivers: set[str]) -> Iterator[Change]:
    """A missing column, or a column name in a different case."""
    names = context.inputs.names
    if context.inputs.is_tensor:
        return
    for name in names if not drivers else sorted(drivers):
        yield Change(Explanation.MISSING, (name,), Perturbation("missing", (name,)))
        yield Change(Explanation.OTHER_CASE, (name,), Perturbation("other-case", (name,)))
    yield Change(Explanation.OTHER_CASE, (), Perturbation("other-case", tuple(names)))


def _of_order_and_index(context: CheckContext) -> Iterator[Change]:
    """Columns in a different order, an additional column, or a different index."""
    yield Change(Explanation.INDEX, (), Perturbation("index", value=1))
    if not context.inputs.is_tensor:
        yield Change(Explanation.EXTRA, (), Perturbation("extra", ("extra",)))
        for order in _orders(context.inputs.names):
            yield Change(Explanation.ORDER, (), Perturbation("order", order))


def _orders(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Orders of the columns: sorted, reversed, one column moved to either end, or two exchanged."""
    found = [tuple(sorted(names)), tuple(reversed(names))]
    for name in names:
        rest = [each for each in names if each != name]
        found += [(*rest, name), (name, *rest)]
    for left, right in combinations(range(len(names)), 2):
        swapped = list(names)
        swapped[left], swapped[right] = swapped[right], swapped[left]
        found.append(tuple(swapped))
    return [order for order in dict.fromkeys(found) if order != tuple(names)][:MAX_ORDERS]


def _of_field(field: Field) -> Iterator[Change]:
    """Changes to the values of one column, or to its dtype."""
    if field.tensor is not None:
        return
    name, kind = field.name, DriverType(field.base_type)
    for explanation in _DTYPES.get(kind, ()):
        perturbation = FLOATS if explanation in _BY_FLOATS else explanation.value
        yield Change(explanation, (name,), Perturbation(perturbation, (name,)))
    for explanation, value in _VALUES.get(kind, ()):
        yield Change(explanation, (name,), value=value)
    if field.nullable:
        for explanation, value in _TO_NULL.get(kind, ()):
            yield Change(explanation, (name,), value=value)


def _single(value: Any) -> Any:
    import numpy as np

    if value is None or not math.isfinite(value):
        return value
    rounded = float(np.float32(value))
    return value if rounded == value else rounded


def _via_float(value: Any) -> Any:
    if value is None or int(float(value)) == value:
        return value
    return min(int(float(value)), 2**63 - 1)


def _mapped(found: object, put: object) -> Callable[[Any], Any]:
    """Replaces one value; numbers of different types with equal values match, and NaN matches NaN."""

    def change(value: Any) -> Any:
        is_found = (
            value is None if found is None else (value is not None and (value == found or _both_nan(value, found)))
        )
        return put if is_found else value

    return change


def _both_nan(left: object, right: object) -> bool:
    return isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right)


def _always(put: object) -> Callable[[Any], Any]:
    """A value that a table of known values does not contain."""
    return lambda value: value if value is None else put


def _shifted(hours: int) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        return value + timedelta(hours=hours) if isinstance(value, datetime) else value

    return change


def _repr_of_bytes(value: Any) -> Any:
    """A string as `str` makes it of its bytes: `vip` as `b'vip'`."""
    return value if value is None else str(value.encode())


def _guessed(value: Any) -> Any:
    """A string as a reader that guesses types returns it: `007` as 7, `3.0` as 3."""
    if value is None:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    text = str(int(number)) if math.isfinite(number) and number == int(number) else str(number)
    return value if text == value else text


def _written(digits: int) -> Callable[[Any], Any]:
    """A number that was written with so many digits and read again."""

    def change(value: Any) -> Any:
        if value is None or not math.isfinite(value):
            return value
        read = float(f"{value:.{digits}g}")
        return value if read == value else read

    return change


def _next(upwards: bool) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if value is None or not math.isfinite(value):
            return value
        return math.nextafter(value, math.inf if upwards else -math.inf)

    return change


Changes = tuple[tuple[Explanation, Callable[[Cell], Cell]], ...]

ANY_INTEGERS = (3, 41, 100)
"""Small enough for every type of integers."""
_DTYPES: dict[DriverType, tuple[Explanation, ...]] = {
    **dict.fromkeys(INTEGERS, (Explanation.FLOATS, Explanation.OBJECTS)),
    DriverType.FLOAT: (Explanation.DOUBLE, Explanation.OBJECTS, Explanation.NAN),
    DriverType.DOUBLE: (Explanation.FLOATS, Explanation.OBJECTS, Explanation.NAN),
    DriverType.DECIMAL: (Explanation.DECIMAL_FLOATS,),
    DriverType.BOOLEAN: (Explanation.OBJECTS, Explanation.NAN),
    DriverType.STRING: (Explanation.NAN, Explanation.BYTES, Explanation.CATEGORIES),
    DriverType.BINARY: (Explanation.TEXT, Explanation.NAN),
    DriverType.ARRAY: (Explanation.ARRAYS, Explanation.INNER_FLOATS),
    DriverType.MAP: (Explanation.INNER_FLOATS,),
    DriverType.STRUCT: (Explanation.INNER_FLOATS,),
    DriverType.TIMESTAMP: (Explanation.NAIVE, Explanation.OBJECTS),
    DriverType.TIMESTAMP_NTZ: (Explanation.NAIVE, Explanation.OBJECTS),
    DriverType.DATE: (Explanation.OBJECTS,),
}
_BY_FLOATS = frozenset({Explanation.DOUBLE, Explanation.DECIMAL_FLOATS, Explanation.INNER_FLOATS})
"""Explanations that one perturbation, `FLOATS`, shows: a column of these types arrives as float64."""
_UNKNOWN_INTEGERS = {
    DriverType.TINYINT: -119,
    DriverType.SMALLINT: -29_119,
    DriverType.INT: -1_987_654_319,
    DriverType.BIGINT: -(2**52) - 119,
}
_NUMBERS: Changes = (
    (Explanation.NULL_ZERO, _mapped(None, 0)),
    (Explanation.ULP, _next(upwards=True)),
    (Explanation.ULP, _next(upwards=False)),
)
_VALUES: dict[DriverType, Changes] = {
    **{
        kind: (
            (Explanation.VIA_FLOAT64, _via_float),
            (Explanation.NULL_ZERO, _mapped(None, 0)),
            (Explanation.UNKNOWN, _always(value)),
        )
        for kind, value in _UNKNOWN_INTEGERS.items()
    },
    DriverType.FLOAT: (
        (Explanation.NULL_NAN, _mapped(None, math.nan)),
        (Explanation.NAN_ZERO, _mapped(math.nan, 0.0)),
        *_NUMBERS[:1],
    ),
    DriverType.DOUBLE: (
        *((Explanation.WRITTEN, _written(digits)) for digits in DIGITS),
        (Explanation.SINGLE, _single),
        (Explanation.NULL_NAN, _mapped(None, math.nan)),
        (Explanation.NAN_ZERO, _mapped(math.nan, 0.0)),
        (Explanation.ZERO_NAN, _mapped(0.0, math.nan)),
        *_NUMBERS,
    ),
    DriverType.STRING: (
        (Explanation.NULL_EMPTY, _mapped(None, "")),
        (Explanation.NULL_TEXT, _mapped(None, "None")),
        (Explanation.NULL_TEXT, _mapped(None, "nan")),
        (Explanation.GUESSED, _guessed),
        (Explanation.BYTES, _repr_of_bytes),
    ),
    **dict.fromkeys(
        (DriverType.TIMESTAMP, DriverType.TIMESTAMP_NTZ), tuple((Explanation.HOURS, _shifted(hours)) for hours in HOURS)
    ),
}
_TO_NULL: dict[DriverType, Changes] = {
    **dict.fromkeys(INTEGERS, ((Explanation.ZERO_NULL, _mapped(0, None)),)),
    **dict.fromkeys(
        (DriverType.FLOAT, DriverType.DOUBLE),
        ((Explanation.ZERO_NULL, _mapped(0.0, None)), (Explanation.NAN_NULL, _mapped(math.nan, None))),
    ),
    DriverType.STRING: ((Explanation.EMPTY_NULL, _mapped("", None)),),
}
