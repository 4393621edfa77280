"""What `--help` shows of every command: what to give, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pyml_cli.main import application

WHOLE = application()


def commands(command: object = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command, groups as well."""
    command = command or get_command(WHOLE)
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


@pytest.mark.parametrize("path", list(commands()), ids=lambda path: " ".join(path) or "pyml")
def test_every_option_names_what_to_give(path: tuple[str, ...]) -> None:
    found = CliRunner().invoke(WHOLE, [*path, "--help"])
    assert found.exit_code == 0
    options = found.stdout.partition("Options:")[2].partition("Commands:")[0]
    assert re.findall(r"<\w+(?:\[\w+\])?>", options) == []
    assert re.search(r"\b(\[\[|None)\b", found.stdout) is None


@pytest.mark.parametrize("path", [path for path in commands() if path], ids=" ".join)
def test_the_application_of_a_command_line_has_its_command_as_the_whole_one_has_it(path: tuple[str, ...]) -> None:
    ask = [*path, "--help"]
    assert CliRunner().invoke(application(ask), ask).stdout == CliRunner().invoke(WHOLE, ask).stdout
