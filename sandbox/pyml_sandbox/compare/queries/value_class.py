"""SQL that says how two values of one column relate. Pure: types and tolerance in, text out.

Every pair of values falls into one class. In a nested value the class is that of its worst part, so the classes are
numbered by severity:

    SAME < SIGNED_ZERO < WITHIN < DIFFERS < INFINITY < NAN < NULL

Three facts about DuckDB carry this module. NaN equals NaN and only NaN. `IS NOT DISTINCT FROM` looks into lists and
structs with the same rules, so null and NaN stay apart inside. Maps compare by the order of their entries, which
neither Spark nor Arrow promises to keep: they are compared as entries sorted by key.
"""

from __future__ import annotations

from collections.abc import Callable

from pyml_sandbox.compare.sql_text import double, text
from pyml_sandbox.compare.tables.column_type import ColumnType
from pyml_sandbox.compare.tolerance import Tolerance, Tolerances

SAME, SIGNED_ZERO, WITHIN, DIFFERS, INFINITY, NAN, NULL = range(7)

MAX_BIGINT = 0x7FFF_FFFF_FFFF_FFFF


def value_class(left: str, right: str, types: tuple[ColumnType, ColumnType], column: str, allowed: Tolerances) -> str:
    """An expression that gives the class of the values `left` and `right`.

    Args:
        left: SQL expression of the left value.
        right: SQL expression of the right value.
        types: the types of both.
        column: the column's name, by which its tolerance is found.
        allowed: the tolerances of the comparison.
    """
    return _Writer(column, allowed).value_class(left, right, types, 0)


def possible_classes(types: tuple[ColumnType, ColumnType]) -> frozenset[int]:
    """The classes that values of these types can fall into at all, so that no other is counted."""
    if not any(type_.has("float") or type_.has("double") for type_ in types):
        return frozenset({SAME, DIFFERS, NULL})
    return frozenset({SAME, SIGNED_ZERO, WITHIN, DIFFERS, INFINITY, NAN, NULL})


def distance(left: str, right: str, types: tuple[ColumnType, ColumnType]) -> str | None:
    """An expression for the distance of two values as DOUBLE, or None for types that have none.

    It is the largest over all parts of a nested value; null if either side is null, NaN or infinite.

    Args:
        left: SQL expression of the left value.
        right: SQL expression of the right value.
        types: the types of both.
    """
    return _fold(left, right, types, _scalar_distance, 0)


def ulps(left: str, right: str, types: tuple[ColumnType, ColumnType]) -> str | None:
    """An expression for the distance in units in the last place as UBIGINT, or None for types without floats.

    Args:
        left: SQL expression of the left value.
        right: SQL expression of the right value.
        types: the types of both.
    """
    return _fold(left, right, types, _scalar_ulps, 0)


def may_exceed(left: str, right: str, types: tuple[ColumnType, ColumnType], most: int) -> str:
    """A cheap condition that holds wherever two values are more than so many ulps apart, and seldom elsewhere.

    A float of 2^e * (1 + m) is e + m binades above a power of two, and its logarithm to the base 2 is e + log2(1 + m),
    which is more by at most 0.0861. So floats of one sign whose quotient is below 2^(n - 0.0861) are fewer than n
    binades of ulps apart; subnormal floats are fewer still. It always holds for nested values, and for a few ulps.

    Args:
        left: SQL expression of the left value.
        right: SQL expression of the right value.
        types: the types of both.
        most: number of ulps.
    """
    binade = 2**23 if _both(types, "float") else 2**52
    binades = most / binade - 0.0862
    if not _both(types, "float", "double") or not 0 < binades < 1000:
        return "true"
    quotient = 2.0**binades
    return f"({left}::DOUBLE / {right}::DOUBLE BETWEEN {double(1 / quotient)} AND {double(quotient)}) IS NOT TRUE"


def column_tolerance(types: tuple[ColumnType, ColumnType], column: str, allowed: Tolerances) -> Tolerance | None:
    """The tolerance of a column as a whole; None if it has no part that is a float on both sides.

    The parts of a nested column with FLOAT and DOUBLE are compared one by one; this gives the wider allowance.

    Args:
        types: the types on both sides.
        column: name of the column.
        allowed: the tolerances.
    """
    if ulps("l", "r", types) is None:
        return None
    return allowed.of(column, is_double=not any(type_.has("float") for type_ in types))


