"""Checks of the batch: does the output of a row depend on the other rows of its call, their number or their order?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from pyml.error_code import ErrorCode
from pyml.harness.session_messages import HarnessRequest, Refusal
from pyml_sandbox.parity.checks.baseline import (
    MAX_EXAMPLES,
    Baseline,
    BaselineChecks,
    one_row,
    tags_of_pairs,
    tags_of_refusal,
)
from pyml_sandbox.parity.checks.batch_sizes import examples_of_sizes
from pyml_sandbox.parity.checks.company import Company, in_company, smallest_company, witnesses_of
from pyml_sandbox.parity.checks.pairs import RowPairChecks
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import Output, is_answer, refusal_in
from pyml_sandbox.parity.noise.noise_model import Row, Value
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import DriverType, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.row_kind import OTHER_LENGTHS, Kind
from pyml_sandbox.parity.rows.synthetic import InputRow, fixture_rows, kinds_of, varied_columns

FEW = 3
SHARE_ERROR = 1e-5
"""Shares of float32 add up to 1 with this relative error."""
MAX_COMPANIES = 4
"""Of how many outputs a batch is made smaller: outputs mostly differ for the same reason."""


class BatchChecks(BaselineChecks):
    """The checks of the batch in one check context."""

    @classmethod
    def prepare(cls, context: CheckContext) -> BatchChecks:
        """Run each row alone and as two copies in one call."""
        return cls(Baseline.of(context))

    def observations(self) -> list[Observation]:
        """All observations of these checks."""
        making, rows = self.context.record.making, len(self.context.all_input_rows)
        with making({Check.ALONE: rows, Check.CONTRACT: rows}) as one_row:
            one_row += self._one_row()
        with making({Check.COPIES: rows}, self.baseline.seconds) as copies:
            copies += self._copies()
        whole = self._together()
        companies = self._companies(whole)
        witnesses = witnesses_of(self.context, list(companies.values()))
        beside = RowPairChecks(self.baseline.with_witnesses(witnesses)).observations()
        together = [
            in_company(self.context, each, companies[each.output]) if each.output in companies else each
            for each in whole
        ]
        shares = self._shares()
        beside, together = ([self._as_share(each, shares) for each in several] for several in (beside, together))
        return [*one_row, *copies, *self._nulls(), *beside, *together, *self._empty()]

    @property
    def compared(self) -> list[tuple[Row, Row]]:
        """Pairs of outputs that should have agreed, of all comparisons so far; without refusals."""
        return [(left, right) for left, right in self.baseline.compared if is_answer(left) and is_answer(right)]

    # ---- one row, and copies of it

    def _one_row(self) -> Iterator[Observation]:
        """Rows that are refused alone but not with a copy, and rows for which the model returned the wrong output."""
        fixture = tuple(self.context.fixture)
        broken = {
            id(row): (row, Condition((row, row)))
            for row in self.context.all_input_rows
            if self.baseline.is_refused(row) and not self.baseline.copies_refused(row)
        }
        for position, output in enumerate(self.context.first):
            row = fixture[position]
            if self.baseline.is_refused(row) and not isinstance(output, Refusal):
                broken.setdefault(id(row), (row, Condition(fixture, position)))
        yield from self._refused_alone(list(broken.values()))
        yield from self._contract()

    def _refused_alone(self, found: Sequence[tuple[InputRow, Condition]]) -> Iterator[Observation]:
        broken = [row for row, _ in found]
        if broken:
            refusal = self.baseline.alone[id(broken[0])]
            examples = tuple(Example("", one_row(row), condition) for row, condition in found[:MAX_EXAMPLES])
            whole = {Tag.ALL_ROWS} if len(broken) >= len(self.context.fixture) else set()
            whole |= {Tag.COPIES_REFUSED} if all(map(self.baseline.copies_refused, broken)) else set()
            yield Observation(
                Check.ALONE,
                "",
                examples,
                varied_columns(broken),
                frozenset(whole | tags_of_refusal(refusal)),
                len(broken),
                refusal_in(refusal),
            )

    def _contract(self) -> Iterator[Observation]:
        for column, found in _by_column(self._rows_with_wrong_outputs()).items():
            refusal = self.baseline.alone[id(found[0])]
            example = Example("", one_row(self.context.fixture[0]), one_row(found[0]))
            tags = frozenset(tags_of_refusal(refusal))
            yield Observation(Check.CONTRACT, "", (example,), (column,), tags, len(found), refusal_in(refusal))

    def _rows_with_wrong_outputs(self) -> list[InputRow]:
        """Rows that are refused, alone and with a copy, because of what the model returned, not because it raised.

        Empty if all rows of the fixture are: then rows do not differ from each other, and the real paths show it.
        """
        if all(self.baseline.is_refused(row) and self.baseline.copies_refused(row) for row in self.context.fixture):
            return []
        return [
            row
            for row in self.context.all_input_rows
            if isinstance(refusal := self.baseline.alone[id(row)], Refusal)
            and refusal.kind == "OutputError"
            and self.baseline.copies_refused(row)
            and tags_of_refusal(refusal) & {Tag.ROW_COUNT, Tag.TYPE}
            and not (
                row.kind in OTHER_LENGTHS and self.baseline.type_of(row.column) in (DriverType.ARRAY, DriverType.MAP)
            )
        ]

    def _nulls(self) -> list[Observation]:
        """Rows with a null in a nullable column, if there are any."""
        rows = [row for row in self.context.input_rows if row.kind is Kind.NULL]
        if not rows:
            return []
        with self.context.record.making({Check.NULLS: len(rows)}) as seen:
            seen += self._refused_nulls(rows)
        return seen

    def _refused_nulls(self, nulls: Sequence[InputRow]) -> Iterator[Observation]:
        """Columns in which `predict` raises on a null that the declaration allows, and not on a value."""
        fixture = self.context.fixture
        for column, found in _by_column(nulls).items():
            refused = [
                (row, refusal)
                for row in found
                if isinstance(refusal := self.baseline.alone[id(row)], Refusal)
                and ErrorCode.PREDICT_RAISED in refusal.codes
                and not self.baseline.is_refused(fixture[row.base])
            ]
            if refused:
                row, refusal = refused[0]
                example = Example("", one_row(fixture[row.base]), one_row(row))
                message = refusal_in(refusal)
                yield Observation(Check.NULLS, "", (example,), (column,), frozenset(), len(refused), message)

    def _copies(self) -> Iterator[Observation]:
        found: dict[str, list[tuple[InputRow, bool]]] = defaultdict(list)
        for row in self.baseline.accepted(self.context.all_input_rows):
            for output, by_position in self._changed_by_copies(row).items():
                found[output].append((row, by_position))
        for output, rows in found.items():
            input_rows = [row for row, _ in rows]
            tags = self._tags_of_copies(output, input_rows) | ({Tag.POSITION} if any(at for _, at in rows) else set())
            first = self.baseline.copies[id(input_rows[0])][0]
            tags |= tags_of_refusal(first)
            examples = tuple(
                Example(output, one_row(row), Condition((row, row), 1)) for row in input_rows[:MAX_EXAMPLES]
            )
            inputs = varied_columns(input_rows)
            kinds = frozenset(kinds_of(input_rows, self._silent_beside(input_rows)))
            yield Observation(
                Check.COPIES, output, examples, inputs, frozenset(tags), len(rows), refusal_in(first), kinds=kinds
            )

    def _changed_by_copies(self, row: InputRow) -> dict[str, bool]:
        """The outputs of a row that change with a copy, and whether the two copies differ; "" for a refusal."""
        first, second = self.baseline.copies[id(row)]
        if isinstance(first, Refusal):
            return {"": False}
        by_position = self.context.differing(first, second)
        return {
            name: name in by_position
            for name in [*self.baseline.differing(self.baseline.alone[id(row)], first), *by_position]
        }

    def _silent_beside(self, shown: Sequence[InputRow]) -> list[InputRow]:
        """The rows that are predicted alone and do not show the difference."""
        ids = set(map(id, shown))
        return [row for row in self.baseline.accepted(self.context.all_input_rows) if id(row) not in ids]

    def _tags_of_copies(self, output: str, shown: Sequence[InputRow]) -> set[Tag]:
        """How the outputs differ, and whether the number of copies matters."""
        pairs = [(self.baseline.alone[id(row)], self.baseline.copies[id(row)][1]) for row in shown]
        return tags_of_pairs(output, pairs) | ({Tag.COUNTS} if self._counts(output, shown[0]) else set())

    def _counts(self, output: str, row: InputRow) -> bool:
        """Whether three copies of a row differ from two: then it is not code for a single row that differs."""
        second = self.baseline.copies[id(row)][1]
        return output in self.context.differing(second, self.context.calls([[row] * 3])[0][1])

    # ---- many rows, and none

    def _together(self) -> list[Observation]:
        rows, making = self.baseline.accepted(self.context.fixture), self.context.record.making
        if len(rows) < 2:
            return []
        with making(dict.fromkeys((Check.TOGETHER, Check.SHUFFLE, Check.SPLIT), len(rows))) as seen:
            half = len(rows) // 2
            groups = {
                Check.TOGETHER: [rows],
                Check.SHUFFLE: [rows[::-1]],
                Check.SPLIT: [rows[:half], rows[half:]],
            }
            for check, parts in groups.items():
                seen += self._against_alone(check, parts, self.context.calls(parts))
        with making({Check.CROWD: len(self.context.fixture)}) as full_batch:
            full_batch += self._in_full_batch()
        return [*seen, *full_batch]

    def _shares(self) -> set[str]:
        """Output columns whose values in a batch, or their squares, add up to 1 or 100."""
        rows = self.baseline.accepted(self.context.fixture)
        outputs = [output for output in self.context.calls([rows])[0] if is_answer(output)] if len(rows) > FEW else []
        return {name for name in (outputs[0] if outputs else ()) if _are_shares([row[name] for row in outputs])}

    def _as_share(self, observation: Observation, shares: Set[str]) -> Observation:
        return observation.with_tags(Tag.NORMALISED) if observation.output in shares else observation

    def _in_full_batch(self) -> Iterator[Observation]:
        """The sample in a call with many rows of the fixture: before the others, and after them."""
        every_row = range(self.context.full_batch.num_rows)
        ahead, behind = self.context.harness.calls(self.context.full_batch, [every_row, every_row[::-1]])
        size = len(self.context.fixture)
        found = {each.output: each for each in self._against_alone(Check.CROWD, [self.context.fixture], [ahead[:size]])}
        for observation in self._against_alone(Check.CROWD, [self.context.fixture], [behind[::-1][:size]]):
            found.setdefault(observation.output, observation.with_tags(Tag.BEHIND))
        found.pop("", None)  # one row that is refused alone makes the whole call fail; `sizes` tells that apart
        yield from map(self._in_the_crowd, found.values())

    def _in_the_crowd(self, observation: Observation) -> Observation:
        """Put the full batch into the examples of an observation."""
        rows = (*self.context.fixture, *fixture_rows(self.context.full_batch.slice(len(self.context.fixture))))
        if Tag.BEHIND in observation.tags:
            rows = rows[::-1]
        examples = tuple(
            replace(each, other=Condition(rows, next(at for at, row in enumerate(rows) if row is each.reference.row)))
            for each in observation.examples
        )
        return replace(observation, examples=examples)

    def _companies(self, whole: Sequence[Observation]) -> dict[str, Company]:
        """The smallest company that changes each output, of a few outputs; from the sample, else from all rows."""
        examples: dict[str, list[Example]] = defaultdict(list)
        for observation in whole:
            examples[observation.output].append(observation.example)
        for output, example in examples_of_sizes(self.context):
            examples[output].append(example)
        found = {
            output: next(filter(None, (smallest_company(self.context, example) for example in several)), None)
            for output, several in list(examples.items())[:MAX_COMPANIES]
        }
        return {output: company for output, company in found.items() if company is not None}

    def _against_alone(
        self, check: Check, groups: Sequence[Sequence[InputRow]], answers: Sequence[Sequence[Output]]
    ) -> Iterator[Observation]:
        """The rows of calls whose outputs differ from those of each row alone, by output column.

        Args:
            check: the check.
            groups: the rows of each call.
            answers: the outputs of each call, row for row.
        """
        found: dict[str, list[tuple[Condition, Output]]] = defaultdict(list)
        for group, outputs in zip(groups, answers, strict=True):
            for position, (row, output) in enumerate(zip(group, outputs, strict=True)):
                for name in self.baseline.differing(self.baseline.alone[id(row)], output):
                    found[name].append((Condition(tuple(group), position), output))
        for name, several in found.items():
            examples = tuple(Example(name, one_row(there.row), there) for there, _ in several[:MAX_EXAMPLES])
            refused = several[0][1]
            tags = frozenset(tags_of_refusal(refused))
            yield Observation(check, name, examples, tags=tags, rows=len(several), message=refusal_in(refused))

    def _empty(self) -> list[Observation]:
        """A call without rows. It is a check only for models that want such calls; else it distinguishes encoders."""
        if not self.context.harness.load_report.predicts_empty:
            return list(self._of_no_rows())
        with self.context.record.making({Check.EMPTY: 0}) as seen:
            seen += [observation.with_tags(Tag.WANTED) for observation in self._of_no_rows()]
        return seen

    def _of_no_rows(self) -> Iterator[Observation]:
        refusal = _refusal_of_nothing(self.context)
        if refusal is not None:
            row = self.context.fixture[0]
            yield Observation(Check.EMPTY, "", (Example("", one_row(row), Condition(())),), message=refusal.message)


def _are_shares(values: Sequence[Value]) -> bool:
    """Whether numbers, or their squares, add up to 1 or 100."""
    numbers = [value for value in values if isinstance(value, float) and math.isfinite(value)]
    if len(numbers) < len(values) or len(set(numbers)) < FEW:
        return False
    sums = math.fsum(numbers), math.fsum(value * value for value in numbers)
    return any(math.isclose(total, whole, rel_tol=SHARE_ERROR) for total in sums for whole in (1.0, 100.0))


def _refusal_of_nothing(context: CheckContext) -> Refusal | None:
    """Why a call without rows is refused; None if it is not."""
    rows = context.rows(context.fixture[:1])
    return context.harness.ask(HarnessRequest(rows, [[]])).refusals.get(0)


def _by_column(rows: Iterable[InputRow]) -> Mapping[str, list[InputRow]]:
    found: dict[str, list[InputRow]] = defaultdict(list)
    for row in rows:
        found[row.column].append(row)
    return found
