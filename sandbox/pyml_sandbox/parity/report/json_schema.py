"""The JSON Schema of a parity report, made from the dataclasses that it is written from.

`python -m pyml_sandbox.parity.report.json_schema > docs/parity-report.schema.json` after a change of a field.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Mapping
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pyml_sandbox.compare.result import ColumnComparison, Comparison
from pyml_sandbox.parity.report.document import SCHEMA, Report
from pyml_sandbox.parity.verdict import Judgement, Verdict
from pyml_sandbox.workspace.events import JSON

Object = dict[str, JSON]

_PLAIN: Mapping[object, str] = {str: "string", bool: "boolean", int: "integer"}
_NUMBER: Object = {"anyOf": [{"type": "number"}, {"enum": ["inf", "-inf", "nan"]}]}
"""JSON has no infinity and no NaN: these are written as text."""


def report_schema() -> Object:
    """The schema of `pyml parity-check --json`, draft 2020-12. Objects may have further fields: new ones may come."""
    definitions: Object = {}
    head: Object = {
        "schema": {"const": SCHEMA},
        "exit_code": {"enum": [verdict.exit_code for verdict in Verdict]},
        "columns": {"type": "array", "items": _column(definitions), "description": "Of all comparisons."},
        "comparisons": {"type": "array", "items": _comparison(definitions), "description": "Without their columns."},
    }
    own = _properties(Report, definitions, ("judgement", "comparisons"))
    properties = {**head, **_properties(Judgement, definitions), **own}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report of pyml parity-check",
        **_object(properties),
        "$defs": definitions,
    }


def _column(definitions: Object) -> Object:
    more: Object = {"comparison": {"type": "string"}, "agrees": {"type": "boolean"}}
    return _object({**_properties(ColumnComparison, definitions), **more})


def _comparison(definitions: Object) -> Object:
    more: Object = {"agrees": {"type": "boolean"}}
    return _object({**_properties(Comparison, definitions, ("columns",)), **more})


def _object(properties: Object) -> Object:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _properties(kind: type, definitions: Object, left_out: tuple[str, ...] = ()) -> Object:
    """The fields of a dataclass, each with what its docstring says of it."""
    hints, words = get_type_hints(kind), _words(kind)
    found: Object = {}
    for field in dataclasses.fields(kind):
        if field.name not in left_out:
            described: Object = {"description": words[field.name]} if field.name in words else {}
            found[field.name] = {**_of(hints[field.name], definitions), **described}
    return found


def _of(kind: Any, definitions: Object) -> Object:
    origin, arguments = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _reference(kind, definitions)
    if origin in (Union, UnionType):
        one = next(argument for argument in arguments if argument is not type(None))
        return {"anyOf": [_of(one, definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if origin in (Mapping, dict):
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    return dict(_NUMBER) if kind is float else {"type": _PLAIN[kind]}


def _reference(kind: type, definitions: Object) -> Object:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # its place, should it hold itself
        definitions[kind.__name__] = _object(_properties(kind, definitions))
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _words(kind: type) -> dict[str, str]:
    """What the section `Attributes` of a docstring says of each field."""
    section = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w[\w, ]*): (.*(?:\n        .*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}


if __name__ == "__main__":
    print(json.dumps(report_schema(), indent=2, ensure_ascii=False))