class _Writer:
    """Writes the class of one column's values, part by part."""

    def __init__(self, column: str, allowed: Tolerances) -> None:
        self._column = column
        self._allowed = allowed

    def value_class(self, left: str, right: str, types: tuple[ColumnType, ColumnType], depth: int) -> str:
        """Cases: float, list, map, struct, the same exact type, two unlike types."""
        if _both(types, "float", "double"):
            return self._float(left, right, types)
        if _both(types, "list"):
            return _cases(left, right, types, self._list(left, right, _parts(types, "child"), depth))
        if _both(types, "map"):
            return _cases(left, right, types, self._map(left, right, types, depth))
        if _both(types, "struct") and _field_names(types[0]) == _field_names(types[1]):
            return _cases(left, right, types, self._struct(left, right, types, depth))
        if types[0] == types[1]:
            return _cases(left, right, types, f"ELSE {DIFFERS}")
        return _cases(left, right, types, _unlike(left, right, types))

    def _float(self, left: str, right: str, types: tuple[ColumnType, ColumnType]) -> str:
        return (
            f"CASE WHEN {left} IS NOT DISTINCT FROM {right} "
            f"THEN CASE WHEN {left} = 0 AND signbit({left}) <> signbit({right}) THEN {SIGNED_ZERO} ELSE {SAME} END "
            f"WHEN {left} IS NULL OR {right} IS NULL THEN {NULL} "
            f"WHEN isnan({left}) OR isnan({right}) THEN {NAN} "
            f"WHEN isinf({left}) OR isinf({right}) THEN {INFINITY} "
            f"WHEN {self._is_within(left, right, types)} THEN {WITHIN} ELSE {DIFFERS} END"
        )

    def _is_within(self, left: str, right: str, types: tuple[ColumnType, ColumnType]) -> str:
        tolerance = self._allowed.of(self._column, is_double=types[0].kind == types[1].kind == "double")
        scale = f"greatest(abs({left}::DOUBLE), abs({right}::DOUBLE))"
        bound = f"greatest({double(tolerance.atol)}, {double(tolerance.rtol)} * {scale})"
        is_near = f"abs({left}::DOUBLE - {right}::DOUBLE) <= {bound}"
        if not tolerance.max_ulps:
            return is_near
        return f"({is_near} OR {_float_ulps(left, right, types)} <= {tolerance.max_ulps})"

    def _list(self, left: str, right: str, items: tuple[ColumnType, ColumnType], depth: int) -> str:
        pair = f"p{depth}"
        item = self.value_class(f"{pair}[1]", f"{pair}[2]", items, depth + 1)
        worst = f"list_max([{item} FOR {pair} IN list_zip({left}, {right})])"
        return f"WHEN len({left}) <> len({right}) THEN {DIFFERS} ELSE coalesce({worst}, {SAME})"

    def _map(self, left: str, right: str, types: tuple[ColumnType, ColumnType], depth: int) -> str:
        """Keys exactly, so that a key within tolerance is a different key; values by the rules of their type.

        Where the keys differ the values say nothing.
        """
        pair = f"p{depth}"
        keys = (types[0].child("key"), types[1].child("key"))
        key = self.value_class(f"{pair}[1].key", f"{pair}[2].key", keys, depth + 1)
        value = self.value_class(f"{pair}[1].value", f"{pair}[2].value", _parts(types, "value"), depth + 1)
        pairs = f"list_zip({_entries(left)}, {_entries(right)})"
        key_classes, classes = (f"list_max([{each} FOR {pair} IN {pairs}])" for each in (key, value))
        differ = f"cardinality({left}) <> cardinality({right}) OR {key_classes} > {SIGNED_ZERO}"
        return f"WHEN {differ} THEN {DIFFERS} ELSE coalesce({classes}, {SAME})"

    def _struct(self, left: str, right: str, types: tuple[ColumnType, ColumnType], depth: int) -> str:
        """Fields by name, whatever their order."""
        fields = [
            self.value_class(_field(left, name), _field(right, name), _parts(types, name), depth)
            for name, _ in types[0].children
        ]
        return f"ELSE greatest({', '.join(fields)})"


def _cases(left: str, right: str, types: tuple[ColumnType, ColumnType], rest: str) -> str:
    """The cases that all but floats share: the same, null on one side, and the rest."""
    both_null = f"WHEN {left} IS NULL AND {right} IS NULL THEN {SAME}"
    if types[0] != types[1]:
        is_same = both_null
    elif types[0].children:
        is_same = f"WHEN {left} IS NOT DISTINCT FROM {right} THEN {SAME}"
    else:  # takes two thirds of the time
        is_same = f"WHEN {left} = {right} THEN {SAME} {both_null}"
    return f"CASE {is_same} WHEN {left} IS NULL OR {right} IS NULL THEN {NULL} {rest} END"


