"""The snippet of a counterexample: Python to copy, in which everything of a user's is a literal or a comment."""

from __future__ import annotations

import ast
import datetime
from decimal import Decimal

import pytest

from pyml_sandbox.parity.checks.baseline import no_difference
from pyml_sandbox.parity.counterexample.snippet import snippet
from pyml_sandbox.parity.rows.synthetic import InputRow
from pyml_sandbox.parity.verdict import Seen
from unit.runtime.test_command_line import NASTY


@pytest.mark.parametrize("name", NASTY)
def test_a_snippet_holds_data_and_no_code_of_a_users(name: str) -> None:
    value = f"x\nimport os\r{NASTY[name]}"
    example = no_difference(InputRow({"s": value, value: 1}, 0))
    seen = [Seen(f"a process with {value}", {value: value}), Seen("offline", error=f"{value}\n{value}")]
    written = snippet(f"m@{value}", example, seen)
    plain = snippet("m@1", no_difference(InputRow({"s": "x"}, 0)), [])
    assert [type(line) for line in ast.parse(written).body] == [type(line) for line in ast.parse(plain).body]
    assert value in [node.value for node in ast.walk(ast.parse(written)) if isinstance(node, ast.Constant)]


@pytest.mark.parametrize(
    ("value", "imports"),
    [
        (1.5, []),
        ("datetime.date(2024, 1, 1), Decimal('1')", []),
        (None, []),
        (float("nan"), []),
        (datetime.date(2024, 1, 1), ["import datetime"]),
        (datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), ["import datetime"]),
        ([Decimal("1.5")], ["from decimal import Decimal"]),
        ({"at": datetime.date(2024, 1, 1), "n": Decimal(1)}, ["import datetime", "from decimal import Decimal"]),
    ],
)
def test_a_snippet_imports_what_its_values_need_and_no_more(value: object, imports: list[str]) -> None:
    lines = snippet("m@1", no_difference(InputRow({"x": value}, 0)), []).splitlines()
    assert lines[: lines.index("from pyml_sandbox import Client")] == imports
