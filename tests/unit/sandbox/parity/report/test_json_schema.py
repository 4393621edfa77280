"""The documents about the report: its JSON Schema, and the list of checks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pyml.package.settings import LEVELS
from pyml_sandbox.parity.observations.catalogue import Check, check_line
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.verdict import NOTEBOOK
from support.report_schema import report_schema
from support.reports import FAILING, REPORTS

DOCS = Path(__file__).parents[5] / "docs" / "reference"
SCHEMA: dict[str, Any] = json.loads((DOCS / "parity-report.schema.json").read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """The schema with no room for fields that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    more = {"additionalProperties": False} if "required" in schema and schema.get("type") == "object" else {}
    return {**{name: closed(each) for name, each in schema.items()}, **more}


def written(report: Report) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(json.dumps(report.to_json(), allow_nan=False))
    return form


def test_the_schema_is_a_schema_and_is_up_to_date() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(report_schema())) == SCHEMA, (
        "run PYTHONPATH=tests .venv/bin/python -m support.report_schema > docs/reference/parity-report.schema.json"
    )


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS.keys())
@pytest.mark.parametrize("schema", [SCHEMA, closed(SCHEMA)], ids=["open", "closed"])
def test_every_report_follows_the_schema_and_holds_nothing_that_it_does_not_name(
    report: Report, schema: dict[str, Any]
) -> None:
    jsonschema.Draft202012Validator(schema).validate(written(report))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict",), "MAYBE"),
        (("exit_code",), 2),
        (("findings", 0, "hop"), "moon"),
        (("findings", 0, "witness", "row"), "1"),
        (("findings", 0, "witness", "rows"), [[1]]),
        (("points", 0, "offline"), [1.5, "x"]),
        (("checks", 0, "fired"), None),
        (("columns", 0, "max_abs"), "much"),
    ],
)
def test_what_is_not_of_its_form_is_refused(path: tuple[Any, ...], value: object) -> None:
    form = written(FAILING)
    place: Any = form
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(form)


def test_every_field_is_described_but_those_that_say_it_by_their_name() -> None:
    parts = [SCHEMA, *SCHEMA["$defs"].values()]
    silent = [
        name for part in parts for name, field in part.get("properties", {}).items() if "description" not in field
    ]
    assert set(silent) <= {"schema", "exit_code", "column", "left", "right"}


def test_the_page_lists_every_check_with_its_level() -> None:
    page = (DOCS / "parity-report.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\S+)` \| (P\d|notebook) \| (.*) \|$", page, flags=re.MULTILINE)
    assert rows == [(check, check.entry.level, check.entry.line) for check in Check]
    assert {check.entry.level for check in Check} == {*LEVELS, NOTEBOOK}


def test_a_check_of_a_variable_speaks_of_that_variable() -> None:
    assert "LANG, which" in check_line("variable:LANG")
    assert check_line("repeat") == Check.REPEAT.entry.line
    assert check_line("unheard-of") == ""
