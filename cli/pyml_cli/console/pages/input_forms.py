"""A form for one row of a model's declared inputs, and the row that a filled form means, as a line of JSON.

The line is read as `pyml predict online --rows FILE.jsonl` reads a file: what a person types keeps every digit, and
what does not fit is refused in the words of the command line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyml.inference.describe import Signature
    from pyml.types.field import Field

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
CONSTANTS = {"nan": "NaN", "inf": "Infinity", "infinity": "Infinity", "-inf": "-Infinity", "-infinity": "-Infinity"}
INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")
FLOATS = ("FLOAT", "DOUBLE")
EXAMPLES = {
    "BOOLEAN": "true",
    "STRING": "",
    "BINARY": "",
    "DATE": "2026-01-31",
    "TIMESTAMP": "2026-01-31T12:00:00Z",
    "TIMESTAMP_NTZ": "2026-01-31T12:00:00",
}
NULL, VALUE = "null:", "value:"
"""What the names of a form's values begin with: a column may have any name."""


@dataclass(frozen=True)
class FormField:
    """One input of a model, as a field of a form.

    Attributes:
        name: of the column or tensor.
        ddl_type: as declared, in Spark's words.
        kind: number, truth, text or json.
        is_nullable: whether it may be null.
        example: a value that fits.
        shape: of one row of a tensor, -1 where it is free; None for a column.
    """

    name: str
    ddl_type: str
    kind: str
    is_nullable: bool
    example: str
    shape: Sequence[int] | None = None


def form_fields(signature: Signature) -> list[FormField]:
    """The fields for one row of a model's inputs, in declared order."""
    return [_field(field) for field in signature.inputs.fields]


def row_text(fields: Sequence[FormField], given: Mapping[str, str]) -> str:
    """A filled form as a line of JSON.

    Args:
        fields: of the form.
        given: for each field its text under `value:NAME`, and `null:NAME` if its box for null is checked.
    """
    values = {
        field.name: "null" if f"{NULL}{field.name}" in given else _written(field, given.get(f"{VALUE}{field.name}", ""))
        for field in fields
    }
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in values.items()) + "}"


def _written(field: FormField, text: str) -> str:
    """A text as JSON; what is no JSON becomes a string, which is refused for what it is."""
    stripped = text.strip()
    if field.kind == "number":
        constant = CONSTANTS.get(stripped.lower())
        if constant or NUMBER.fullmatch(stripped):
            return constant or stripped
    if field.kind == "truth" and stripped in ("true", "false"):
        return stripped
    if field.kind == "json":
        try:
            json.loads(stripped)
        except ValueError:
            return json.dumps(text)
        return stripped
    return json.dumps(text)


def _field(field: Field) -> FormField:
    is_nullable = bool(field.arrow.nullable)
    if field.tensor is not None:
        shape = tuple(field.tensor.shape[1:])
        example = _zeros(shape)
        kind = "json" if shape else _kind(field.ddl_type)
        return FormField(field.name, field.tensor.datatype, kind, is_nullable, example, shape)
    return FormField(field.name, field.ddl_type, _kind(field.ddl_type), is_nullable, _example(field.ddl_type))


def _kind(ddl_type: str) -> str:
    base = ddl_type.upper()
    if base in (*INTEGERS, *FLOATS) or base.startswith("DECIMAL"):
        return "number"
    if base == "BOOLEAN":
        return "truth"
    return "json" if base.startswith(("ARRAY", "MAP", "STRUCT")) else "text"


def _example(ddl_type: str) -> str:
    base = ddl_type.upper()
    if base in EXAMPLES:
        return EXAMPLES[base]
    for start, example in (("ARRAY", "[]"), ("MAP", "{}"), ("STRUCT", "{}")):
        if base.startswith(start):
            return example
    return "0.0" if base in FLOATS else "0"


def _zeros(shape: Sequence[int]) -> str:
    """One row of a tensor, all zeros; a free dimension has one element."""
    value: object = 0
    for length in reversed(shape):
        value = [value] * (1 if length < 0 else length)
    return json.dumps(value)
