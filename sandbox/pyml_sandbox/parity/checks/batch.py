"""Checks of the batch: does a row's output depend on the rows it is sent with, on how many, or on their order?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pyml.error_code import ErrorCode
from pyml.harness.session_messages import HarnessRequest, Refusal
from pyml_sandbox.parity.checks.baseline import (
    MAX_CASES,
    AskedRows,
    ChecksOfRows,
    one_row,
    tags_of_pairs,
    tags_of_refusal,
)
from pyml_sandbox.parity.checks.pairs import NeighbourChecks
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.harness_process import Output, is_answer, refusal_in
from pyml_sandbox.parity.noise.noise_model import Row
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import DriverType, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.row_kind import OTHER_LENGTHS, Kind
from pyml_sandbox.parity.rows.synthetic import InputRow, fixture_rows, kinds_of, varied_columns


class BatchChecks(ChecksOfRows):
    """The checks of the batch in one check context."""

    @classmethod
    def prepare(cls, context: CheckContext) -> BatchChecks:
        """Ask about each row alone and as two copies."""
        return cls(AskedRows.of(context))

    def observations(self) -> list[Observation]:
        """Everything that these checks see."""
        making, rows = self.context.record.making, len(self.context.everything)
        with making({Check.ALONE: rows, Check.CONTRACT: rows}) as one_row:
            one_row += self._one_row()
        with making({Check.COPIES: rows}, self.asked.seconds) as copies:
            copies += self._copies()
        if nulls := [row for row in self.context.input_rows if row.kind is Kind.NULL]:
            with making({Check.NULLS: len(nulls)}) as refused:
                refused += self._refused_nulls(nulls)
        else:
            refused = []
        beside, together = NeighbourChecks(self.asked).observations(), self._together()
        return [*one_row, *copies, *refused, *beside, *together, *self._empty()]

    @property
    def compared(self) -> list[tuple[Row, Row]]:
        """The outputs that should have agreed, in pairs, of all that was compared so far; refusals left out."""
        return [(left, right) for left, right in self.asked.compared if is_answer(left) and is_answer(right)]

    # ---- one row, and copies of it

    def _one_row(self) -> Iterator[Observation]:
        """Refused alone and not beside itself: the shape of one row is another. Dropped: the model lost the row."""
        fixture = tuple(self.context.fixture)
        broken = {
            id(row): (row, Condition((row, row)))
            for row in self.context.everything
            if self.asked.is_refused(row) and not self.asked.copies_refused(row)
        }
        for place, output in enumerate(self.context.first):
            row = fixture[place]
            if self.asked.is_refused(row) and not isinstance(output, Refusal):
                broken.setdefault(id(row), (row, Condition(fixture, place)))
        yield from self._refused_alone(list(broken.values()))
        yield from self._contract()

    def _refused_alone(self, found: Sequence[tuple[InputRow, Condition]]) -> Iterator[Observation]:
        broken = [row for row, _ in found]
        if broken:
            refusal = self.asked.alone[id(broken[0])]
            cases = tuple(Example("", one_row(row), condition) for row, condition in found[:MAX_CASES])
            whole = {Tag.ALL_ROWS} if len(broken) >= len(self.context.fixture) else set()
            whole |= {Tag.COPIES_REFUSED} if all(map(self.asked.copies_refused, broken)) else set()
            yield Observation(
                Check.ALONE,
                "",
                cases,
                varied_columns(broken),
                frozenset(whole | tags_of_refusal(refusal)),
                len(broken),
                refusal_in(refusal),
            )

    def _contract(self) -> Iterator[Observation]:
        for column, found in _by_column(self._lost_rows()).items():
            refusal = self.asked.alone[id(found[0])]
            case = Example("", one_row(self.context.fixture[0]), one_row(found[0]))
            tags = frozenset(tags_of_refusal(refusal))
            yield Observation(Check.CONTRACT, "", (case,), (column,), tags, len(found), refusal_in(refusal))

    def _lost_rows(self) -> list[InputRow]:
        """Refused alone and beside itself by what the model returned, not by an error of its own.

        None where the whole fixture is: nothing is lost from one row to the next, and the real paths say it all.
        """
        if all(self.asked.is_refused(row) and self.asked.copies_refused(row) for row in self.context.fixture):
            return []
        return [
            row
            for row in self.context.everything
            if isinstance(refusal := self.asked.alone[id(row)], Refusal)
            and refusal.kind == "OutputError"
            and self.asked.copies_refused(row)
            and tags_of_refusal(refusal) & {Tag.ROW_COUNT, Tag.TYPE}
            and not (row.kind in OTHER_LENGTHS and self.asked.type_of(row.column) in (DriverType.ARRAY, DriverType.MAP))
        ]

    def _refused_nulls(self, nulls: Sequence[InputRow]) -> Iterator[Observation]:
        """By column: `predict` raises on a null that the declaration allows, and predicts the same row with a value."""
        fixture = self.context.fixture
        for column, found in _by_column(nulls).items():
            refused = [
                (row, refusal)
                for row in found
                if isinstance(refusal := self.asked.alone[id(row)], Refusal)
                and ErrorCode.PREDICT_RAISED in refusal.codes
                and not self.asked.is_refused(fixture[row.base])
            ]
            if refused:
                row, refusal = refused[0]
                case = Example("", one_row(fixture[row.base]), one_row(row))
                said = refusal_in(refusal)
                yield Observation(Check.NULLS, "", (case,), (column,), frozenset(), len(refused), said)

    def _copies(self) -> Iterator[Observation]:
        found: dict[str, list[tuple[InputRow, bool]]] = defaultdict(list)
        for row in self.asked.taken(self.context.everything):
            for output, by_place in self._changed_by_copies(row).items():
                found[output].append((row, by_place))
        for output, rows in found.items():
            input_rows = [row for row, _ in rows]
            tags = self._tags_of_copies(output, input_rows) | ({Tag.POSITION} if any(at for _, at in rows) else set())
            first = self.asked.copies[id(input_rows[0])][0]
            tags |= tags_of_refusal(first)
            cases = tuple(Example(output, one_row(row), Condition((row, row), 1)) for row in input_rows[:MAX_CASES])
            inputs = varied_columns(input_rows)
            kinds = frozenset(kinds_of(input_rows, self._silent_beside(input_rows)))
            yield Observation(
                Check.COPIES, output, cases, inputs, frozenset(tags), len(rows), refusal_in(first), kinds=kinds
            )

    def _changed_by_copies(self, row: InputRow) -> dict[str, bool]:
        """The outputs of a row that change beside itself, and whether those of its copies differ; "" for a refusal."""
        first, second = self.asked.copies[id(row)]
        if isinstance(first, Refusal):
            return {"": False}
        by_place = self.context.differing(first, second)
        return {name: name in by_place for name in [*self.asked.departing(self.asked.alone[id(row)], first), *by_place]}

    def _silent_beside(self, shown: Sequence[InputRow]) -> list[InputRow]:
        """The rows that are predicted alone and do not show it."""
        ids = set(map(id, shown))
        return [row for row in self.asked.taken(self.context.everything) if id(row) not in ids]

    def _tags_of_copies(self, output: str, shown: Sequence[InputRow]) -> set[Tag]:
        """How the outputs differ, and whether the number of copies counts."""
        pairs = [(self.asked.alone[id(row)], self.asked.copies[id(row)][1]) for row in shown]
        return tags_of_pairs(output, pairs) | ({Tag.COUNTS} if self._counts(output, shown[0]) else set())

    def _counts(self, output: str, row: InputRow) -> bool:
        """Whether three copies of a row differ from two: it is no code of its own for one row, then."""
        second = self.asked.copies[id(row)][1]
        return output in self.context.differing(second, self.context.calls([[row] * 3])[0][1])

    # ---- many rows, and none

    def _together(self) -> list[Observation]:
        rows, making = self.asked.taken(self.context.fixture), self.context.record.making
        if len(rows) < 2:
            return []
        with making(dict.fromkeys((Check.TOGETHER, Check.SHUFFLE, Check.SPLIT), len(rows))) as seen:
            whole, turned = self.context.calls([rows, rows[::-1]])
            half = len(rows) // 2
            halves = [output for part in self.context.calls([rows[:half], rows[half:]]) for output in part]
            for check, outputs in ((Check.TOGETHER, whole), (Check.SHUFFLE, turned[::-1]), (Check.SPLIT, halves)):
                seen += self._against_alone(check, rows, outputs)
        with making({Check.CROWD: len(self.context.fixture)}) as full_batch:
            full_batch += self._in_a_crowd()
        return [*seen, *full_batch]

    def _in_a_crowd(self) -> Iterator[Observation]:
        """The sample among many rows of the fixture: ahead of the others, and behind them."""
        everybody = range(self.context.full_batch.num_rows)
        ahead, behind = self.context.harness.calls(self.context.full_batch, [everybody, everybody[::-1]])
        size = len(self.context.fixture)
        found = {each.output: each for each in self._against_alone(Check.CROWD, self.context.fixture, ahead[:size])}
        for observation in self._against_alone(Check.CROWD, self.context.fixture, behind[::-1][:size]):
            found.setdefault(observation.output, observation.with_tags(Tag.BEHIND))
        yield from map(self._with_drivers, found.values())

    def _with_drivers(self, observation: Observation) -> Observation:
        """The full batch in the cases of an observation, and the columns that make the difference in it."""
        rows = (*self.context.fixture, *fixture_rows(self.context.full_batch.slice(len(self.context.fixture))))
        if Tag.BEHIND in observation.tags:
            rows = rows[::-1]
        cases = tuple(
            replace(each, other=Condition(rows, next(at for at, row in enumerate(rows) if row is each.reference.row)))
            for each in observation.cases
        )
        drivers = [name for name in self.context.inputs.names if self._vanishes(cases[0], name)]
        driver_type = self.asked.type_of(drivers[0]) if len(drivers) == 1 else None
        return replace(observation, cases=cases, inputs=tuple(drivers), driver_type=driver_type)

    def _vanishes(self, case: Example, column: str) -> bool:
        """Whether the difference goes once all rows of the call have the same value in one column."""
        value = case.other.row.values[column]
        rows = [row.with_value(column, value, Kind.PROBE) for row in case.other.rows]
        output = self.context.calls([rows])[0][case.other.target]
        return not self.context.differing(self.asked.alone[id(case.reference.row)], output)

    def _against_alone(
        self, check: Check, rows: Sequence[InputRow], outputs: Sequence[Output]
    ) -> Iterator[Observation]:
        found: dict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            for name in self.asked.departing(self.asked.alone[id(row)], outputs[place]):
                found[name].append(place)
        for name, places in found.items():
            cases = tuple(Example(name, one_row(rows[at]), Condition(tuple(rows), at)) for at in places[:MAX_CASES])
            yield Observation(check, name, cases, rows=len(places), said=refusal_in(outputs[places[0]]))

    def _empty(self) -> list[Observation]:
        """A call without rows: a check of models that want such calls. Of all others it only tells encoders apart."""
        if not self.context.harness.load_report.predicts_empty:
            return list(self._of_no_rows())
        with self.context.record.making({Check.EMPTY: 0}) as seen:
            seen += [observation.with_tags(Tag.WANTED) for observation in self._of_no_rows()]
        return seen

    def _of_no_rows(self) -> Iterator[Observation]:
        refusal = _refusal_of_nothing(self.context)
        if refusal is not None:
            row = self.context.fixture[0]
            yield Observation(Check.EMPTY, "", (Example("", one_row(row), Condition(())),), said=refusal.message)


def _refusal_of_nothing(context: CheckContext) -> Refusal | None:
    """Why a call without rows is refused; None where it is not."""
    rows = context.rows(context.fixture[:1])
    return context.harness.ask(HarnessRequest(rows, [[]])).refusals.get(0)


def _by_column(rows: Iterable[InputRow]) -> Mapping[str, list[InputRow]]:
    found: dict[str, list[InputRow]] = defaultdict(list)
    for row in rows:
        found[row.column].append(row)
    return found
