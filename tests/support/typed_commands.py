"""Commands as a user types them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyml_cli.main import run

Typed = Callable[..., str]
"""Types a command, expects its exit code, and gives what it prints: the result, or after an error what is wrong."""


def typed_with(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types commands whose output pytest captures."""

    def type_in(*words: str, expected: int = 0) -> str:
        capsys.readouterr()
        code = run(words)
        printed = capsys.readouterr()
        assert code == expected, printed.err
        return printed.out if expected == 0 else printed.err

    return type_in
