"""Makes synthetic rows: rows that a model may get but its fixture lacks, each with one value changed.

Inputs, not comparisons, are the hard part of a parity check: a model that fills nulls from the batch differs only on a
row with a null, and a model that rounds to float32 only near a threshold. Each synthetic row is a row of the fixture
with one column changed, so that this column is the reason for any change of the output.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

from pyml.types.field import Field
from pyml.types.schema import Schema
from pyml_sandbox.parity.rows.row_kind import FEW, Kind

if TYPE_CHECKING:
    import pyarrow as pa

Cell: TypeAlias = object
"""A value of a row in Python: None, bool, int, float, Decimal, str, bytes, date, datetime, a list or a dict."""

MAX_INPUT_ROWS = 240

DST_INSTANTS = (
    datetime(2024, 3, 10, 7, 30, tzinfo=UTC),  # New York springs forward
    datetime(2024, 11, 3, 5, 30, tzinfo=UTC),  # and falls back
    datetime(2024, 3, 31, 0, 30, tzinfo=UTC),  # so does Berlin
)


@dataclass(frozen=True)
class InputRow:
    """One input row.

    Attributes:
        values: the value of every input column, as Python objects.
        base: number of the row of the fixture that it was made from.
        column: the changed column; empty for a row of the fixture.
        kind: of the new value.
    """

    values: dict[str, Cell]
    base: int
    column: str = ""
    kind: Kind = Kind.FIXTURE

    def with_value(self, column: str, value: Cell, kind: Kind) -> InputRow:
        """The same row with a different value in one column.

        Args:
            column: name of the column.
            value: the new value, as a Python object.
            kind: of the new value.
        """
        return InputRow({**self.values, column: value}, self.base, column, kind)


def fixture_rows(rows: pa.RecordBatch) -> list[InputRow]:
    """The rows of a fixture as input rows, from a batch of shape (rows, inputs)."""
    found = enumerate(rows.to_pylist(maps_as_pydicts="strict"))
    return [InputRow({name: _in_utc(value) for name, value in values.items()}, number) for number, values in found]


def _in_utc(value: Cell) -> Cell:
    """An instant in UTC; Arrow gives instants in a zone of the tz database."""
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else value


def synthetic_rows(bases: Sequence[InputRow], schema: Schema, limit: int = MAX_INPUT_ROWS) -> list[InputRow]:
    """Make rows that differ from ordinary rows in one value.

    Args:
        bases: ordinary rows, the simplest first: the first is varied in every way, the others provide values.
        schema: the model's declared inputs; a NOT NULL column never gets a null, a tensor keeps its shape.
        limit: most rows to make.
    """
    plain = bases[0]
    by_column = [
        [
            plain.with_value(field.name, value, kind)
            for kind, value in _distinct(
                _candidates(field, [base.values[field.name] for base in bases]), plain, field.name
            )
        ]
        for field in schema.fields
    ]
    if sum(map(len, by_column)) > limit:
        by_column = [[input_row for input_row in found if input_row.kind in FEW] for found in by_column]
    in_turns = zip_longest(*by_column)  # with a limit every column gets its share
    return [input_row for turn in in_turns for input_row in turn if input_row is not None][:limit]


def varied_columns(input_rows: Iterable[InputRow]) -> tuple[str, ...]:
    """The changed columns of rows; empty if a row of the fixture is among them."""
    columns = dict.fromkeys(input_row.column for input_row in input_rows)
    return () if "" in columns else tuple(columns)


def kinds_of(found: Sequence[InputRow], others: Sequence[InputRow]) -> set[Kind]:
    """The kinds of rows; only "null", "zero" or "empty" if all of these rows, and no others, have such a value.

    Args:
        found: rows that show a difference.
        others: rows that do not.
    """
    for name in found[0].values:
        for kind in (Kind.NULL, Kind.EMPTY, Kind.ZERO):
            if all(kind_of(row.values[name]) == kind for row in found) and not any(
                kind_of(row.values[name]) == kind for row in others
            ):
                return {kind}
    return {row.kind for row in found}


def batch_of(input_rows: Sequence[InputRow], schema: Schema) -> pa.RecordBatch:
    """Input rows as an Arrow batch of shape (rows, inputs), in the declared types."""
    import pyarrow as pa

    columns = [
        pa.array([input_row.values[field.name] for input_row in input_rows], field.arrow.type)
        for field in schema.fields
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def _distinct(candidates: Iterator[tuple[Kind, Any]], plain: InputRow, column: str) -> Iterator[tuple[Kind, Any]]:
    seen = {repr(plain.values[column])}
    for kind, value in candidates:
        if repr(value) not in seen:
            seen.add(repr(value))
            yield kind, value


def _candidates(field: Field, values: Sequence[Any]) -> Iterator[tuple[Kind, Any]]:
    """Values for a column: those of other rows, null, and the limits of its type."""
    others = [value for value in values[1:] if value is not None]
    yield from ((kind_of(value), value) for value in others[:4])
    if field.tensor is not None:
        yield from _tensor_candidates(field, values[0])
        return
    if field.nullable:
        yield Kind.NULL, None
    first = next((value for value in values if value is not None), None)
    yield from _BY_TYPE[field.base_type](field, first)


def kind_of(value: object) -> Kind:
    """The kind of a value: models may treat zero, an empty string and null as missing values."""
    if value is None:
        return Kind.NULL
    if isinstance(value, float) and math.isnan(value):
        return Kind.NAN
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value == 0:
        return Kind.ZERO
    if isinstance(value, list | dict) and _has_null(value):
        return Kind.INNER_NULL
    return Kind.EMPTY if value in ("", b"", [], {}) else Kind.OTHER


def _has_null(value: object) -> bool:
    """Whether a value is null, or a list, a map or a struct with a null in it."""
    if isinstance(value, dict):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list | tuple) else value is None


def is_finite(value: Cell) -> bool:
    """Whether a value can be ordered and is finite; None and NaN have no order."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _integers(field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    bits = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}[field.ddl_type]
    yield Kind.ZERO, 0
    yield from ((Kind.SMALL, value) for value in (1, -1, 2))
    yield from ((Kind.NEAR, first + step) for step in (1, -1) if first is not None and abs(first) < 2 ** (bits - 1) - 1)
    yield from ((Kind.END, value) for value in (2 ** (bits - 1) - 1, -(2 ** (bits - 1))))
    if bits == 64:
        yield from ((Kind.BIG, value) for value in (2**53 + 1, 2**53, 2**53 - 1, 9223372036854775707))


