"""The conformance suite: each pair of tables gets the right answer, in the right layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import pyarrow as pa
import pytest

from pyml_sandbox.compare import Comparison, Tolerances, compare
from pyml_sandbox.compare.queries.statement import EXAMPLES
from support.compare_pairs import Layer, Pair, all_pairs

pytestmark = pytest.mark.usefixtures("one_database")

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


def comparisons(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    """Pairs that are compared together: those of one row each and of the same types, so many that all are named.

    DuckDB plans a comparison for ten times as long as it compares two rows.
    """
    for is_row, alike in groupby(
        pairs, key=lambda pair: (pair.left.schema, pair.right.schema) if is_a_row(pair) else None
    ):
        found, size = list(alike), EXAMPLES if is_row else 1
        yield from (found[start : start + size] for start in range(0, len(found), size))


def is_a_row(pair: Pair) -> bool:
    return bool(pair.left.num_rows == pair.right.num_rows == 1 and pair.left.column_names == ["id", "value"])


def found_layers(pairs: Sequence[Pair]) -> Mapping[str, frozenset[Layer]]:
    """The layers in which the comparator finds each of some pairs to differ; all agree only where there are none."""
    if len(pairs) == 1:
        found = compare(pairs[0].left, pairs[0].right, pairs[0].key, tolerances=Tolerances.exact())
        by_pair = {pairs[0].name: layers(found)}
    else:
        found = compare(
            rows(pair.left for pair in pairs),
            rows(pair.right for pair in pairs),
            ("id",),
            tolerances=Tolerances.exact(),
        )
        differing = {pairs[int(row.key[0] or "")].name for row in found.columns[0].worst}
        whole = layers(found) - {Layer.VALUE}
        by_pair = {pair.name: whole | {Layer.VALUE} if pair.name in differing else whole for pair in pairs}
    assert found.agrees == (not any(by_pair.values()))
    return by_pair


def rows(tables: Iterable[pa.Table]) -> pa.Table:
    """Tables of one row each as one, numbered from zero."""
    whole = pa.concat_tables(tables)
    return whole.set_column(0, "id", pa.array(range(whole.num_rows), pa.int64()))


def test_the_suite_holds_at_least_500_pairs_of_either_kind_and_each_is_named_once() -> None:
    assert Counter(pair.group for pair in PAIRS) == GROUPS
    assert len({(pair.group, pair.name) for pair in PAIRS}) == sum(GROUPS.values()) == 1222
    assert Counter(bool(pair.differs_in) for pair in PAIRS) == {True: 749, False: 473}


@pytest.mark.parametrize("group", GROUPS)
def test_every_pair_gets_the_right_answer_in_the_right_layers(group: str) -> None:
    pairs = [pair for pair in PAIRS if pair.group == group]
    found = {name: there for together in comparisons(pairs) for name, there in found_layers(together).items()}
    assert found == {pair.name: pair.differs_in for pair in pairs}
