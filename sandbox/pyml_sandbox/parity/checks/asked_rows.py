"""What the checks of the batch start from: each row called alone, and as two copies of itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pyml.lab.messages import Refusal
from pyml_sandbox.parity.bench import Bench
from pyml_sandbox.parity.lab import Output
from pyml_sandbox.parity.specimens import Specimen
from pyml_sandbox.parity.symptom import Situation

MAX_CASES = 6


def one_row(specimen: Specimen) -> Situation:
    """A row called alone."""
    return Situation((specimen,))


@dataclass
class AskedRows:
    """The rows of a bench and their outputs where no other row is near.

    Attributes:
        bench: rows and laboratory.
        alone: the output of each fixture's row and specimen called alone, by the specimen's identity.
        copies: its outputs when called twice in one call.
    """

    bench: Bench
    alone: Mapping[int, Output]
    copies: Mapping[int, Sequence[Output]]

    @classmethod
    def of(cls, bench: Bench) -> AskedRows:
        """Ask about two copies of each row in one call."""
        rows = [*bench.fixture, *bench.specimens]
        alone = dict(zip(map(id, rows), bench.alone, strict=True))
        copies = dict(zip(map(id, rows), bench.calls([[row, row] for row in rows]), strict=True))
        return cls(bench, alone, copies)

    @property
    def rows(self) -> list[Specimen]:
        """All of them."""
        return [*self.bench.fixture, *self.bench.specimens]

    def taken(self, specimens: Iterable[Specimen]) -> list[Specimen]:
        """Those that the model predicts alone: what it refuses it refuses on both paths."""
        return [each for each in specimens if not self.is_refused(each)]

    def is_refused(self, row: Specimen) -> bool:
        """Whether the row is refused alone."""
        return isinstance(self.alone[id(row)], Refusal)

    def copies_refused(self, row: Specimen) -> bool:
        """Whether the row is refused beside itself."""
        return isinstance(self.copies[id(row)][0], Refusal)

    def is_of(self, name: str, output: Output, row: Specimen) -> bool:
        """Whether an output is, in one column, the one that a row has alone."""
        alone = self.alone[id(row)]
        if isinstance(alone, Refusal) or isinstance(output, Refusal) or not name:
            return False
        return not self.bench.gauge.differ(name, alone[name], output[name])

    def type_of(self, column: str) -> str:
        """The declared type of an input, without its parameters; "ROW" of what is no input."""
        for field in self.bench.inputs.fields:
            if field.name == column:
                return field.ddl_type.partition("(")[0].partition("<")[0]
        return "ROW"


def is_nan_for_null(name: str, left: Output, right: Output) -> bool:
    """Whether one of two outputs is NaN and the other null."""
    if isinstance(left, Refusal) or isinstance(right, Refusal) or not name:
        return False
    values = (left[name], right[name])
    return None in values and any(isinstance(value, float) and math.isnan(value) for value in values)


def traits_of_pairs(name: str, pairs: Sequence[tuple[Output, Output]]) -> set[str]:
    """What all pairs of different outputs have in common, in one column."""
    tests = {"nan-for-null": is_nan_for_null, "last-digit": is_last_digit}
    return {trait for trait, test in tests.items() if all(test(name, left, right) for left, right in pairs)}


def is_last_digit(name: str, left: Output, right: Output) -> bool:
    """Whether two outputs are decimals that differ by one in the last digit: one of them was rounded otherwise."""
    if isinstance(left, Refusal) or isinstance(right, Refusal) or not name:
        return False
    one, other = left[name], right[name]
    if not isinstance(one, Decimal) or not isinstance(other, Decimal):
        return False
    return abs(one - other) == Decimal(1).scaleb(int(one.as_tuple().exponent))


def traits_of_refusal(said: str) -> set[str]:
    """What a refusal is about, from our own words for it."""
    found = set()
    if "rows in," in said:
        found.add("row-count")
    if "is declared" in said and "found" in said:
        found.add("type")
    if said and "predict raised" in said:
        found.add("raised")
    return found
