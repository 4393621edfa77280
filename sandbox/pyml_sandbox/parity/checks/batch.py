"""Checks of the batch: does a row's output depend on the rows it is sent with, on how many, or on their order?"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from pyml.lab.messages import Refusal
from pyml_sandbox.parity.bench import Bench
from pyml_sandbox.parity.lab import Output, refusal_in
from pyml_sandbox.parity.specimens import Specimen, fixture_specimens, varied_columns
from pyml_sandbox.parity.symptom import Case, Situation, Symptom

PAIRS_BUDGET_S = 8.0
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
RANK_VALUES = 3
"""A rank among two rows is one of at most three: below, level, above."""
MAX_CASES = 6
TRIPLED = 6
NULLS = frozenset({"null", "nan", "inner-null"})
OTHER_LENGTHS = frozenset({"empty", "short", "long"})
"""Kinds of lists and maps that a model may have every right to refuse: it declares no length."""


@dataclass(frozen=True)
class Effect:
    """A neighbour that changed a row's output.

    Attributes:
        output: the column that changed; empty where the call was refused.
        column: the input column in which the neighbour was varied.
        kind: how.
        on_base: the ordinary row changed; else the varied one.
        place: where in the call the changed row stood.
        is_swapped: each of the two rows got the output that belongs to the other.
        is_others: the changed row got the output that belongs to the other, alone.
        is_nan_for_null: one of expected and changed output is NaN, the other null.
        value: the changed output, as text.
        refusal: why the call was refused.
        case: the row alone against the row beside the neighbour.
    """

    output: str
    column: str
    kind: str
    on_base: bool
    place: int
    is_swapped: bool
    is_others: bool
    is_nan_for_null: bool
    value: str
    refusal: Refusal | None
    case: Case


def one_row(specimen: Specimen) -> Situation:
    """A row called alone."""
    return Situation((specimen,))


@dataclass
class BatchChecks:
    """The checks of the batch on one bench.

    Attributes:
        bench: rows and laboratory.
        alone: the output of each fixture's row and specimen called alone, by the specimen's identity.
        copies: its outputs when called twice in one call.
    """

    bench: Bench
    alone: Mapping[int, Output]
    copies: Mapping[int, Sequence[Output]]

    @classmethod
    def prepare(cls, bench: Bench) -> BatchChecks:
        """Ask about two copies of each row in one call."""
        rows = [*bench.fixture, *bench.specimens]
        alone = dict(zip(map(id, rows), bench.alone, strict=True))
        copies = dict(zip(map(id, rows), bench.calls([[row, row] for row in rows]), strict=True))
        return cls(bench, alone, copies)

    def symptoms(self) -> list[Symptom]:
        """Everything that these checks see."""
        return [*self._one_row(), *self._copies(), *self._neighbours(), *self._together(), *self._empty()]

    def taken(self, specimens: Iterable[Specimen]) -> list[Specimen]:
        """Those that the model predicts, alone or in company: what it refuses it refuses on both paths."""
        return [each for each in specimens if not isinstance(self.alone[id(each)], Refusal)]

    # ---- one row, and copies of it

    def _one_row(self) -> Iterator[Symptom]:
        """Refused alone and not beside itself: the shape of one row is another. Dropped: the model lost the row."""
        fixture = tuple(self.bench.fixture)
        broken = {
            id(row): (row, Situation((row, row)))
            for row in self._rows()
            if self._is_refused(row) and not self._copies_refused(row)
        }
        for place, output in enumerate(self.bench.first):
            row = fixture[place]
            if self._is_refused(row) and not isinstance(output, Refusal):
                broken.setdefault(id(row), (row, Situation(fixture, place)))
        yield from self._refused_alone(list(broken.values()))
        yield from self._contract()

    def _refused_alone(self, found: Sequence[tuple[Specimen, Situation]]) -> Iterator[Symptom]:
        broken = [row for row, _ in found]
        if broken:
            said = refusal_in(self.alone[id(broken[0])])
            cases = tuple(Case("", one_row(row), situation) for row, situation in found[:MAX_CASES])
            whole = {"all-rows"} if len(broken) >= len(self.bench.fixture) else set()
            whole |= {"copies-refused"} if all(map(self._copies_refused, broken)) else set()
            yield Symptom(
                "alone", "", cases, varied_columns(broken), frozenset(whole | _words(said)), len(broken), said
            )

    def _contract(self) -> Iterator[Symptom]:
        for column, found in _by_column(self._lost_rows()).items():
            said = refusal_in(self.alone[id(found[0])])
            case = Case("", one_row(self.bench.fixture[0]), one_row(found[0]))
            yield Symptom("contract", "", (case,), (column,), frozenset(_words(said)), len(found), said)

    def _lost_rows(self) -> list[Specimen]:
        """Refused alone and beside itself by what the model returned, not by an error of its own."""
        return [
            row
            for row in self._rows()
            if isinstance(refusal := self.alone[id(row)], Refusal)
            and refusal.kind == "OutputError"
            and self._copies_refused(row)
            and _words(refusal.message) & {"row-count", "type"}
            and not (row.kind in OTHER_LENGTHS and self._type_of(row.column) in ("ARRAY", "MAP"))
        ]

    def _copies(self) -> Iterator[Symptom]:
        found: dict[str, list[tuple[Specimen, bool]]] = defaultdict(list)
        for row in self._rows():
            first, second = self.copies[id(row)]
            if self._is_refused(row) or isinstance(first, Refusal):
                if not self._is_refused(row):
                    found[""].append((row, False))
                continue
            by_place = set(self.bench.differing(first, second))
            for output in {*self.bench.departing(self.alone[id(row)], first), *by_place}:
                found[output].append((row, output in by_place))
        for output, rows in found.items():
            specimens = [row for row, _ in rows]
            traits = {"position"} if any(by_place for _, by_place in rows) else set()
            traits |= {f"kind:{row.kind}" for row in specimens}
            if all(_is_nan_for_null(output, self.alone[id(row)], self.copies[id(row)][1]) for row in specimens):
                traits.add("nan-for-null")
            said = refusal_in(self.copies[id(specimens[0])][0])
            cases = tuple(Case(output, one_row(row), Situation((row, row), 1)) for row in specimens[:MAX_CASES])
            inputs = varied_columns(specimens)
            yield Symptom("copies", output, cases, inputs, frozenset(traits | _words(said)), len(rows), said)

    # ---- two rows that differ in one column

    def _neighbours(self) -> Iterator[Symptom]:
        effects = self._effects()
        by_driver: dict[tuple[str, str], list[Effect]] = defaultdict(list)
        for effect in effects:
            by_driver[effect.output, effect.column].append(effect)
        for (output, column), found in by_driver.items():
            traits = self._traits(column, found)
            plainest = sorted(found, key=lambda effect: (not effect.on_base, effect.kind != "other"))
            refusal = plainest[0].refusal
            said = refusal.message if refusal else ""
            rows = len({id(effect.case.other.row) for effect in found})
            cases = tuple(effect.case for effect in plainest[:MAX_CASES])
            yield Symptom(_check_of(traits), output, cases, (column,), traits | _words(said), rows, said)

    def _effects(self) -> list[Effect]:
        pairs = self._pairs()
        groups = [group for base, varied in pairs for group in ([base, varied], [varied, base])]
        answers = self.bench.calls(groups)
        effects: list[Effect] = []
        for number, (base, varied) in enumerate(pairs):
            forward, backward = answers[2 * number], answers[2 * number + 1]
            effects += self._effects_of(base, varied, forward, base_first=True)
            effects += self._effects_of(base, varied, backward, base_first=False)
        return effects

    def _pairs(self) -> list[tuple[Specimen, Specimen]]:
        """Each synthesised row beside the ordinary one, and beside the null of its column; as many as time allows."""
        taken = self.taken(self.bench.specimens)
        ordinary = self.taken(self.bench.ordinary)
        nulls = [each for each in taken if each.kind in NULLS]
        pairs = [(base, varied) for varied in taken for base in ordinary[:1]]
        pairs += [(base, other) for base in ordinary for other in ordinary if base is not other]
        pairs += [(each, null) for null in nulls for each in taken if each.column == null.column and each is not null]
        return pairs[: int(PAIRS_BUDGET_S / max(self.bench.call_s, 1e-4) / 2)]

    def _effects_of(
        self, base: Specimen, varied: Specimen, outputs: Sequence[Output], *, base_first: bool
    ) -> Iterator[Effect]:
        rows = (base, varied) if base_first else (varied, base)
        for place, row in enumerate(rows):
            other = rows[1 - place]
            expected, output = self.copies[id(row)][place], outputs[place]
            for name in self.bench.departing(expected, output):
                yield Effect(
                    output=name,
                    column=varied.column,
                    kind=varied.kind,
                    on_base=row is base,
                    place=place,
                    is_swapped=self._is_of(name, outputs[place], other) and self._is_of(name, outputs[1 - place], row),
                    is_others=self._is_of(name, output, other),
                    is_nan_for_null=_is_nan_for_null(name, expected, output),
                    value="" if isinstance(output, Refusal) else repr(output.get(name)),
                    refusal=output if isinstance(output, Refusal) else None,
                    case=Case(name, one_row(row), Situation(rows, place)),
                )

    def _is_of(self, name: str, output: Output, row: Specimen) -> bool:
        alone = self.alone[id(row)]
        if isinstance(alone, Refusal) or isinstance(output, Refusal):
            return False
        return not self.bench.gauge.differ(name, alone[name], output[name])

    def _traits(self, column: str, found: Sequence[Effect]) -> frozenset[str]:
        """What a column's effects have in common."""
        on_base = [effect for effect in found if effect.on_base and not _is_missing(effect, column)]
        plain = [effect for effect in on_base if effect.kind not in NULLS]
        traits = {f"kind:{effect.kind}" for effect in on_base or found} | {f"type:{self._type_of(column)}"}
        if plain:
            traits.add("plain")
            if all(_is_longer(effect, column) for effect in plain):
                traits.add("longer-only")
            if all(effect.is_others and not effect.is_swapped for effect in plain):
                traits.add("borrowed")
            if self._type_of(column) == "STRING" and self._grows(plain):
                traits.add("grows")
            if 1 < len({effect.value for effect in plain}) <= RANK_VALUES:
                traits.add("few-values")
        elif on_base:
            traits.add("null-only")
        else:
            traits.add("own-value")
        if any(effect.kind in NULLS for effect in found):
            traits.add("null")
        if all(DATE.match(str(effect.case.reference.row.values.get(column))) for effect in on_base or found):
            traits.add("date")
        if self._type_of(column) == "STRING" and all(
            _is_number(effect.case.reference.row.values.get(column)) for effect in on_base or found
        ):
            traits.add("number")
        if self._depends_on_order(found):
            traits.add("order")
        if all(effect.is_nan_for_null for effect in found):
            traits.add("nan-for-null")
        if any(effect.is_swapped for effect in found):
            traits.add("swapped")
        if any(effect.is_others and effect.kind in NULLS for effect in found):
            traits.add("others-output")
        if not on_base and len({effect.value for effect in found}) > 1:
            traits.add("by-value")
        return frozenset(traits)

    def _grows(self, found: Sequence[Effect]) -> bool:
        """Whether two neighbours do to a row what neither of them does: codes count the categories of a batch."""
        row, output = found[0].case.reference.row, found[0].output
        beside = {id(other): other for effect in found for other in effect.case.other.rows if other is not row}
        others = list(beside.values())[:TRIPLED]
        groups = [(row, left, right) for left, right in combinations(others, 2)]
        known = [self.alone[id(row)], *(self.bench.calls([(row, other)])[0][0] for other in others)]
        return any(
            all(output in self.bench.differing(answer[0], each) for each in known)
            for answer in self.bench.calls(groups)
        )

    def _depends_on_order(self, found: Sequence[Effect]) -> bool:
        """Whether only what stands before a row, or only what stands after it, changes its output."""
        return len({effect.place for effect in found if effect.on_base} or {effect.place for effect in found}) == 1

    def _type_of(self, column: str) -> str:
        for field in self.bench.inputs.fields:
            if field.name == column:
                return field.ddl_type.partition("(")[0].partition("<")[0]
        return "ROW"

    # ---- many rows, and none

    def _together(self) -> Iterator[Symptom]:
        rows = self.taken(self.bench.fixture)
        if len(rows) < 2:
            return
        whole, turned = self.bench.calls([rows, rows[::-1]])
        half = len(rows) // 2
        halves = [output for part in self.bench.calls([rows[:half], rows[half:]]) for output in part]
        for check, outputs in (("together", whole), ("shuffle", turned[::-1]), ("split", halves)):
            yield from self._against_alone(check, rows, outputs)
        yield from self._in_a_crowd()

    def _in_a_crowd(self) -> Iterator[Symptom]:
        """The sample among as many rows as one request holds: ahead of the others, and behind them."""
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
        traits = {f"type:{self._type_of(drivers[0])}"} if len(drivers) == 1 else set()
        return replace(symptom, cases=cases, inputs=tuple(drivers)).with_traits(frozenset(traits))

    def _vanishes(self, case: Case, column: str) -> bool:
        """Whether the difference goes once all rows of the call have the same value in one column."""
        value = case.other.row.values[column]
        rows = [row.with_value(column, value, "same") for row in case.other.rows]
        output = self.bench.calls([rows])[0][case.other.target]
        return not self.bench.differing(self.alone[id(case.reference.row)], output)

    def _against_alone(self, check: str, rows: list[Specimen], outputs: Sequence[Output]) -> Iterator[Symptom]:
        found: dict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            for name in self.bench.departing(self.alone[id(row)], outputs[place]):
                found[name].append(place)
        for name, places in found.items():
            cases = tuple(Case(name, one_row(rows[at]), Situation(tuple(rows), at)) for at in places[:MAX_CASES])
            yield Symptom(check, name, cases, rows=len(places), said=refusal_in(outputs[places[0]]))

    def _empty(self) -> Iterator[Symptom]:
        refusal = _refusal_of_nothing(self.bench)
        if refusal is not None:
            row = self.bench.fixture[0]
            yield Symptom("empty", "", (Case("", one_row(row), Situation(())),), said=refusal.message)

    # ---- small things

    def _rows(self) -> Iterator[Specimen]:
        yield from self.bench.fixture
        yield from self.bench.specimens

    def _is_refused(self, row: Specimen) -> bool:
        return isinstance(self.alone[id(row)], Refusal)

    def _copies_refused(self, row: Specimen) -> bool:
        return isinstance(self.copies[id(row)][0], Refusal)


