"""A program that sends the rows of a counterexample to the sandbox."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence

from pyml_sandbox.compare.rendering.formatting import plain
from pyml_sandbox.parity.observations.observation import Example
from pyml_sandbox.parity.verdict import Seen


def snippet(model_id: str, example: Example, seen: Sequence[Seen]) -> str:
    """Python code that sends the same rows to the sandbox, with the predictions that were seen as comments.

    Args:
        model_id: id of the model version.
        example: has the rows, under its second condition.
        seen: the predictions of its row.
    """
    rows = [dict(row.values) for row in example.other.rows]
    lines = [
        *_imports(literal(rows)),
        "from pyml_sandbox import Client",
        "",
        "client = Client()",
        f"client.deploy_model({model_id!r})",
        f"rows = client.rows({model_id!r}, {literal(rows)})",
        f"print(client.predict_online({model_id!r}, rows))  # all in one request",
    ]
    if len(rows) > 1:
        row = f"rows.slice({example.other.target}, 1)"
        lines.append(f"print(client.predict_online({model_id!r}, {row}))  # that row alone")
    return "\n".join([*lines, *map(_comment, seen)])


def _imports(rows: str) -> list[str]:
    """The imports that a literal needs; a string that contains such a name needs none."""
    names = {node.id for node in ast.walk(ast.parse(rows)) if isinstance(node, ast.Name)}
    lines = {"datetime": "import datetime", "Decimal": "from decimal import Decimal"}
    return [line for name, line in lines.items() if name in names]


def _comment(seen: Seen) -> str:
    """One line, whatever a model or its data contain: a line break would end the comment and begin code."""
    text = seen.error.splitlines()[0] if seen.error else str(seen.outputs)
    return f"# {plain(seen.where)}: {plain(text)}"


def literal(value: object) -> str:
    """A value as a Python literal; also NaN and infinity, whose `repr` Python cannot read."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(name)}: {literal(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else repr(value)