def _unlike(left: str, right: str, types: tuple[ColumnType, ColumnType]) -> str:
    """Two types, one value: it survives the way into the other type, and that one the way back.

    Both ways, since one alone loses: BIGINT 2^53 + 1 becomes DOUBLE 2^53, and DOUBLE 3.4 becomes BIGINT 3.
    """
    not_finite = [
        f"WHEN {test}({value}) THEN {found}"
        for value, type_ in ((left, types[0]), (right, types[1]))
        if type_.is_float
        for test, found in (("isnan", NAN), ("isinf", INFINITY))
    ]
    if any(type_.kind in ("null", "list", "map", "struct") for type_ in types):
        return " ".join([*not_finite, f"ELSE {DIFFERS}"])
    there = f"TRY_CAST({left} AS {types[1].sql}) = {right}"
    back = f"TRY_CAST({right} AS {types[0].sql}) = {left}"
    return " ".join([*not_finite, f"WHEN {there} AND {back} THEN {SAME} ELSE {DIFFERS}"])


def _fold(
    left: str,
    right: str,
    types: tuple[ColumnType, ColumnType],
    scalar: Callable[[str, str, tuple[ColumnType, ColumnType]], str | None],
    depth: int,
) -> str | None:
    """The largest of `scalar` over all parts of a value; None where no part has one."""
    pair = f"p{depth}"
    if _both(types, "list"):
        item = _fold(f"{pair}[1]", f"{pair}[2]", _parts(types, "child"), scalar, depth + 1)
        if item is None:
            return None
        worst = f"list_max([{item} FOR {pair} IN list_zip({left}, {right})])"
        return f"CASE WHEN len({left}) = len({right}) THEN {worst} END"
    if _both(types, "map"):
        value = _fold(f"{pair}[1].value", f"{pair}[2].value", _parts(types, "value"), scalar, depth + 1)
        if value is None:
            return None
        matched = f"CASE WHEN {pair}[1].key = {pair}[2].key THEN {value} END"
        return f"list_max([{matched} FOR {pair} IN list_zip({_entries(left)}, {_entries(right)})])"
    if _both(types, "struct") and _field_names(types[0]) == _field_names(types[1]):
        fields = [
            _fold(_field(left, name), _field(right, name), _parts(types, name), scalar, depth)
            for name, _ in types[0].children
        ]
        found = [field for field in fields if field is not None]
        return f"greatest({', '.join(found)})" if found else None
    return scalar(left, right, types)


def _scalar_distance(left: str, right: str, types: tuple[ColumnType, ColumnType]) -> str | None:
    """Floats, integers of any width, and decimals that leave a digit for the subtraction."""
    if _both(types, "float", "double"):
        return f"CASE WHEN {_are_finite(left, right)} THEN abs({left}::DOUBLE - {right}::DOUBLE) END"
    if all(type_.is_integer for type_ in types):
        return f"abs({left}::HUGEINT - {right}::HUGEINT)::DOUBLE"
    if types[0] == types[1] and types[0].kind == "decimal" and types[0].precision < 38:
        return f"abs({left} - {right})::DOUBLE"
    return None


def _scalar_ulps(left: str, right: str, types: tuple[ColumnType, ColumnType]) -> str | None:
    if not _both(types, "float", "double"):
        return None
    return f"CASE WHEN {_are_finite(left, right)} THEN {_float_ulps(left, right, types)} END"


def _float_ulps(left: str, right: str, types: tuple[ColumnType, ColumnType]) -> str:
    """How many steps from one finite float to the other, in the wider of the two widths.

    The bit pattern of an IEEE 754 number, read as an integer without its sign bit, counts the steps from zero. With
    the same sign the steps are subtracted, else added: the sum of two magnitudes fits UBIGINT, and -0.0 is 0 steps
    from 0.0.
    """
    width, bits = ("FLOAT", "INTEGER") if types[0].kind == types[1].kind == "float" else ("DOUBLE", "BIGINT")
    a, b = (f"({value}::{width}::BIT::{bits}::BIGINT)" for value in (left, right))
    mask = MAX_BIGINT if bits == "BIGINT" else 0x7FFF_FFFF
    return (
        f"CASE WHEN signbit({left}) = signbit({right}) THEN abs({a} - {b})::UBIGINT "
        f"ELSE ({a} & {mask})::UBIGINT + ({b} & {mask})::UBIGINT END"
    )


def _are_finite(left: str, right: str) -> str:
    return f"isfinite({left}) AND isfinite({right})"


def _both(types: tuple[ColumnType, ColumnType], *kinds: str) -> bool:
    return all(type_.kind in kinds for type_ in types)


def _parts(types: tuple[ColumnType, ColumnType], name: str) -> tuple[ColumnType, ColumnType]:
    return types[0].child(name), types[1].child(name)


def _field_names(type_: ColumnType) -> set[str]:
    return {name for name, _ in type_.children}


def _field(value: str, name: str) -> str:
    return f"struct_extract({value}, {text(name)})"


def _entries(value: str) -> str:
    return f"list_sort(map_entries({value}))"
