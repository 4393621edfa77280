"""Pairs of small tables, each with the one right answer: equal, or different and in which layers.

No pair is written out. They are made from tables that can be checked by eye: the values of `compare_values`, and the
tables of letters below. `all_pairs` gives every one; the comparator is tested on them, and
`tests/benchmarks/comparators.py` gives the same ones to other comparators.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from support.compare_values import ENTRY_ORDERS, INF, NAN, OTHER_VALUE, SAME_VALUE, UNLIKE, UTC, Across


class Layer(enum.Enum):
    """Where two tables differ."""

    KEYS = "keys"
    SCHEMA = "schema"
    TYPE = "type"
    VALUE = "value"


EQUAL: frozenset[Layer] = frozenset()


@dataclass(frozen=True)
class Pair:
    """Two tables and the right answer.

    Attributes:
        group: which of the tables it was made from.
        name: what differs, or does not; unique within its group.
        left, right: the two sides.
        differs_in: the layers that differ; none where the tables are equal.
        key: the columns that name a row.
        has_same_rows: both sides hold the same rows, so that only an audit of the keys has something to object to.
    """

    group: str
    name: str
    left: pa.Table
    right: pa.Table
    differs_in: frozenset[Layer]
    key: tuple[str, ...] = ("id",)
    has_same_rows: bool = False


def all_pairs() -> list[Pair]:
    """Every pair, group by group, always in the same order."""
    groups = (
        same_values, next_values, nested_floats, nested_near_misses, entry_orders, row_orders, same_value_other_type,
        other_value_other_type, keys, schemas,
    )  # fmt: skip
    return [pair for group in groups for pair in group()]


def same_values() -> Iterator[Pair]:
    """Each value against itself."""
    for kind, unlike in UNLIKE.items():
        for value in unlike.values:
            yield _values("a value and itself", f"{kind} {_shown(value)}", unlike.type, [value], [value], EQUAL)


def next_values() -> Iterator[Pair]:
    """Each value against the next one of its type: neighbours in the table are near misses."""
    for kind, unlike in UNLIKE.items():
        for left, right in zip(unlike.values, [*unlike.values[1:], unlike.values[0]], strict=True):
            name = f"{kind} {_shown(left)} | {_shown(right)}"
            yield _values("a value and the next", name, unlike.type, [left], [right], _only(Layer.VALUE))


@dataclass(frozen=True)
class Nesting:
    """A way to put a value inside another."""

    type: Callable[[pa.DataType], pa.DataType]
    value: Callable[[object], object]


NESTINGS = {
    "bare": Nesting(lambda t: t, lambda v: v),
    "in a list": Nesting(pa.list_, lambda v: [v]),
    "in a list of lists": Nesting(lambda t: pa.list_(pa.list_(t)), lambda v: [[v]]),
    "in a struct": Nesting(lambda t: pa.struct([("x", t)]), lambda v: {"x": v}),
    "in a struct in a list": Nesting(lambda t: pa.list_(pa.struct([("x", t)])), lambda v: [{"x": v}]),
    "in a list in a struct": Nesting(lambda t: pa.struct([("x", pa.list_(t))]), lambda v: {"x": [v]}),
    "in a map": Nesting(lambda t: pa.map_(pa.string(), t), lambda v: [("k", v)]),
    "in a list in a map": Nesting(lambda t: pa.map_(pa.string(), pa.list_(t)), lambda v: [("k", [v])]),
}
SPECIAL_FLOATS = (None, NAN, INF, -INF, 0.0, 1.0, 1.7976931348623157e308)
NEAR_MISSES: dict[str, tuple[pa.DataType, object, object]] = {
    "int64": (pa.int64(), 2**53, 2**53 + 1),
    "int8": (pa.int8(), 127, -128),
    "boolean": (pa.bool_(), True, False),
    "double": (pa.float64(), 1.0, math.nextafter(1, 2)),
    "float": (pa.float32(), 1.0, 1.00000011920929),
    "decimal": (pa.decimal128(38, 20), Decimal("0.1"), Decimal("0.10000000000000000001")),
    "string": (pa.string(), "a", "a "),
    "binary": (pa.binary(), b"\0", b"\0\0"),
    "date": (pa.date32(), dt.date(2024, 2, 28), dt.date(2024, 2, 29)),
    "timestamp": (pa.timestamp("us"), dt.datetime(2024, 3, 31, 2), dt.datetime(2024, 3, 31, 2, 0, 0, 1)),
    "timestamp in UTC": (
        pa.timestamp("us", "UTC"), dt.datetime(2024, 3, 31, 1, tzinfo=UTC), dt.datetime(2024, 3, 31, 2, tzinfo=UTC)
    ),
}  # fmt: skip


def nested_floats() -> Iterator[Pair]:
    """Null, NaN, the infinities and three numbers, every two of them, in every nesting."""
    for where, nesting in NESTINGS.items():
        kind = nesting.type(pa.float64())
        for i, left in enumerate(SPECIAL_FLOATS):
            for right in SPECIAL_FLOATS[i:]:
                answer = EQUAL if left is right else _only(Layer.VALUE)
                sides = [nesting.value(left)], [nesting.value(right)]
                yield _values("null, NaN, infinity", f"{left} | {right} {where}", kind, *sides, answer)


def nested_near_misses() -> Iterator[Pair]:
    """Two values of each type that are nearly the same, in every nesting."""
    for where, nesting in NESTINGS.items():
        for name, (kind, left, right) in NEAR_MISSES.items():
            for other, answer in ((left, EQUAL), (right, _only(Layer.VALUE))):
                sides = [nesting.value(left)], [nesting.value(other)]
                shown = f"{name} {_shown(left)} | {_shown(other)} {where}"
                yield _values("near misses, nested", shown, nesting.type(kind), *sides, answer)


def entry_orders() -> Iterator[Pair]:
    """Maps whose entries come in another order."""
    for kind, left, right in ENTRY_ORDERS:
        yield _values("entries in another order", _shown(left), kind, [left], [right], EQUAL)


def row_orders() -> Iterator[Pair]:
    """All values of a type in one column: with the rows in another order, and with two predictions swapped."""
    for kind, unlike in UNLIKE.items():
        values = [*unlike.values]
        table = _table(unlike.type, values)
        backwards = table.take([*range(len(values))][::-1])
        yield Pair("row order", f"{kind}, rows backwards", table, backwards, EQUAL)
        swapped = _table(unlike.type, [values[1], values[0], *values[2:]])
        yield Pair("row order", f"{kind}, two values swapped", table, swapped, _only(Layer.VALUE))


def same_value_other_type() -> Iterator[Pair]:
    """One value in two types, both ways round."""
    for across in SAME_VALUE:
        yield from _across("the same value in another type", across, _only(Layer.TYPE))


def other_value_other_type() -> Iterator[Pair]:
    """Two values in two types, both ways round."""
    for across in OTHER_VALUE:
        yield from _across("another value in another type", across, frozenset({Layer.TYPE, Layer.VALUE}))


Letters = dict[str, tuple[object, ...]]
"""The values of the key columns that a letter stands for."""


def _instant(microsecond: int) -> tuple[object, ...]:
    return (dt.datetime(2024, 3, 31, 1, 0, 0, microsecond, tzinfo=UTC),)


KEY_TYPES: dict[str, tuple[Sequence[pa.DataType], Letters]] = {
    "int64": ([pa.int64()], {"a": (2**53,), "b": (2**53 + 1,), "c": (-(2**63),), "d": (2**63 - 1,)}),
    "string": ([pa.string()], {"a": ("a",), "b": ("a ",), "c": ("",), "d": ("A",)}),
    "date": (
        [pa.date32()],
        {"a": (dt.date(2024, 2, 28),), "b": (dt.date(2024, 2, 29),), "c": (dt.date(1, 1, 1),), "d": (dt.date(9999, 12, 31),)},
    ),
    "timestamp": ([pa.timestamp("us", "UTC")], {"a": _instant(0), "b": _instant(1), "c": _instant(2), "d": _instant(3)}),
    "decimal": (
        [pa.decimal128(38, 20)],
        {letter: (Decimal(f"0.1000000000000000000{digit}"),) for digit, letter in enumerate("abcd")},
    ),
    "two columns": ([pa.string(), pa.int64()], {"a": ("mo", 1), "b": ("mo", 2), "c": ("tu", 1), "d": ("tu", 2)}),
}  # fmt: skip
KEY_CASES = [
    # left, right: one letter for the key of each row, - for null; the last word is the layer that differs
    ("abc", "abc", "equal"),
    ("abc", "cab", "equal"),
    ("", "", "equal"),
    ("abc", "ab", "keys"),
    ("ab", "abc", "keys"),
    ("abc", "abd", "keys"),
    ("abc", "", "keys"),
    ("", "abc", "keys"),
    ("aabc", "abc", "keys"),
    ("abc", "abcc", "keys"),
    ("aab", "abb", "keys"),
    ("aab", "aab", "keys"),
    ("aab", "baa", "keys"),
    ("ab-", "abc", "keys"),
    ("abc", "ab-", "keys"),
    ("ab-", "ab", "keys"),
    ("ab-", "ab-", "keys"),
    ("a--", "-a-", "keys"),
]


def keys() -> Iterator[Pair]:
    """Keys that are missing, extra, repeated or null, on either side and on both."""
    for kind, (types, letters) in KEY_TYPES.items():
        names = tuple(f"k{i}" for i in range(len(types)))
        for left, right, answer in KEY_CASES:
            sides = [_keyed(names, types, letters, rows) for rows in (left, right)]
            layers = EQUAL if answer == "equal" else _only(Layer(answer))
            same = bool(layers) and sorted(left) == sorted(right)
            yield Pair("keys", f"{kind} [{left}] | [{right}]", sides[0], sides[1], layers, names, same)


COLUMN_CASES = [
    # left, right: one letter for the name of each column; every column of a letter holds the same values
    ("", "", "equal"),
    ("pq", "pq", "equal"),
    ("pq", "qp", "equal"),
    ("pP", "pP", "equal"),
    ("pP", "Pp", "equal"),
    ("pq", "p", "schema"),
    ("p", "pq", "schema"),
    ("pq", "pr", "schema"),
    ("p", "P", "schema"),
    ("", "p", "schema"),
    ("p", "", "schema"),
]
COLUMN_VALUES: dict[str, tuple[pa.DataType, list[object]]] = {
    "int64": (pa.int64(), [1, 2]),
    "double": (pa.float64(), [1.0, NAN]),
    "string": (pa.string(), ["a", ""]),
    "list": (pa.list_(pa.float64()), [[1.0], []]),
}


def schemas() -> Iterator[Pair]:
    """Columns that are missing, extra, renamed or in another order, with rows and without."""
    for name, (kind, values) in COLUMN_VALUES.items():
        for rows in (2, 0):
            for left, right, answer in COLUMN_CASES:
                sides = [_with_columns(kind, values[:rows], letters) for letters in (left, right)]
                layers = EQUAL if answer == "equal" else _only(Layer(answer))
                yield Pair("columns", f"{name}, {rows} rows [{left}] | [{right}]", sides[0], sides[1], layers)


def _keyed(names: Sequence[str], types: Sequence[pa.DataType], letters: Letters, rows: str) -> pa.Table:
    """Rows by the letters of their keys; each row's value is its letter. A null key has null in its last column."""
    null_key = (*letters["a"][:-1], None)
    found = [letters.get(letter, null_key) for letter in rows]
    columns = [pa.array([key[i] for key in found], kind) for i, kind in enumerate(types)]
    return pa.table([*columns, pa.array(rows, pa.string())], [*names, "value"])


def _with_columns(kind: pa.DataType, values: list[object], letters: str) -> pa.Table:
    ids = pa.array(range(len(values)), pa.int64())
    return pa.table([ids, *(pa.array(values, kind) for _ in letters)], ["id", *letters])


def _across(group: str, across: Across, layers: frozenset[Layer]) -> Iterator[Pair]:
    left, right = _table(across.left_type, [across.left]), _table(across.right_type, [across.right])
    yield Pair(group, str(across), left, right, layers)
    yield Pair(group, f"{across}, swapped", right, left, layers)


def _values(
    group: str, name: str, kind: pa.DataType, left: list[object], right: list[object], layers: frozenset[Layer]
) -> Pair:
    return Pair(group, name, _table(kind, left), _table(kind, right), layers)


def _table(kind: pa.DataType, values: Sequence[object]) -> pa.Table:
    return pa.table({"id": pa.array(range(len(values)), pa.int64()), "value": pa.array(values, kind)})


def _only(layer: Layer) -> frozenset[Layer]:
    return frozenset({layer})


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, dt.date | dt.time) else repr(value)
    return text if len(text) <= 60 else f"{text[:28]}…{text[-28:]}"
