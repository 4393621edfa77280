"""The command to run after a parity check. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyml.command_line import command
from pyml.types.spark_types import quoted, string_literal
from pyml_sandbox.compare import Comparison
from pyml_sandbox.parity.verdict import Decision, Severity

_ZONE_OF_HOURS = re.compile(r":\d\d(\.\d+)?[+-]\d\d$")


def next_command(decision: Decision, comparisons: Sequence[Comparison], table: str) -> str:
    """The command that prints the page of the first cause, or else the inputs of the row with the largest difference.

    Args:
        decision: has the findings.
        comparisons: of both paths.
        table: Hive table of the rows.

    Returns:
        One line for a shell; empty if there is no command.
    """
    codes = (finding.code for finding in decision.findings if finding.code and finding.weight is not Severity.WARNS)
    code = next(codes, None)
    if code:
        return command("pyml explain", code)
    rows = ((c, worst) for c in comparisons for column in c.differing_columns() for worst in column.worst)
    comparison, worst = next(rows, (None, None))
    if comparison is None or worst is None:
        return ""
    where = " AND ".join(_is(name, value) for name, value in zip(comparison.key, worst.key, strict=True))
    return command("pyml dev sql", f"SELECT * FROM {table} WHERE {where}")


def _is(name: str, value: str | None) -> str:
    """An SQL condition that a key column of any type has a value, which is given as a string."""
    if value is None:
        return f"{quoted(name)} IS NULL"
    has_hours_alone = _ZONE_OF_HOURS.search(value)  # Spark does not read such a time zone
    return f"{quoted(name)} = {string_literal(f'{value}:00' if has_hours_alone else value)}"
