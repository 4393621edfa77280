"""The output of commands: a base class, for the console and as JSON.

A command gets an `Output` from `choose_output(json)` and uses three methods:

- `steps()`: a context that prints events while a step runs. Console: stderr, one live line per subject on a terminal,
  else one line per event. JSON: one object per line on stdout.
- `result(view)`: prints the result, on stdout.
- `error(error)`: prints the message and the fix. Console: stderr. JSON: the last object on stdout.
"""

from __future__ import annotations

import contextlib
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Annotated, Protocol, TextIO

import typer

from pyml.errors import ProblemsError, PymlError

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from pyml_sandbox.workspace.events import JSON, Event

Steps = AbstractContextManager[Callable[["Event"], None]]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON objects, one per line.")]
MARKS = {"ready": "+", "ok": "+", "failed": "x", "stopped": "-"}
NAME_WIDTH = 20


class View(Protocol):
    """The result of a command: the same facts as JSON and as text."""

    @property
    def json(self) -> Mapping[str, JSON]:
        """The facts as one JSON object."""

    @property
    def text(self) -> str:
        """The facts as text for people."""


class Output(ABC):
    """Prints the events, results and errors of a command."""

    @abstractmethod
    def steps(self) -> Steps:
        """A context manager; inside it, call the value it gives with each event."""

    @abstractmethod
    def result(self, view: View) -> None:
        """Print the result, on stdout."""

    @abstractmethod
    def error(self, error: PymlError) -> None:
        """Print what went wrong and how to fix it."""

    @abstractmethod
    def confirm(self, question: str) -> bool:
        """Ask before something is deleted; False if there is no terminal to ask on."""


def choose_output(as_json: bool) -> Output:
    """The output of this process: JSON if asked for, else the console."""
    return JsonOutput(sys.stdout) if as_json else ConsoleOutput(sys.stdout, sys.stderr)


def progress() -> Steps:
    """Steps on stderr, for commands whose JSON output is a single object."""
    return ConsoleOutput(sys.stdout, sys.stderr).steps()


class JsonOutput(Output):
    """One JSON object per line on one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_every_letter = (stream.encoding or "utf-8").lower().replace("-", "") == "utf8"

    def steps(self) -> Steps:
        """Each event becomes one line."""
        return _each(self._print_event)

    def result(self, view: View) -> None:
        """The view's JSON as one line."""
        self._print(view.json)

    def error(self, error: PymlError) -> None:
        """Print an object with the key `error`: code, type, message, hint, exit code and the problems, if any.

        docs/reference/errors.md lists the codes.
        """
        facts: dict[str, JSON] = {"code": str(error.code), "type": type(error).__name__}
        facts |= {"message": error.message, "hint": error.hint}
        if isinstance(error, ProblemsError):
            facts["problems"] = [
                {"code": str(p.code or error.general_code), "message": p.message, "hint": p.hint}
                for p in error.problems
            ]
        self._print({"error": facts, "exit_code": error.exit_code})

    def confirm(self, question: str) -> bool:
        """Always False: a program passes `--yes` instead."""
        return False

    def _print(self, value: Mapping[str, JSON]) -> None:
        print(json.dumps(value, ensure_ascii=not self._has_every_letter), file=self._stream, flush=True)

    def _print_event(self, event: Event) -> None:
        with contextlib.suppress(OSError):  # what runs goes on where nobody reads its events
            self._print(event.json)


class ConsoleOutput(Output):
    """Text for people: results on stdout, everything else on stderr."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr

    def steps(self) -> Steps:
        """Live lines on a terminal, else one line per new event."""
        return _live(self._stderr) if self._stderr.isatty() else _each(_Lines(self._stderr))

    def result(self, view: View) -> None:
        """The view's text on stdout."""
        print(view.text, file=self._stdout, flush=True)

    def error(self, error: PymlError) -> None:
        """The message, then the fix, on stderr."""
        print(f"error: {error}", file=self._stderr, flush=True)

    def confirm(self, question: str) -> bool:
        """Ask on a terminal; False without a terminal."""
        return sys.stdin.isatty() and typer.confirm(question, err=True)


class _Lines:
    """Prints an event's line unless it repeats the previous line of its subject."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[str, tuple[str, str]] = {}

    def __call__(self, event: Event) -> None:
        news = (str(event.progress), event.detail)
        if self._last.get(event.subject) == news:
            return
        self._last[event.subject] = news
        with contextlib.suppress(OSError):  # what runs goes on where nobody reads its events
            print("\n".join(event_lines(event)), file=self._stream, flush=True)


def event_mark(state: str) -> str:
    """The sign at the start of a line: + for success, x for failure, - for stopped, else a dot."""
    return MARKS.get(state, "·")


def event_lines(event: Event) -> list[str]:
    """An event as lines: sign, subject, progress, elapsed time, detail, then further lines. A note is shorter."""
    if event.progress == "note":
        return [f" {event.subject:<9} {event.detail}", *event.lines]
    elapsed = "" if event.elapsed_s is None else f"{event.elapsed_s:.1f}s"
    count = "" if event.total is None else f"{_counted(event.done or 0, event.total, event.unit)} "
    subject = f"{event_mark(event.progress)} {event.subject:<{NAME_WIDTH}}"
    head = f" {subject} {event.progress:<8} {elapsed:>6}  {count}{event.detail}"
    return [head.rstrip(), *(f"     {line}" for line in event.lines)]


def _counted(done: int, total: int, unit: str) -> str:
    """The count of an event: "1,500/3,000", and bytes as "12/310 MB"."""
    return f"{done / 1e6:,.0f}/{total / 1e6:,.0f} MB" if unit == "bytes" else f"{done:,}/{total:,}"


@contextmanager
def _each(listener: Callable[[Event], None]) -> Iterator[Callable[[Event], None]]:
    yield listener


@contextmanager
def _live(stream: TextIO) -> Iterator[Callable[[Event], None]]:
    """Live lines: a spinner or bar while a subject is in progress; its final line above once it is ready or failed."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(file=stream, highlight=False)
    columns = (
        SpinnerColumn(),
        TextColumn(f"{{task.description:<{NAME_WIDTH}}}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield _LiveLines(bars)


class _LiveLines:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        if event.progress == "waiting":
            self._show(event)
        else:
            self._settle(event)

    def _show(self, event: Event) -> None:
        task = self._tasks.get(event.subject)
        if task is None:
            task = self._bars.add_task(event.subject, total=event.total, detail=event.detail)
            self._tasks[event.subject] = task
        self._bars.update(task, total=event.total, completed=event.done or 0, detail=event.detail)

    def _settle(self, event: Event) -> None:
        task = self._tasks.pop(event.subject, None)
        if task is not None:
            self._bars.remove_task(task)
        self._bars.console.print("\n".join(event_lines(event)), markup=False, soft_wrap=True)
