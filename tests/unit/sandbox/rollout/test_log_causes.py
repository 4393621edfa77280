"""From last log lines to a cause and a fix, and to the lines worth showing."""

from __future__ import annotations

import pytest

from pyml_sandbox.rollout.log_causes import explain, relevant_lines

DERBY = "Caused by: ERROR XSDB6: Another instance of Derby may have already booted the database /d/metastore."
CASES = {
    DERBY: "another process holds the metastore's database /d/metastore",
    "TTransportException: Could not create ServerSocket on address 0.0.0.0/0.0.0.0:9083.": "another process has taken port 9083",
    "java.net.BindException: Address already in use": "another process has taken its port",
    "OpenJDK 64-Bit Server VM warning: Cannot allocate memory (errno=12)": "not enough memory",
    "java.io.IOException: No space left on device": "the disk is full",
    "ModuleNotFoundError: No module named 'lightgbm'": "does not find the module lightgbm",
    "java.lang.UnsupportedClassVersionError: x": "Java is older",
}  # fmt: skip


@pytest.mark.parametrize(("line", "words"), CASES.items())
def test_known_causes(line: str, words: str) -> None:
    problem = explain(["something before", line, "\tat java.base/x.y(z)"])
    assert problem is not None
    assert words in problem.message
    assert problem.hint


def test_the_last_cause_counts() -> None:
    problem = explain(["No space left on device", DERBY])
    assert problem is not None
    assert "database" in problem.message


def test_an_unknown_cause_is_not_guessed() -> None:
    assert explain(["all is well", "the end"]) is None
    assert explain([]) is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        (["one", "two"], ["one", "two"]),
        (["one", "", "  "], ["one"]),
        (["starting", "ERROR it broke", "stopping"], ["ERROR it broke"]),
        (["Exception: x", "\tat a.b(c)", "\t... 5 more", "Caused by: y"], ["Exception: x", "Caused by: y"]),
        ([f"error {n}" for n in range(9)], ["error 5", "error 6", "error 7", "error 8"]),
        (["x" * 300], ["x" * 197 + "..."]),
    ],
)
def test_lines_worth_showing(lines: list[str], expected: list[str]) -> None:
    assert relevant_lines(lines) == expected
