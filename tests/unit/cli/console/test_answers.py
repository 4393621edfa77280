"""Answers that are waited for: asked once, kept for a while, and never lost in an exception."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pyml.errors import UsageError
from pyml_cli.console.background import answers as module
from pyml_cli.console.background.answers import Answers
from support.waiting import wait_for

FOR_EVER = float("inf")


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    yield made
    made.close()


def test_an_answer_that_is_not_there_is_pending_and_comes(answers: Answers) -> None:
    go = threading.Event()
    assert answers.ask("k", lambda: go.wait(10), FOR_EVER).is_pending
    go.set()
    wait_for(lambda: answers.ask("k", lambda: False, FOR_EVER).value is True, "the answer")


def test_what_two_pages_ask_at_once_is_asked_once(answers: Answers) -> None:
    go = threading.Event()
    asked: list[int] = []

    def question() -> str:
        asked.append(1)
        go.wait(10)
        return "there"

    answers.ask("k", question, FOR_EVER)
    answers.ask("k", question, FOR_EVER)
    waiting = threading.Thread(target=lambda: answers.ask("k", question, FOR_EVER, is_awaited=True))
    waiting.start()
    go.set()
    waiting.join(10)
    assert asked == [1]
    assert answers.ask("k", question, FOR_EVER).value == "there"


def test_an_old_answer_is_shown_while_the_new_one_comes(answers: Answers) -> None:
    assert answers.ask("k", lambda: "old", FOR_EVER, is_awaited=True).value == "old"
    go = threading.Event()
    assert answers.ask("k", lambda: "new" if go.wait(10) else "", -1).value == "old"
    go.set()
    wait_for(lambda: answers.ask("k", lambda: "", FOR_EVER).value == "new", "the answer")


def test_an_error_is_an_answer_in_the_words_of_the_command_line(answers: Answers) -> None:
    def question() -> str:
        raise UsageError("there is no such thing", "pyml dev status")

    answer = answers.ask("k", question, FOR_EVER, is_awaited=True)
    assert answer.error == str(UsageError("there is no such thing", "pyml dev status"))
    assert not answer.is_pending


def test_a_bug_is_told_and_does_not_end_the_page(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PYML_HOME", str(tmp_path))
    answer = answers.ask("k", lambda: dict[str, int]()["absent"], FOR_EVER, is_awaited=True)
    assert "KeyError" in answer.error


def test_what_is_dropped_is_asked_again(answers: Answers) -> None:
    answers.ask("k", lambda: 1, FOR_EVER, is_awaited=True)
    answers.drop("k")
    assert answers.ask("k", lambda: 2, FOR_EVER, is_awaited=True).value == 2


def test_answers_do_not_pile_up(answers: Answers) -> None:
    for number in range(module.MAX_ANSWERS + 20):
        answers.ask(number, lambda: 1, FOR_EVER, is_awaited=True)
    assert len(answers._entries) == module.MAX_ANSWERS
