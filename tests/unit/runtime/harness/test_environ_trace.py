"""Which environment variables a model's own code asks for, however it asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.harness.environ_trace import TracedEnvironment, trace_environment

FOLDER = Path("/packages/fares")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """What is noted while this process is watched."""
    monkeypatch.setenv("MODE", "night")
    plain = os.environ.__class__
    noted = trace_environment(FOLDER)
    noted.clear()
    try:
        yield noted
    finally:
        os.environ.__class__ = plain
        TracedEnvironment.names.clear()


def run(line: str, file: str) -> object:
    """Run a line as if it stood in a file."""
    names: dict[str, object] = {}
    exec(compile(f"import os\nfound = {line}", file, "exec"), names)
    return names["found"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("os.environ['MODE']", "night"),
        ("os.environ.get('MODE')", "night"),
        ("os.environ.get('MODE', 'day')", "night"),
        ("os.getenv('MODE')", "night"),
        ("'MODE' in os.environ", True),
        ("os.environ.setdefault('MODE', 'day')", "night"),
    ],
)
@pytest.mark.parametrize("file", ["model.py", "features.py", "parts/text.py"])
def test_a_name_is_noted_and_answered_as_ever(line: str, found: object, file: str, asked: set[str]) -> None:
    assert run(line, str(FOLDER / file)) == found
    assert asked == {"MODE"}


def test_a_name_that_is_not_set_is_noted_too(asked: set[str]) -> None:
    assert run("os.environ.get('NO_SUCH_NAME')", str(FOLDER / "model.py")) is None
    assert asked == {"NO_SUCH_NAME"}


@pytest.mark.parametrize(
    "file", ["/lib/pandas/core.py", "/packages/fares_of_others/model.py", "/packages/other/model.py"]
)
def test_what_other_code_asks_for_is_not_noted(file: str, asked: set[str]) -> None:
    assert run("os.environ.get('MODE')", file) == "night"
    assert asked == set()


def test_what_a_library_asks_for_when_the_model_calls_it_is_not_noted(asked: set[str]) -> None:
    assert run("os.path.expandvars('$MODE')", str(FOLDER / "model.py")) == "night"
    assert asked == set()
