"""One comparison as JSON, as `pyml compare --json` prints it."""

from __future__ import annotations

from pyml_sandbox.compare.dataclass_json import object_of
from pyml_sandbox.compare.result import Comparison
from pyml_sandbox.workspace.events import JSON

COMPARISON_SCHEMA = "pyml.comparison/1"


def comparison_json(comparison: Comparison) -> dict[str, JSON]:
    """One comparison alone as a JSON object, as `pyml compare --json` prints it."""
    whole = {**object_of(comparison), "agrees": comparison.agrees}
    return {"schema": COMPARISON_SCHEMA, "agrees": comparison.agrees, "comparison": whole}
