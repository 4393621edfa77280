"""What the exit code of a model's program is called, and what it advises."""

from __future__ import annotations

import pytest

from pyml.inference.exit_codes import advice_on, named_exit

CODES = [
    (0, "exit code 0", "raise an error"),
    (1, "exit code 1", "raise an error"),
    (-11, "exit code -11 (SIGSEGV)", "a library crashed"),
    (139, "exit code 139 (SIGSEGV)", "a library crashed"),
    (-9, "exit code -9 (SIGKILL)", "more memory"),
    (137, "exit code 137 (SIGKILL)", "more memory"),
    (128, "exit code 128", "raise an error"),
    (255, "exit code 255", "raise an error"),
]


@pytest.mark.parametrize(("code", "name", "advice"), CODES)
def test_an_exit_code_is_named_and_advised_on_for_processes_and_containers(code: int, name: str, advice: str) -> None:
    assert named_exit(code) == name
    assert advice in advice_on(code)
