"""Each action of the console is a command of pyml, whatever is written into its form."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from pyml_cli.console.actions import ACTIONS, Action
from pyml_cli.console.background.tasks import Task
from pyml_cli.console.workbench import Workbench
from pyml_cli.main import application
from pyml_sandbox.workspace.home import SandboxHome

NAMES = sorted(ACTIONS)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda text: text.strip() and text.isprintable()
)


PROGRAM = get_command(application())


class RefusedError(Exception):
    """The command line refuses the arguments."""


def parsed(arguments: Sequence[str]) -> dict[str, object]:
    """What the command line reads in arguments, without running them.

    Raises:
        RefusedError: it refuses them.
    """
    found: Any = PROGRAM  # typer carries click with it, under names that moved between releases
    context = found.context_class(found, info_name="pyml")
    rest = list(arguments)
    try:
        while hasattr(found, "resolve_command"):
            name, found, rest = found.resolve_command(context, rest)
            context = found.context_class(found, parent=context, info_name=name)
        return dict(found.make_context(context.info_name, rest, parent=context.parent).params)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise RefusedError(str(error)) from error


def filled(action: Action, text: str) -> dict[str, str]:
    of_kind = {"check": "yes", "number": "120"}
    return action.form({field.name: of_kind.get(field.kind, text) for field in action.fields})


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_takes_the_arguments_of_every_action(name: str) -> None:
    parsed(ACTIONS[name].arguments(filled(ACTIONS[name], "P3")))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_into_a_form_is_a_value_and_never_an_option(name: str) -> None:
    action = ACTIONS[name]
    for text in ("--yes", "-y", "--sandbox=other", "a b", "$(rm -rf /)", "; ls", "--"):
        given_form = {field.name: text for field in action.fields if field.kind not in ("check", "choice")}
        try:
            found = parsed(action.arguments(action.form(given_form)))
        except RefusedError:
            continue  # refused, and so not run
        assert found.get("sandbox") is None
        plain = parsed(action.arguments(action.form(dict.fromkeys(given_form, "1"))))
        assert {key: value for key, value in found.items() if isinstance(value, bool)} == {
            key: value for key, value in plain.items() if isinstance(value, bool)
        }


@given(st.sampled_from(["deploy", "upload", "verify", "restart", "delete"]), TEXTS)
def test_a_positional_value_reaches_the_command_as_it_was_written(name: str, text: str) -> None:
    action = ACTIONS[name]
    found = parsed(action.arguments(filled(action, text)))
    assert any(value in (text.strip(), Path(text.strip())) for value in found.values())


@given(st.sampled_from(NAMES), TEXTS)
def test_the_command_that_is_shown_is_the_command_that_runs(name: str, text: str) -> None:
    action = ACTIONS[name]
    arguments = action.arguments(filled(action, text))
    assert shlex.split(action.command(filled(action, text)))[1:] == arguments
    assert Task("1", tuple(arguments)).command == action.command(filled(action, text))


@pytest.mark.parametrize("name", NAMES)
def test_every_action_says_what_it_will_do_or_why_it_cannot(name: str, tmp_path: Path) -> None:
    action = ACTIONS[name]
    bench = Workbench(SandboxHome(tmp_path), tmp_path)
    effects = action.effects(bench, filled(action, "absent"))
    assert all(sentence.strip() for sentence in effects)
    assert effects or name == "load"


def test_the_time_budget_of_a_check_is_an_option_only_where_it_is_given() -> None:
    check = ACTIONS["check"]
    assert check.arguments(check.form({"model": "m", "budget": "120"})) == ["parity-check", "--budget", "120", "m"]
    assert check.arguments(check.form({"model": "m"})) == ["parity-check", "m"]


def test_a_field_that_an_action_lacks_is_ignored() -> None:
    assert ACTIONS["deploy"].form({"model": " m ", "sandbox": "x"}) == {"model": "m"}
