"""The JSON Schema of a parity report, made from the dataclasses that it is written from.

After a change of a field: `PYTHONPATH=tests .venv/bin/python -m support.report_schema > docs/reference/parity-report.schema.json`.
"""

from __future__ import annotations

import json
from typing import Any

from docstring_parser import parse
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from pyml_sandbox.parity.report.document import FLAT_REPORT

Object = dict[str, Any]


class ReportSchema(GenerateJsonSchema):
    """What is written: every field, each with what the docstring of its class says of it, and floats as they are."""

    def field_is_required(self, *_: object, **__: object) -> bool:
        """A report is written with all of them."""
        return True

    def field_title_should_be_set(self, schema: object) -> bool:
        """Its name says as much."""
        return False

    def float_schema(self, schema: core_schema.FloatSchema) -> Object:
        """JSON has no infinity and no NaN: these are written as strings."""
        return {"anyOf": [super().float_schema(schema), {"enum": ["Infinity", "-Infinity", "NaN"]}]}

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> Object:
        """The section `Attributes` of a docstring goes to the fields."""
        found = super().dataclass_schema(schema)
        for base in schema["cls"].__mro__:
            words = parse(base.__doc__ or "")
            for attribute in words.params:
                field = found["properties"].get(attribute.arg_name, {})
                field.setdefault("description", " ".join((attribute.description or "").split()))
        return found | {"description": parse(schema["cls"].__doc__ or "").short_description}


def report_schema() -> Object:
    """The schema of `pyml parity-check --json`, draft 2020-12. Objects may have further fields: new ones may come."""
    found = FLAT_REPORT.json_schema(schema_generator=ReportSchema, mode="serialization")
    return {"$schema": ReportSchema.schema_dialect, **found, "title": "Report of pyml parity-check"}


if __name__ == "__main__":
    print(json.dumps(report_schema(), indent=2, ensure_ascii=False))
