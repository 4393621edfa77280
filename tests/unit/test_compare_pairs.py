"""The conformance suite: each pair of tables gets the right answer, in the right layers."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from pyml_sandbox.compare import Comparison, Tolerances, compare
from unit.compare_pairs import Layer, Pair, all_pairs

PAIRS = all_pairs()
GROUPS = {
    "a value and itself": 236,
    "a value and the next": 236,
    "null, NaN, infinity": 224,
    "near misses, nested": 176,
    "entries in another order": 6,
    "row order": 58,
    "the same value in another type": 44,
    "another value in another type": 46,
    "keys": 108,
    "columns": 88,
}
"""How many pairs each group holds, so that none is lost by a slip in the generator."""


def layers(found: Comparison) -> frozenset[Layer]:
    """The layers in which the comparator finds two tables to differ."""
    differs = {
        Layer.KEYS: not found.keys.agrees,
        Layer.SCHEMA: bool(found.schema.missing or found.schema.extra),
        Layer.TYPE: bool(found.schema.types),
        Layer.VALUE: any(found.differing_columns()),
    }
    return frozenset(layer for layer, differs_there in differs.items() if differs_there)


def compared(left: pa.Table, right: pa.Table, pair: Pair) -> Comparison:
    return compare(left, right, pair.key, tolerances=Tolerances.exact())


def test_the_suite_holds_at_least_500_pairs_of_either_kind_and_each_is_named_once() -> None:
    assert Counter(pair.group for pair in PAIRS) == GROUPS
    assert len({(pair.group, pair.name) for pair in PAIRS}) == sum(GROUPS.values()) == 1222
    assert Counter(bool(pair.differs_in) for pair in PAIRS) == {True: 749, False: 473}


@pytest.mark.parametrize("group", GROUPS)
def test_every_pair_gets_the_right_answer_in_the_right_layers(group: str) -> None:
    found = {pair.name: (pair, compared(pair.left, pair.right, pair)) for pair in PAIRS if pair.group == group}
    wrong = {name: layers(there) for name, (pair, there) in found.items() if layers(there) != pair.differs_in}
    assert not wrong
    assert all(there.agrees == (not pair.differs_in) for pair, there in found.values())