def _refusal_of_nothing(bench: Bench) -> Refusal | None:
    """Why a call without rows is refused; None where it is not."""
    from pyml.lab.messages import Question

    rows = bench.rows(bench.fixture[:1])
    return bench.lab.ask(Question(rows, [[]])).refusals.get(0)


def _by_column(rows: Iterable[Specimen]) -> Mapping[str, list[Specimen]]:
    found: dict[str, list[Specimen]] = defaultdict(list)
    for row in rows:
        found[row.column].append(row)
    return found


def _is_missing(effect: Effect, column: str) -> bool:
    """Whether the row that changed is itself the one with a null or NaN in the column."""
    value = effect.case.reference.row.values.get(column)
    return bool(column) and (value is None or value != value)


def _is_number(text: object) -> bool:
    """Whether a text reads as a number."""
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _is_longer(effect: Effect, column: str) -> bool:
    """Whether the neighbour has a longer text or list than the row that it changes."""
    rows, place = effect.case.other.rows, effect.place
    own, other = (row.values.get(column) for row in (rows[place], rows[1 - place]))
    return isinstance(other, str | bytes | list) and isinstance(own, type(other)) and len(other) > len(own)


def _is_nan_for_null(name: str, left: Output, right: Output) -> bool:
    """Whether one of two outputs is NaN and the other null."""
    if isinstance(left, Refusal) or isinstance(right, Refusal) or not name:
        return False
    values = (left[name], right[name])
    return None in values and any(isinstance(value, float) and math.isnan(value) for value in values)


def _check_of(traits: frozenset[str]) -> str:
    """The name under which a report speaks of a neighbour of this kind."""
    if traits & {"null-only", "own-value"}:
        return "null-neighbour"
    if "longer-only" in traits:
        return "long-neighbour"
    return "text-neighbour" if "type:STRING" in traits else "neighbour"


def _words(said: str) -> set[str]:
    """What a refusal is about, from our own words for it."""
    found = set()
    if "rows in," in said:
        found.add("row-count")
    if "is declared" in said and "found" in said:
        found.add("type")
    if said and "predict raised" in said:
        found.add("raised")
    return found
