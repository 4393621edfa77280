"""Checks of the batch: does a row's output depend on the rows it is sent with, on how many, or on their order?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pyml.harness.session_messages import Question, Refusal
from pyml_sandbox.parity.checks.baseline import (
    MAX_CASES,
    AskedRows,
    ChecksOfRows,
    one_row,
    traits_of_pairs,
    traits_of_refusal,
)
from pyml_sandbox.parity.checks.pairs import NeighbourChecks
from pyml_sandbox.parity.context.check_context import Bench
from pyml_sandbox.parity.harness_process import Output, refusal_in
from pyml_sandbox.parity.observations.observation import Case, Situation, Symptom
from pyml_sandbox.parity.rows.synthetic import OTHER_LENGTHS, Specimen, fixture_specimens, kinds_of, varied_columns


class BatchChecks(ChecksOfRows):
    """The checks of the batch on one bench."""

    @classmethod
    def prepare(cls, bench: Bench) -> BatchChecks:
        """Ask about each row alone and as two copies."""
        return cls(AskedRows.of(bench))

    def symptoms(self) -> list[Symptom]:
        """Everything that these checks see."""
        making, rows = self.bench.record.making, len(self.bench.everything)
        with making({"alone": rows, "contract": rows}) as one_row:
            one_row += self._one_row()
        with making({"copies": rows}, self.asked.seconds) as copies:
            copies += self._copies()
        beside, together = NeighbourChecks(self.asked).symptoms(), self._together()
        with making({"empty": 0}) as empty:
            empty += self._empty()
        return [*one_row, *copies, *beside, *together, *empty]

    # ---- one row, and copies of it

    def _one_row(self) -> Iterator[Symptom]:
        """Refused alone and not beside itself: the shape of one row is another. Dropped: the model lost the row."""
        fixture = tuple(self.bench.fixture)
        broken = {
            id(row): (row, Situation((row, row)))
            for row in self.bench.everything
            if self.asked.is_refused(row) and not self.asked.copies_refused(row)
        }
        for place, output in enumerate(self.bench.first):
            row = fixture[place]
            if self.asked.is_refused(row) and not isinstance(output, Refusal):
                broken.setdefault(id(row), (row, Situation(fixture, place)))
        yield from self._refused_alone(list(broken.values()))
        yield from self._contract()

    def _refused_alone(self, found: Sequence[tuple[Specimen, Situation]]) -> Iterator[Symptom]:
        broken = [row for row, _ in found]
        if broken:
            refusal = self.asked.alone[id(broken[0])]
            cases = tuple(Case("", one_row(row), situation) for row, situation in found[:MAX_CASES])
            whole = {"all-rows"} if len(broken) >= len(self.bench.fixture) else set()
            whole |= {"copies-refused"} if all(map(self.asked.copies_refused, broken)) else set()
            yield Symptom(
                "alone",
                "",
                cases,
                varied_columns(broken),
                frozenset(whole | traits_of_refusal(refusal)),
                len(broken),
                refusal_in(refusal),
            )

    def _contract(self) -> Iterator[Symptom]:
        for column, found in _by_column(self._lost_rows()).items():
            refusal = self.asked.alone[id(found[0])]
            case = Case("", one_row(self.bench.fixture[0]), one_row(found[0]))
            traits = frozenset(traits_of_refusal(refusal))
            yield Symptom("contract", "", (case,), (column,), traits, len(found), refusal_in(refusal))

    def _lost_rows(self) -> list[Specimen]:
        """Refused alone and beside itself by what the model returned, not by an error of its own.

        None where the whole fixture is: nothing is lost from one row to the next, and the real paths say it all.
        """
        if all(self.asked.is_refused(row) and self.asked.copies_refused(row) for row in self.bench.fixture):
            return []
        return [
            row
            for row in self.bench.everything
            if isinstance(refusal := self.asked.alone[id(row)], Refusal)
            and refusal.kind == "OutputError"
            and self.asked.copies_refused(row)
            and traits_of_refusal(refusal) & {"row-count", "type"}
            and not (row.kind in OTHER_LENGTHS and self.asked.type_of(row.column) in ("ARRAY", "MAP"))
        ]

    def _copies(self) -> Iterator[Symptom]:
        found: dict[str, list[tuple[Specimen, bool]]] = defaultdict(list)
        for row in self.asked.taken(self.bench.everything):
            for output, by_place in self._changed_by_copies(row).items():
                found[output].append((row, by_place))
        for output, rows in found.items():
            specimens = [row for row, _ in rows]
            traits = self._traits_of_copies(output, specimens) | ({"position"} if any(at for _, at in rows) else set())
            first = self.asked.copies[id(specimens[0])][0]
            traits |= traits_of_refusal(first)
            cases = tuple(Case(output, one_row(row), Situation((row, row), 1)) for row in specimens[:MAX_CASES])
            inputs = varied_columns(specimens)
            yield Symptom("copies", output, cases, inputs, frozenset(traits), len(rows), refusal_in(first))

    def _changed_by_copies(self, row: Specimen) -> dict[str, bool]:
        """The outputs of a row that change beside itself, and whether those of its copies differ; "" for a refusal."""
        first, second = self.asked.copies[id(row)]
        if isinstance(first, Refusal):
            return {"": False}
        by_place = self.bench.differing(first, second)
        return {name: name in by_place for name in [*self.bench.departing(self.asked.alone[id(row)], first), *by_place]}

    def _traits_of_copies(self, output: str, shown: Sequence[Specimen]) -> set[str]:
        """Which kinds of rows alone show it, how the outputs differ, and whether the number of copies counts."""
        ids = set(map(id, shown))
        silent = [row for row in self.asked.taken(self.bench.everything) if id(row) not in ids]
        pairs = [(self.asked.alone[id(row)], self.asked.copies[id(row)][1]) for row in shown]
        kinds = {f"kind:{kind}" for kind in kinds_of(shown, silent)}
        return kinds | traits_of_pairs(output, pairs) | ({"counts"} if self._counts(output, shown[0]) else set())

    def _counts(self, output: str, row: Specimen) -> bool:
        """Whether three copies of a row differ from two: it is no code of its own for one row, then."""
        second = self.asked.copies[id(row)][1]
        return output in self.bench.differing(second, self.bench.calls([[row] * 3])[0][1])

    # ---- many rows, and none

    def _together(self) -> list[Symptom]:
        rows, making = self.asked.taken(self.bench.fixture), self.bench.record.making
        if len(rows) < 2:
            return []
        with making(dict.fromkeys(("together", "shuffle", "split"), len(rows))) as seen:
            whole, turned = self.bench.calls([rows, rows[::-1]])
            half = len(rows) // 2
            halves = [output for part in self.bench.calls([rows[:half], rows[half:]]) for output in part]
            for check, outputs in (("together", whole), ("shuffle", turned[::-1]), ("split", halves)):
                seen += self._against_alone(check, rows, outputs)
        with making({"crowd": len(self.bench.fixture)}) as crowd:
            crowd += self._in_a_crowd()
        return [*seen, *crowd]

    def _in_a_crowd(self) -> Iterator[Symptom]:
        """The sample among many rows of the fixture: ahead of the others, and behind them."""
        everybody = range(self.bench.crowd.num_rows)
        ahead, behind = self.bench.lab.calls(self.bench.crowd, [everybody, everybody[::-1]])
        size = len(self.bench.fixture)
        found = {each.output: each for each in self._against_alone("crowd", self.bench.fixture, ahead[:size])}
        for symptom in self._against_alone("crowd", self.bench.fixture, behind[::-1][:size]):
            found.setdefault(symptom.output, symptom.with_traits(frozenset({"behind"})))
        yield from map(self._with_drivers, found.values())

    def _with_drivers(self, symptom: Symptom) -> Symptom:
        """The crowd in the cases of a symptom, and the columns in which it makes the difference."""
        rows = (*self.bench.fixture, *fixture_specimens(self.bench.crowd.slice(len(self.bench.fixture))))
        if "behind" in symptom.traits:
            rows = rows[::-1]
        cases = tuple(
            replace(each, other=Situation(rows, next(at for at, row in enumerate(rows) if row is each.reference.row)))
            for each in symptom.cases
        )
        drivers = [name for name in self.bench.inputs.names if self._vanishes(cases[0], name)]
        traits = {f"type:{self.asked.type_of(drivers[0])}"} if len(drivers) == 1 else set()
        return replace(symptom, cases=cases, inputs=tuple(drivers)).with_traits(frozenset(traits))

    def _vanishes(self, case: Case, column: str) -> bool:
        """Whether the difference goes once all rows of the call have the same value in one column."""
        value = case.other.row.values[column]
        rows = [row.with_value(column, value, "same") for row in case.other.rows]
        output = self.bench.calls([rows])[0][case.other.target]
        return not self.bench.differing(self.asked.alone[id(case.reference.row)], output)

    def _against_alone(self, check: str, rows: list[Specimen], outputs: Sequence[Output]) -> Iterator[Symptom]:
        found: dict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            for name in self.bench.departing(self.asked.alone[id(row)], outputs[place]):
                found[name].append(place)
        for name, places in found.items():
            cases = tuple(Case(name, one_row(rows[at]), Situation(tuple(rows), at)) for at in places[:MAX_CASES])
            yield Symptom(check, name, cases, rows=len(places), said=refusal_in(outputs[places[0]]))

    def _empty(self) -> Iterator[Symptom]:
        refusal = _refusal_of_nothing(self.bench)
        if refusal is not None:
            row = self.bench.fixture[0]
            yield Symptom("empty", "", (Case("", one_row(row), Situation(())),), said=refusal.message)


def _refusal_of_nothing(bench: Bench) -> Refusal | None:
    """Why a call without rows is refused; None where it is not."""
    rows = bench.rows(bench.fixture[:1])
    return bench.lab.ask(Question(rows, [[]])).refusals.get(0)


def _by_column(rows: Iterable[Specimen]) -> Mapping[str, list[Specimen]]:
    found: dict[str, list[Specimen]] = defaultdict(list)
    for row in rows:
        found[row.column].append(row)
    return found
