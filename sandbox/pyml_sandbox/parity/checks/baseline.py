"""The baseline of the batch checks: the output of each row alone, and as two copies in one call."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pyml.error_code import ErrorCode
from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import Output, is_answer
from pyml_sandbox.parity.noise.noise_model import Value
from pyml_sandbox.parity.observations.features import DriverType, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example
from pyml_sandbox.parity.rows.synthetic import InputRow

MAX_EXAMPLES = 6
"""How many rows an observation keeps as examples."""

LEAST_OVERFLOW = 2**8


def one_row(input_row: InputRow) -> Condition:
    """A call with this row alone."""
    return Condition((input_row,))


def no_difference(row: InputRow, output: str = "") -> Example:
    """A row alone under both conditions, for a difference that two conditions of the harness cannot show."""
    return Example(output, one_row(row), one_row(row))


@dataclass(frozen=True)
class Baseline:
    """The rows of a check context, and their outputs without any different row in the call.

    Attributes:
        context: rows and harness.
        alone: the output of each row in a call of its own, by the row's `id`.
        copies: its outputs in a call with two copies, by the row's `id`.
        seconds: time that the calls with copies took.
        compared: collects pairs of outputs that should agree, as checks compare them; later the noise model learns
            from them.
    """

    context: CheckContext
    alone: Mapping[int, Output]
    copies: Mapping[int, Sequence[Output]]
    seconds: float = 0.0
    compared: list[tuple[Output, Output]] = field(default_factory=list)

    @classmethod
    def of(cls, context: CheckContext) -> Baseline:
        """Run two copies of each row in one call."""
        rows = context.all_input_rows
        alone = dict(zip(map(id, rows), context.alone, strict=True))
        started = time.perf_counter()
        copies = dict(zip(map(id, rows), context.calls([[row, row] for row in rows]), strict=True))
        return cls(context, alone, copies, time.perf_counter() - started)

    def with_witnesses(self, pairs: Sequence[tuple[InputRow, InputRow]]) -> Baseline:
        """A baseline that has the rows of more pairs, to which a batch with a difference was made smaller. Blocks.

        Args:
            pairs: the row that changes, and the row beside it.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        if not pairs:
            return self
        rows = {id(row): row for pair in pairs for row in pair}
        context = replace(self.context.with_rows(list(rows.values())), witnesses=tuple(pairs))
        copies = zip(rows, context.calls([[row, row] for row in rows.values()]), strict=True)
        alone = dict(zip(map(id, context.all_input_rows), context.alone, strict=True))
        return replace(self, context=context, alone=alone, copies={**self.copies, **dict(copies)})

    def accepted(self, input_rows: Iterable[InputRow]) -> list[InputRow]:
        """The rows that the model predicts alone; a row that it refuses is refused on both paths."""
        return [each for each in input_rows if not self.is_refused(each)]

    def is_refused(self, row: InputRow) -> bool:
        """Whether the row is refused alone."""
        return isinstance(self.alone[id(row)], Refusal)

    def copies_refused(self, row: InputRow) -> bool:
        """Whether the row is refused in a call with a copy of itself."""
        return isinstance(self.copies[id(row)][0], Refusal)

    def differing(self, expected: Output, output: Output) -> list[str]:
        """Output columns in which the output of a row differs from the expected one; records the pair."""
        self.compared.append((expected, output))
        return self.context.differing(expected, output)

    def is_of(self, name: str, output: Output, row: InputRow) -> bool:
        """Whether an output equals, in one column, the output that a row has alone."""
        alone = self.alone[id(row)]
        if isinstance(alone, Refusal) or isinstance(output, Refusal) or not name:
            return False
        return not self.context.noise_model.differ(name, alone[name], output[name])

    def type_of(self, column: str) -> DriverType:
        """The declared type of an input column; ROW for a name that is not an input."""
        types = {each.name: each.ddl_type for each in self.context.inputs.fields}
        return DriverType.of(types[column]) if column in types else DriverType.ROW


@dataclass(frozen=True)
class BaselineChecks:
    """Checks that start from a baseline.

    Attributes:
        baseline: the rows, and their outputs without any different row in the call.
    """

    baseline: Baseline

    @property
    def context(self) -> CheckContext:
        """The check context."""
        return self.baseline.context


def tags_of_pairs(name: str, pairs: Sequence[tuple[Output, Output]]) -> set[Tag]:
    """The tags that all pairs of different outputs have in common, in one column."""
    values = [(left[name], right[name]) for left, right in pairs if name and is_answer(left) and is_answer(right)]
    if len(values) < len(pairs):
        return set()
    tests = {
        Tag.NAN_FOR_NULL: _are_nan_and_null,
        Tag.LAST_DIGIT: _differ_in_last_digit,
        Tag.WRAPPED: _differ_by_overflow,
    }
    return {tag for tag, test in tests.items() if all(test(left, right) for left, right in values)}


def _are_nan_and_null(left: Value, right: Value) -> bool:
    """Whether one of two values is NaN and the other null."""
    values = (left, right)
    return None in values and any(isinstance(value, float) and math.isnan(value) for value in values)


def _differ_in_last_digit(left: Value, right: Value) -> bool:
    """Whether two values are decimals that differ by one in the last digit, as different rounding makes them."""
    if not isinstance(left, Decimal) or not isinstance(right, Decimal):
        return False
    return abs(left - right) == Decimal(1).scaleb(int(left.as_tuple().exponent))


def _differ_by_overflow(left: Value, right: Value) -> bool:
    """Whether two whole numbers differ by a multiple of 2^8, 2^16 or 2^32: by what an integer loses that overflows."""
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in (left, right)):
        return False
    apart = abs(float(left) - float(right))  # type: ignore[arg-type]
    return math.isfinite(apart) and apart > 0 and apart % LEAST_OVERFLOW == 0


_TAGS = {ErrorCode.ROW_COUNT: Tag.ROW_COUNT, ErrorCode.COLUMN_TYPE: Tag.TYPE, ErrorCode.PREDICT_RAISED: Tag.RAISED}


def tags_of_refusal(output: Output | None) -> set[Tag]:
    """The tags of a refusal; empty if there is none."""
    codes = output.codes if isinstance(output, Refusal) else ()
    return {_TAGS[code] for code in codes if code in _TAGS}
