"""Checks of row pairs: a row with a different row in one call; the rows of a pair differ in one column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.checks.baseline import MAX_EXAMPLES, BaselineChecks, one_row, tags_of_pairs, tags_of_refusal
from pyml_sandbox.parity.checks.effects import Effect, Effects, is_longer
from pyml_sandbox.parity.context.time_budget import Part
from pyml_sandbox.parity.harness_process import Output
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import ORDERED, DriverType, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.row_kind import NULLS, Kind
from pyml_sandbox.parity.rows.synthetic import Cell, InputRow, is_finite

FEWEST = 8
"""How many pairs are tried, however slow the model is."""
TRIPLED = 6
"""How many other rows are tried two at a time."""


class RowPairChecks(BaselineChecks):
    """The checks of two different rows in one call."""

    def observations(self) -> list[Observation]:
        """One observation for each output that changes, by the column in which the rows differ."""
        pairs = self._pairs()
        if not pairs:
            return []
        with self.context.record.making(self._rows_by_check(pairs)) as seen:
            seen += self._observations_of(self._effects(pairs))
        return seen

    def _rows_by_check(self, pairs: Sequence[tuple[InputRow, InputRow]]) -> dict[str, int]:
        """The number of varied rows in the pairs of each check."""
        found: dict[str, set[int]] = defaultdict(set)
        for base, varied in pairs:
            for check in self._checks_of(base, varied):
                found[check].add(id(varied))
        return {check: len(rows) for check, rows in found.items()}

    def _checks_of(self, base: InputRow, varied: InputRow) -> Iterator[Check]:
        """The checks of a pair: all under whose names its changes may be reported."""
        if varied.kind in NULLS:
            yield Check.NULL_NEIGHBOUR
            return
        values = base.values.get(varied.column), varied.values.get(varied.column)
        if is_longer(*values) or is_longer(*reversed(values)):
            yield Check.LONG_NEIGHBOUR
        yield Check.TEXT_NEIGHBOUR if self.baseline.type_of(varied.column) is DriverType.STRING else Check.NEIGHBOUR

    def _observations_of(self, several: Sequence[Effect]) -> Iterator[Observation]:
        by_driver: dict[tuple[str, str], list[Effect]] = defaultdict(list)
        for effect in several:
            by_driver[effect.output, effect.column].append(effect)
        for (output, column), found in by_driver.items():
            effects = self._of_column(column, found)
            if Tag.OWN_VALUE in effects.tags and all(effect.is_as_alone for effect in found):
                continue  # only copies of these rows change them, which the check of copies says
            tags = effects.tags | (self._of_triples(column, effects.plain) if effects.plain else set())
            tags |= self._of_key(column, found[0])
            simplest = sorted(found, key=lambda effect: (not effect.on_base, effect.kind is not Kind.OTHER))
            refusal = simplest[0].refusal
            yield Observation(
                self._check_of(effects, refusal),
                output,
                tuple(effect.example for effect in simplest[:MAX_EXAMPLES]),
                (column,),
                tags | tags_of_refusal(refusal),
                len({id(effect.example.other.row) for effect in found}),
                refusal.message if refusal else "",
                kinds=effects.kinds,
                driver_type=effects.type,
            )

    def _effects(self, pairs: Sequence[tuple[InputRow, InputRow]]) -> list[Effect]:
        groups = [group for base, varied in pairs for group in ([base, varied], [varied, base])]
        answers = self.context.calls(groups)
        effects: list[Effect] = []
        for number, (base, varied) in enumerate(pairs):
            forward, backward = answers[2 * number], answers[2 * number + 1]
            effects += self._effects_of(base, varied, forward, base_first=True)
            effects += self._effects_of(base, varied, backward, base_first=False)
        return effects

    def _pairs(self) -> list[tuple[InputRow, InputRow]]:
        """The pairs that a batch was made smaller to; each synthetic row with an ordinary one, and with the null of its
        column; as many pairs as time allows.
        """
        accepted = self.baseline.accepted(self.context.input_rows)
        ordinary = self.baseline.accepted(self.context.ordinary)
        nulls = [each for each in accepted if each.kind in NULLS]
        pairs = [pair for pair in self.context.witnesses if not any(map(self.baseline.is_refused, pair))]
        pairs += [(base, varied) for varied in accepted for base in ordinary[:1]]
        pairs += [(base, other) for base in ordinary for other in ordinary if base is not other]
        pairs += [
            (each, null) for null in nulls for each in accepted if each.column == null.column and each is not null
        ]
        affordable = max(self.context.affordable(Part.NEIGHBOURS) // 2, FEWEST)
        if affordable < len(pairs):
            rest_s = 2 * (len(pairs) - affordable) * self.context.call_s
            self.context.leave(Part.NEIGHBOURS, f"{affordable:,} of {len(pairs):,} pairs of rows in one call", rest_s)
        return pairs[:affordable]

    def _effects_of(
        self, base: InputRow, varied: InputRow, outputs: Sequence[Output], *, base_first: bool
    ) -> Iterator[Effect]:
        rows = (base, varied) if base_first else (varied, base)
        for position, row in enumerate(rows):
            other = rows[1 - position]
            expected, output = self.baseline.copies[id(row)][position], outputs[position]
            for name in self.baseline.differing(expected, output):
                how = tags_of_pairs(name, [(expected, output)])
                yield Effect(
                    output=name,
                    column=varied.column,
                    kind=varied.kind,
                    on_base=row is base,
                    position=position,
                    is_swapped=not self.baseline.is_of(name, self.baseline.alone[id(row)], other)
                    and self.baseline.is_of(name, outputs[position], other)
                    and self.baseline.is_of(name, outputs[1 - position], row),
                    is_others=self.baseline.is_of(name, output, other),
                    is_as_alone=not self.context.differing(self.baseline.alone[id(row)], output),
                    is_nan_for_null=Tag.NAN_FOR_NULL in how,
                    is_wrapped=Tag.WRAPPED in how,
                    value="" if isinstance(output, Refusal) else repr(output.get(name)),
                    refusal=next((each for each in (output, expected) if isinstance(each, Refusal)), None),
                    example=Example(name, one_row(row), Condition(rows, position)),
                )

    def _of_column(self, column: str, found: Sequence[Effect]) -> Effects:
        """The changes in pairs that differ in one column."""
        kinds = {each.kind for each in self.context.input_rows if each.column == column}
        type_ = self.baseline.type_of(column)
        has_equal_length = type_ is DriverType.ARRAY and Kind.NEAR in kinds
        return Effects(column, type_, Kind.OTHER in kinds, found, has_equal_length)

    def _of_triples(self, column: str, found: Sequence[Effect]) -> set[Tag]:
        """What a call with two other rows does to a row."""
        row, output = found[0].example.reference.row, found[0].output
        if not output:
            return set()
        others = self._others(row, column, found)
        pairs = list(combinations(others, 2))
        ones = [answer[0] for answer in self.context.calls([(row, other) for other in others])]
        twos = [answer[0] for answer in self.context.calls([(row, other, other) for other in others])]
        both = [answer[0] for answer in self.context.calls([(row, *pair) for pair in pairs])]
        known = [self.baseline.alone[id(row)], *ones]
        tags = self._of_distance(found[0])
        if any(all(output in self.context.differing(answer, each) for each in known) for answer in both):
            tags.add(Tag.GROWS)
        if not any(output in self.context.differing(one, two) for one, two in zip(ones, twos, strict=True)):
            tags.add(Tag.DENSE)
        if self.baseline.type_of(column) in ORDERED and self._is_rank(row, column, output, pairs, both):
            tags.add(Tag.AS_RANK)
        return tags

    def _of_distance(self, effect: Effect) -> set[Tag]:
        """Whether a copy of the row between it and the other row removes the change."""
        rows, target = effect.example.other.rows, effect.position
        if len(rows) != 2:
            return set()
        row, beside = rows[target], rows[1 - target]
        between, at = ([beside, row, row], 2) if target == 1 else ([row, row, beside], 0)
        answer = self.context.calls([between])[0][at]
        is_removed = effect.output not in self.context.differing(self.baseline.copies[id(row)][target], answer)
        return {Tag.ADJACENT} if is_removed else set()

    def _check_of(self, effects: Effects, refusal: Refusal | None) -> Check:
        """The check under whose name a report shows these changes.

        A null that the fixture never has, and for which the model raises, shows that it is not robust, which is told
        apart from a difference.
        """
        is_of_null = bool(effects.tags & {Tag.NULL_ONLY, Tag.OWN_VALUE}) and effects.kinds <= {Kind.NULL}
        if Tag.RAISED in tags_of_refusal(refusal) and is_of_null and not self._has_null(effects.column):
            return Check.NULLS
        return _check_of(effects)

    def _has_null(self, column: str) -> bool:
        """Whether the fixture has a null in a column."""
        names = self.context.inputs.names
        return column not in names or self.context.full_batch.column(names.index(column)).null_count > 0

    def _of_key(self, column: str, effect: Effect) -> set[Tag]:
        """Whether a different value in one more column of the other row removes the change."""
        other, target = effect.example.other, effect.example.other.target
        if len(other.rows) != 2:
            return set()
        beside = other.rows[1 - target]
        probes = [
            beside.with_value(name, value, Kind.PROBE)
            for name in self.context.inputs.names
            if name != column and repr(beside.values[name]) == repr(other.row.values[name])
            for value in self._different_values(name, beside)
        ]
        groups = [[other.row, probe] if target == 0 else [probe, other.row] for probe in probes]
        expected = self.baseline.copies[id(other.row)][target]
        answers = [answer[target] for answer in self.context.calls(groups)]
        is_silent = {
            name: all(
                effect.output not in self.context.differing(expected, answer)
                for probe, answer in zip(probes, answers, strict=True)
                if probe.column == name
            )
            for name in {probe.column for probe in probes}
        }
        return {Tag.SAME_KEY} if any(is_silent.values()) else set()

    def _different_values(self, column: str, row: InputRow) -> list[Cell]:
        """Values of the fixture, at most two, that differ from a row's own; nulls are left out."""
        own = repr(row.values[column])
        values = {repr(each.values[column]): each.values[column] for each in self.context.fixture}
        return [value for text, value in values.items() if text != own and value is not None][:2]

    def _others(self, row: InputRow, column: str, found: Sequence[Effect]) -> list[InputRow]:
        """The other rows to try two at a time; if values have an order, as many below the row's own as above it."""
        if self.baseline.type_of(column) not in ORDERED:
            beside = {id(other): other for effect in found for other in effect.example.other.rows if other is not row}
            return list(beside.values())[:TRIPLED]
        own = _amount(row, column)
        varied = [each for each in self.context.input_rows if each.column == column and each.base == row.base]
        usable = [each for each in self.baseline.accepted(varied) if is_finite(each.values[column])]
        ranked = sorted(usable, key=lambda each: _amount(each, column))
        below = [each for each in ranked if _amount(each, column) < own]
        above = [each for each in ranked if _amount(each, column) > own]
        return [*_spread(below, TRIPLED // 2), *_spread(above, TRIPLED // 2)]

    def _is_rank(
        self,
        row: InputRow,
        column: str,
        output: str,
        pairs: Sequence[tuple[InputRow, InputRow]],
        answers: Sequence[Output],
    ) -> bool:
        """Whether the output depends only on how many of the two other rows have a larger value."""
        own = _amount(row, column)
        by_count: dict[int, list[Output]] = defaultdict(list)
        for pair, answer in zip(pairs, answers, strict=True):
            by_count[sum(_amount(each, column) > own for each in pair)].append(answer)
        several = [found for found in by_count.values() if len(found) > 1]
        firsts = [found[0] for found in by_count.values()]

        def differ(outputs: Sequence[Output]) -> bool:
            return any(output in self.context.differing(outputs[0], other) for other in outputs[1:])

        return bool(several) and differ(firsts) and not any(map(differ, several))


def _amount(row: InputRow, column: str) -> Any:
    """A value of a column of `ORDERED`, which can be compared with the other values of its column."""
    return row.values[column]


def _spread(rows: Sequence[InputRow], count: int) -> list[InputRow]:
    """At most `count` rows, evenly spread from the first to the last."""
    if len(rows) <= count:
        return list(rows)
    return [rows[position * (len(rows) - 1) // (count - 1)] for position in range(count)]


def _check_of(effects: Effects) -> Check:
    """The check under whose name a report shows these changes."""
    if effects.tags & {Tag.NULL_ONLY, Tag.OWN_VALUE}:
        return Check.NULL_NEIGHBOUR
    if Tag.LONGER_ONLY in effects.tags:
        return Check.LONG_NEIGHBOUR
    return Check.TEXT_NEIGHBOUR if effects.type is DriverType.STRING else Check.NEIGHBOUR
