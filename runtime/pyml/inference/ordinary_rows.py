"""One row of ordinary values, made up from declared types: to call a model before there are rows of a user. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pyml.types.field import Field
from pyml.types.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa

DAY = date(2024, 1, 15)
NOON = datetime(2024, 1, 15, 12)
ITEMS = 3
"""Length of a list whose length is not declared."""


def ordinary_row(schema: Schema) -> pa.RecordBatch | None:
    """One row that fits a schema, without nulls.

    Args:
        schema: of the inputs of a model.

    Returns:
        The row, shape (1, inputs); None if a type has no ordinary value.
    """
    import pyarrow as pa

    try:
        columns = [pa.array([_of_field(field)], field.arrow.type) for field in schema.fields]
    except (NotImplementedError, pa.ArrowInvalid):
        return None
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def _of_field(field: Field) -> object:
    if field.tensor is None:
        return _value(field.arrow.type)
    kind = field.arrow.type
    for _ in field.tensor.shape[1:]:
        kind = kind.value_type
    value = _value(kind)
    for length in reversed(field.tensor.shape[1:]):
        value = [value] * (ITEMS if length < 0 else length)
    return value


def _value(kind: pa.DataType) -> object:
    """An ordinary value of an Arrow type.

    Raises:
        NotImplementedError: the type has none.
    """
    import pyarrow as pa

    types = pa.types
    if types.is_list(kind):
        return [_value(kind.value_type)] * ITEMS
    if types.is_struct(kind):
        return {kind.field(number).name: _value(kind.field(number).type) for number in range(kind.num_fields)}
    if types.is_map(kind):
        return [(_value(kind.key_type), _value(kind.item_type))]
    if types.is_decimal(kind):
        return Decimal(1) if kind.precision > kind.scale else Decimal(0)
    if types.is_timestamp(kind):
        return NOON if kind.tz is None else NOON.replace(tzinfo=UTC)
    for is_kind, value in (
        (types.is_boolean, True),
        (types.is_integer, 1),
        (types.is_floating, 1.0),
        (types.is_date, DAY),
        (types.is_string, "a"),
        (types.is_binary, b"a"),
    ):
        if is_kind(kind):
            return value
    raise NotImplementedError(str(kind))
