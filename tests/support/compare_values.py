"""Values that are all different from one another, type by type: what a comparator must never take for equal.

Within a row of `UNLIKE`, every value differs from every other and equals itself, to the last bit. `SAME_VALUE` and
`OTHER_VALUE` are pairs of unlike types.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

NAN, INF = math.nan, math.inf
UTC = dt.UTC


@dataclass(frozen=True)
class Unlike:
    """Values of one Arrow type, no two of them equal."""

    type: pa.DataType
    values: tuple[object, ...]

    @property
    def pairs(self) -> list[tuple[object, object]]:
        """Every value against every other, both ways round."""
        places = range(len(self.values))
        return [(self.values[i], self.values[j]) for i in places for j in places if i != j]


def _integers(bits: int, *, signed: bool = True) -> tuple[object, ...]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return tuple(dict.fromkeys([low, low + 1, 1, 2, high - 1, high, None]))


_DOUBLES = (
    0.0, 5e-324, -5e-324, 1.0, math.nextafter(1, 2), math.nextafter(1, 0), -1.0, 0.1, 0.30000000000000004, 0.3,
    2.0**53, 2.0**53 + 2, 1.7976931348623157e308, -1.7976931348623157e308, INF, -INF, NAN, None,
)  # fmt: skip
_FLOATS = (0.0, 1.401298464324817e-45, 1.0, 1.00000011920929, -1.0, 3.4028234663852886e38, INF, -INF, NAN, None)
_TIMES = (
    dt.datetime(1, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 999_999), dt.datetime(1970, 1, 1),
    dt.datetime(2024, 3, 31, 1), dt.datetime(2024, 3, 31, 2), dt.datetime(2024, 3, 31, 2, 0, 0, 1),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999), None,
)  # fmt: skip
_NUMBERS = pa.struct([("a", pa.int64()), ("b", pa.float64())])

UNLIKE: dict[str, Unlike] = {
    "int8": Unlike(pa.int8(), _integers(8)),
    "int16": Unlike(pa.int16(), _integers(16)),
    "int32": Unlike(pa.int32(), _integers(32)),
    "int64": Unlike(pa.int64(), (*_integers(64), 2**53, 2**53 + 1, 9223372036854775707)),
    "uint64": Unlike(pa.uint64(), _integers(64, signed=False)),
    "float": Unlike(pa.float32(), _FLOATS),
    "double": Unlike(pa.float64(), _DOUBLES),
    "boolean": Unlike(pa.bool_(), (True, False, None)),
    "decimal": Unlike(
        pa.decimal128(38, 20),
        (Decimal(0), Decimal("0.1"), Decimal("0.10000000000000000001"), Decimal("-0.1"), Decimal(f"{'9' * 18}.{'9' * 20}"), None),
    ),
    "narrow decimal": Unlike(pa.decimal128(5, 2), (Decimal("0.01"), Decimal("0.02"), Decimal("999.99"), None)),
    "string": Unlike(
        pa.string(),
        ("", " ", "a", "A", "a ", " a", "null", "NULL", "NaN", "nan", "None", "é", "e\u0301", "ß", "ss", "0", "00", "\0",
         "a\0", "🜚", "x" * 5000, "x" * 4999 + "y", None),
    ),
    "binary": Unlike(pa.binary(), (b"", b"\0", b"\0\0", b"a", b"\xff", b"\\xFF", None)),
    "date": Unlike(pa.date32(), (dt.date(1, 1, 1), dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31), None)),
    "timestamp": Unlike(pa.timestamp("us"), _TIMES),
    "timestamp in UTC": Unlike(pa.timestamp("us", "UTC"), tuple(t and t.replace(tzinfo=UTC) for t in _TIMES)),
    "timestamp in ns": Unlike(pa.timestamp("ns"), (0, 1, -1, 1_700_000_000_000_000_001, 1_700_000_000_000_000_000, None)),
    "time": Unlike(pa.time64("us"), (dt.time(0), dt.time(0, 0, 0, 1), dt.time(23, 59, 59, 999_999), None)),
    "list of doubles": Unlike(
        pa.list_(pa.float64()),
        ([], [None], [NAN], [INF], [-INF], [0.0], [1.0], [1.0, None], [None, 1.0], [1.0, NAN], [1.0, 1.0], [2.0, 1.0],
         [1.0, 2.0], [math.nextafter(1, 2)], None),
    ),
    "list of integers": Unlike(pa.list_(pa.int64()), ([], [None], [0], [2**53], [2**53 + 1], [0, 0], [None, None], None)),
    "list of strings": Unlike(pa.list_(pa.string()), ([], [None], [""], ["NULL"], ["a", "b"], ["a, b"], ["b", "a"], None)),
    "list of lists": Unlike(
        pa.list_(pa.list_(pa.float64())), ([], [None], [[]], [[], []], [[None]], [[NAN]], [[1.0], [2.0]], [[1.0, 2.0]], None)
    ),
    "fixed list": Unlike(pa.list_(pa.float32(), 2), ([1.0, 2.0], [2.0, 1.0], [NAN, 1.0], [None, 1.0], None)),
    "struct": Unlike(
        _NUMBERS,
        ({"a": 1, "b": 1.0}, {"a": None, "b": 1.0}, {"a": 1, "b": None}, {"a": 1, "b": NAN}, {"a": 1, "b": INF},
         {"a": 2, "b": 1.0}, {"a": None, "b": None}, {"a": 1, "b": math.nextafter(1, 2)}, None),
    ),
    "list of structs": Unlike(
        pa.list_(_NUMBERS), ([], [None], [{"a": 1, "b": NAN}], [{"a": 1, "b": None}], [{"a": None, "b": None}], None)
    ),
    "struct of lists": Unlike(
        pa.struct([("v", pa.list_(pa.float64())), ("n", pa.string())]),
        ({"v": [], "n": "x"}, {"v": None, "n": "x"}, {"v": [None], "n": "x"}, {"v": [NAN], "n": "x"}, {"v": [], "n": None}, None),
    ),
    "map": Unlike(
        pa.map_(pa.string(), pa.float64()),
        ([], [("a", None)], [("a", NAN)], [("a", INF)], [("a", 1.0)], [("b", 1.0)], [("a", 1.0), ("b", 2.0)],
         [("a", 2.0), ("b", 1.0)], [("A", 1.0)], [("", 1.0)], None),
    ),
    "map of integers": Unlike(pa.map_(pa.int64(), pa.string()), ([], [(1, "a")], [(2, "a")], [(1, None)], [(1, "")], None)),
    "map of maps": Unlike(
        pa.map_(pa.string(), pa.map_(pa.string(), pa.float64())),
        ([], [("a", [])], [("a", None)], [("a", [("b", 1.0)])], [("a", [("b", NAN)])], [("a", [("c", 1.0)])], None),
    ),
    "list of maps": Unlike(
        pa.list_(pa.map_(pa.string(), pa.int64())), ([], [None], [[]], [[("a", 1)]], [[("a", 2)]], [[("a", None)]], None)
    ),
}  # fmt: skip


ENTRY_ORDERS: list[tuple[pa.DataType, object, object]] = [
    (pa.map_(pa.string(), pa.float64()), [("a", 1.0), ("b", NAN)], [("b", NAN), ("a", 1.0)]),
    (pa.map_(pa.int64(), pa.string()), [(1, "x"), (2, None), (3, "")], [(3, ""), (1, "x"), (2, None)]),
    (pa.map_(pa.string(), pa.list_(pa.int64())), [("a", [1, 2]), ("b", [])], [("b", []), ("a", [1, 2])]),
    (
        pa.map_(pa.string(), pa.map_(pa.string(), pa.int64())),
        [("m", [("a", 1), ("b", 2)])],
        [("m", [("b", 2), ("a", 1)])],
    ),
    (pa.list_(pa.map_(pa.string(), pa.int64())), [[("a", 1), ("b", 2)]], [[("b", 2), ("a", 1)]]),
    (pa.struct([("m", pa.map_(pa.string(), pa.int64()))]), {"m": [("a", 1), ("b", 2)]}, {"m": [("b", 2), ("a", 1)]}),
]
"""One map twice, its entries in another order."""


@dataclass(frozen=True)
class Across:
    """One value in each of two types."""

    left_type: pa.DataType
    left: object
    right_type: pa.DataType
    right: object

    def __str__(self) -> str:
        return f"{self.left_type} {self.left!r} against {self.right_type} {self.right!r}"


SAME_VALUE = [
    Across(pa.int64(), 3, pa.int32(), 3),
    Across(pa.int64(), 3, pa.float64(), 3.0),
    Across(pa.int64(), 2**53, pa.float64(), 2.0**53),
    Across(pa.int64(), 3, pa.decimal128(10, 2), Decimal("3.00")),
    Across(pa.int64(), 1, pa.bool_(), True),
    Across(pa.int64(), 3, pa.string(), "3"),
    Across(pa.uint64(), 2**64 - 1, pa.decimal128(38, 0), Decimal(2**64 - 1)),
    Across(pa.float32(), 0.5, pa.float64(), 0.5),
    Across(pa.float32(), NAN, pa.float64(), NAN),
    Across(pa.decimal128(10, 2), Decimal("0.10"), pa.decimal128(12, 3), Decimal("0.100")),
    Across(pa.decimal128(38, 0), Decimal(7), pa.decimal128(38, 30), Decimal(7)),
    Across(pa.timestamp("us"), dt.datetime(2024, 1, 1), pa.timestamp("ns"), dt.datetime(2024, 1, 1)),
    Across(pa.timestamp("us"), dt.datetime(2024, 1, 1), pa.timestamp("us", "UTC"), dt.datetime(2024, 1, 1, tzinfo=UTC)),
    Across(pa.date32(), dt.date(2024, 1, 1), pa.timestamp("us"), dt.datetime(2024, 1, 1)),
    Across(pa.string(), "abc", pa.binary(), b"abc"),
    Across(pa.list_(pa.int64()), [1, None], pa.list_(pa.float64()), [1.0, None]),
    Across(pa.list_(pa.float64()), [1.0, NAN], pa.list_(pa.float64(), 2), [1.0, NAN]),
    Across(pa.struct([("a", pa.int64())]), {"a": 1}, pa.struct([("a", pa.int32())]), {"a": 1}),
    Across(_NUMBERS, {"a": 1, "b": NAN}, pa.struct([("b", pa.float64()), ("a", pa.int64())]), {"b": NAN, "a": 1}),
    Across(
        pa.map_(pa.string(), pa.int64()), [("b", 1), ("a", 2)], pa.map_(pa.string(), pa.int32()), [("a", 2), ("b", 1)]
    ),
    Across(pa.null(), None, pa.int64(), None),
    Across(pa.string(), None, pa.list_(pa.int64()), None),
]
"""One value, two types: a difference of representation and of nothing else."""

OTHER_VALUE = [
    Across(pa.int64(), 2**53 + 1, pa.float64(), 2.0**53),
    Across(pa.int64(), 3, pa.float64(), 3.0000000000000004),
    Across(pa.int64(), 2**63 - 1, pa.float64(), 2.0**63),
    Across(pa.int64(), 1, pa.float64(), NAN),
    Across(pa.int64(), 1, pa.float64(), INF),
    Across(pa.int64(), None, pa.float64(), NAN),
    Across(pa.int64(), 2, pa.bool_(), True),
    Across(pa.int64(), 3, pa.string(), "3.0"),
    Across(pa.int64(), 3, pa.string(), " 3"),
    Across(pa.float64(), 1.0, pa.bool_(), None),
    Across(pa.float32(), 0.1, pa.float64(), 0.2),
    Across(pa.decimal128(10, 2), Decimal("0.15"), pa.decimal128(10, 1), Decimal("0.2")),
    Across(pa.decimal128(38, 0), Decimal(10**37), pa.decimal128(38, 30), Decimal(1)),
    Across(
        pa.timestamp("us"), dt.datetime(2024, 1, 1), pa.timestamp("us", "UTC"), dt.datetime(2024, 1, 1, 1, tzinfo=UTC)
    ),
    Across(pa.timestamp("us"), dt.datetime(2024, 1, 1), pa.timestamp("ns"), 1_704_067_200_000_000_001),
    Across(pa.date32(), dt.date(2024, 1, 1), pa.timestamp("us"), dt.datetime(2024, 1, 1, 0, 0, 1)),
    Across(pa.string(), "é", pa.binary(), b"\xe9"),
    Across(pa.string(), "NULL", pa.int64(), None),
    Across(pa.list_(pa.int64()), [2**53 + 1], pa.list_(pa.float64()), [2.0**53]),
    Across(pa.list_(pa.int64()), [None], pa.list_(pa.float64()), [NAN]),
    Across(pa.list_(pa.int64()), [1], pa.int64(), 1),
    Across(pa.struct([("a", pa.int64())]), {"a": 1}, pa.struct([("b", pa.int64())]), {"b": 1}),
    Across(pa.map_(pa.string(), pa.int64()), [("a", 1)], pa.struct([("a", pa.int64())]), {"a": 1}),
]
"""Other values in other types: both layers differ."""