def _floats(field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    yield from ((Kind.ZERO, value) for value in (0.0, -0.0))
    yield Kind.NAN, math.nan
    yield from ((Kind.SMALL, value) for value in (1.0, -1.0, 0.5))
    yield from ((Kind.INFINITE, value) for value in (math.inf, -math.inf))
    if field.ddl_type == "DOUBLE":
        yield from ((Kind.SINGLE, value) for value in (0.1, 0.7, *((first * (1 + 2**-25),) if first else ())))
        yield Kind.ULP, math.nextafter(first or 0.1, math.inf)


def _decimals(field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    precision, scale = (int(part) for part in field.ddl_type[8:-1].split(","))
    yield Kind.ZERO, _decimal("0", scale)
    yield Kind.SMALL, _decimal("1", scale)
    yield Kind.END, _decimal("9" * precision, scale)
    if precision > scale:
        yield Kind.SMALL, _decimal("-1" + "0" * scale, scale)
    if 0 < scale < precision:
        yield Kind.TENTH, _decimal("1" + "0" * (scale - 1), scale)


def _decimal(digits: str, scale: int) -> Decimal:
    """A decimal of exactly these digits: arithmetic would round to 28 digits, and DECIMAL has up to 38."""
    return Decimal(f"{digits}E-{scale}")


TEXTS = (
    "A12",
    "007",
    "0",
    "12",
    "3.0",
    "2024-01-05",
    "true",
    "é",
    "e\u0301",
    "ÄÖ ß",
    "\U0001f600",
    " a ",
    "NaN",
    "null",
)


def _texts(_field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    known = first or "a"
    yield Kind.EMPTY, ""
    yield Kind.LONG, known + " and then some more of the same" * 2
    yield Kind.OTHER_CASE, known.upper() if known != known.upper() else known.lower()
    yield Kind.SPACE, known + " "
    kinds = {
        "007": Kind.DIGITS,
        "0": Kind.DIGITS,
        "12": Kind.DIGITS,
        "3.0": Kind.NUMBER,
        "2024-01-05": Kind.DATE,
        "A12": Kind.WORD,
    }
    yield from ((kinds.get(text, Kind.TEXT), text) for text in TEXTS)


def _binaries(_field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    yield Kind.EMPTY, b""
    yield Kind.LONG, (first or b"a") * 3 + b"\xff"
    yield Kind.SMALL, b"\0"


def _booleans(_field: Field, _first: Any) -> Iterator[tuple[Kind, Any]]:
    yield from ((Kind.OTHER, value) for value in (True, False))


def _dates(_field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    yield Kind.ZERO, date(1970, 1, 1)
    yield from ((Kind.DST, instant.date()) for instant in DST_INSTANTS)
    yield Kind.NEAR, (first or date(2024, 1, 1)) - timedelta(days=1 if first != date.min else 0)
    yield Kind.END, date(2024, 2, 29)


def _timestamps(field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    zone = UTC if field.ddl_type == "TIMESTAMP" else None
    yield from ((Kind.DST, instant.replace(tzinfo=zone)) for instant in DST_INSTANTS)
    yield from ((Kind.HOUR, datetime(2024, 1, 15, hour, 30, tzinfo=zone)) for hour in (0, 3, 12, 23))
    yield Kind.ZERO, datetime(1970, 1, 1, tzinfo=zone)
    yield Kind.MICRO, (first or datetime(2024, 1, 1, tzinfo=zone)).replace(microsecond=1)


def _arrays(_field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    items = list(first or [])
    yield Kind.EMPTY, []
    if items:
        yield from ((Kind.LONG, items + items[-1:] * 5), (Kind.SHORT, items[:1]))
        yield Kind.INNER_NULL, [None, *items[1:]]
        yield from ((Kind.NEAR, [other, *items[1:]]) for other in _different_element(items[0]))


def _different_element(item: object) -> Iterator[object]:
    """A different number or string, for a list of the same length."""
    if isinstance(item, float) and math.isfinite(item):
        yield item + 1.0
    elif isinstance(item, int) and not isinstance(item, bool):
        yield item - 1 if item > 0 else item + 1
    elif isinstance(item, str):
        yield f"{item}a"


def _maps(_field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    yield Kind.EMPTY, {}
    for name in list(first or {})[:2]:
        yield Kind.INNER_NULL, {**first, name: None}
        yield Kind.SHORT, {other: value for other, value in first.items() if other != name}


def _structs(_field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    for name in first or {}:
        yield Kind.INNER_NULL, {**first, name: None}


def _tensor_candidates(_field: Field, first: Any) -> Iterator[tuple[Kind, Any]]:
    """Tensors of the same shape: of zeros, and of NaN."""
    yield Kind.ZERO, _filled(first, 0)
    if _leaf(first) is float:
        yield Kind.NAN, _filled(first, math.nan)


def _filled(value: Any, leaf: float) -> Any:
    if isinstance(value, list):
        return [_filled(item, leaf) for item in value]
    return b"" if isinstance(value, bytes) else type(value)(leaf)


def _leaf(value: Any) -> type | None:
    while isinstance(value, list):
        if not value:
            return None
        value = value[0]
    return type(value)


_BY_TYPE = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), _integers),
    **dict.fromkeys(("FLOAT", "DOUBLE"), _floats),
    "DECIMAL": _decimals,
    "STRING": _texts,
    "BINARY": _binaries,
    "BOOLEAN": _booleans,
    "DATE": _dates,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NTZ"), _timestamps),
    "ARRAY": _arrays,
    "MAP": _maps,
    "STRUCT": _structs,
}
