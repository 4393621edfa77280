"""One comparison as JSON, as `pyml compare --json` prints it."""

from __future__ import annotations

import json
from dataclasses import asdict

from pyml_sandbox.compare.result import Comparison
from pyml_sandbox.workspace.events import JSON

COMPARISON_SCHEMA = "pyml.comparison/1"


def comparison_json(comparison: Comparison) -> dict[str, JSON]:
    """One comparison alone as a JSON object, as `pyml compare --json` prints it."""
    whole = json_of({**asdict(comparison), "agrees": comparison.agrees})
    return {"schema": COMPARISON_SCHEMA, "agrees": comparison.agrees, "comparison": whole}


def json_of(form: dict[str, object]) -> dict[str, JSON]:
    """An object as JSON can hold it: floats that are not finite become "Infinity", "-Infinity" and "NaN".

    So writes pydantic with `ser_json_inf_nan="strings"`, but only as UTF-8, which not every message of an exception is.
    """
    found: dict[str, JSON] = json.loads(json.dumps(form), parse_constant=str)
    return found
