"""The commands that the console runs: each is the `pyml` command that the page shows, as a process of its own.

So a button can do nothing that the command line cannot, what it prints is what the command line prints, and a model or
a Spark client that fails takes no console with it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.command_line import quoted_word

if TYPE_CHECKING:
    from pyml_sandbox.workspace.events import JSON
    from pyml_sandbox.workspace.home import SandboxHome

MAX_TASKS = 100
MAX_LINES = 5000
LONGEST_LINE = 1 << 20
END_S = 20.0
"""How long a command may take to end after an interrupt: a job is taken back in Spark first."""


@dataclass
class Task:
    """One command that the console runs or has run.

    Attributes:
        task_id: names it in addresses.
        arguments: of `pyml`; of Python for a program.
        then: the page of the console that shows what it made; empty if there is none.
        program: pyml, or python for the program of a witness.
        started_at: seconds since 1970.
        finished_at: the same; None while it runs.
        exit_code: None while it runs.
        lines: what it printed, on either stream, in order; the first are dropped where there are too many.
    """

    task_id: str
    arguments: tuple[str, ...]
    then: str = ""
    program: str = "pyml"
    started_at: float = field(default_factory=time.time)
    finished_at: float | None = None
    exit_code: int | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LINES))

    @property
    def command(self) -> str:
        """The command as one types it."""
        return " ".join([self.program, *map(quoted_word, self.arguments)])

    @property
    def state(self) -> str:
        """running, done, interrupted or failed. A verdict FAIL is an answer: it is done."""
        if self.exit_code is None:
            return "running"
        if self.exit_code in (0, 1) and self.arguments[:1] == ("parity-check",):
            return "done"
        if self.exit_code >= 128:
            return "interrupted"
        return "done" if self.exit_code == 0 else "failed"

    @property
    def json(self) -> dict[str, JSON]:
        """The task as a JSON object."""
        return {
            "task_id": self.task_id,
            "command": self.command,
            "state": self.state,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "exit_code": self.exit_code,
            "then": self.then,
            "lines": list(self.lines),
        }


class Tasks:
    """The tasks of one console. They live in its event loop.

    Args:
        home: the sandbox; the commands get its name and root in their environment.
        folder: where the commands run.
    """

    def __init__(self, home: SandboxHome, folder: Path) -> None:
        self._environ, self._folder = _environ(home), folder
        self._tasks: dict[str, Task] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._started = 0

    def __iter__(self) -> Iterator[Task]:
        """The latest first."""
        return reversed(list(self._tasks.values()))

    def find(self, task_id: str) -> Task | None:
        """The task of an id; None if there is none."""
        return self._tasks.get(task_id)

    async def start(self, arguments: Sequence[str], then: str = "") -> Task:
        """Start a command.

        Args:
            arguments: of `pyml`.
            then: the page that shows what it makes; empty if there is none.
        """
        return await self._start(Task(self._next_id(), tuple(arguments), then), "-m", "pyml_cli", *arguments)

    async def start_program(self, text: str, then: str = "") -> Task:
        """Start a Python program.

        Args:
            text: of the program.
            then: the page that belongs to it; empty if there is none.
        """
        return await self._start(Task(self._next_id(), ("-c", text), then, "python"), "-c", text)

    def _next_id(self) -> str:
        self._started += 1
        return str(self._started)

    async def _start(self, task: Task, *arguments: str) -> Task:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environ,
            start_new_session=True,  # Ctrl-C in the console's terminal reaches it through `close`, once
            limit=LONGEST_LINE,
        )
        self._tasks[task.task_id], self._processes[task.task_id] = task, process
        self._watchers[task.task_id] = asyncio.create_task(self._watch(task, process))
        self._forget()
        return task

    def interrupt(self, task_id: str) -> None:
        """Interrupt a command as Ctrl-C does. Does nothing if it does not run.

        By SIGTERM, which the command line takes for the same: what a shell starts in the background ignores SIGINT, and
        so would all that a console there starts.
        """
        process = self._processes.get(task_id)
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()

    async def close(self) -> None:
        """Interrupt every command, and wait until each has ended; one that does not is ended by force."""
        running = [task_id for task_id, task in self._tasks.items() if task.exit_code is None]
        for task_id in running:
            self.interrupt(task_id)
        watchers = [self._watchers[task_id] for task_id in running]
        if watchers:
            await asyncio.wait(watchers, timeout=END_S)
        for task_id in running:
            with suppress(ProcessLookupError):
                self._processes[task_id].kill()

    async def _watch(self, task: Task, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than any line that a person reads
                task.lines.append("(a line of over 1 MB)")
                continue
            if not line:
                break
            task.lines.append(line.decode(errors="replace").rstrip("\n"))
        code = await process.wait()
        task.finished_at = time.time()
        task.exit_code = 128 - code if code < 0 else code

    def _forget(self) -> None:
        ended = [task_id for task_id, task in self._tasks.items() if task.exit_code is not None]
        for task_id in ended[: max(0, len(self._tasks) - MAX_TASKS)]:
            del self._tasks[task_id], self._processes[task_id], self._watchers[task_id]


def _environ(home: SandboxHome) -> Mapping[str, str]:
    ours = {"PYML_HOME": str(home.root), "PYML_SANDBOX": home.name, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    return {**os.environ, **ours}
