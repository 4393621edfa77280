"""Commands as processes of their own: what they print, how they end, and how the console ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pyml_cli.console.background import tasks as module
from pyml_cli.console.background.tasks import Task, Tasks
from pyml_sandbox.workspace.home import SandboxHome


def run(tmp_path: Path, use: Callable[[Tasks], Awaitable[Task]]) -> Task:
    async def whole() -> Task:
        tasks = Tasks(SandboxHome(tmp_path, "mine"), tmp_path)
        try:
            return await use(tasks)
        finally:
            await tasks.close()

    return asyncio.run(whole())


async def ended(task: Task) -> Task:
    while task.exit_code is None:
        await asyncio.sleep(0.01)
    return task


def test_a_command_that_is_wrong_prints_the_sentence_of_the_command_line(tmp_path: Path) -> None:
    async def use(tasks: Tasks) -> Task:
        return await ended(await tasks.start(["deploy", "absent"]))

    task = run(tmp_path, use)
    assert task.state == "failed"
    assert task.exit_code == 3
    assert any(line.startswith("error: ") for line in task.lines)
    assert any("pyml dev up" in line for line in task.lines)


def test_a_program_prints_on_both_streams_in_order_and_knows_the_sandbox(tmp_path: Path) -> None:
    text = (
        "import os, sys\nprint('one')\nprint('two', file=sys.stderr)\n"
        "print(os.environ['PYML_SANDBOX'], os.environ['PYML_HOME'], os.getcwd(), sys.stdin.read())"
    )

    async def use(tasks: Tasks) -> Task:
        return await ended(await tasks.start_program(text, "/parity"))

    task = run(tmp_path, use)
    assert [line.strip() for line in task.lines] == ["one", "two", f"mine {tmp_path} {tmp_path}"]
    assert (task.state, task.then) == ("done", "/parity")


@pytest.mark.parametrize("end", ["interrupt", "close"])
def test_what_runs_is_ended_as_by_ctrl_c(tmp_path: Path, end: str) -> None:
    text = (
        "import time\nfrom pyml_cli.signals import signals_interrupt\nwith signals_interrupt() as interruption:\n"
        " try:\n  print('go')\n  time.sleep(60)\n"
        " except KeyboardInterrupt:\n  print('took it back'); raise SystemExit(interruption.exit_code)"
    )

    async def use(tasks: Tasks) -> Task:
        task = await tasks.start_program(text)
        while not task.lines:
            await asyncio.sleep(0.01)
        if end == "interrupt":
            tasks.interrupt(task.task_id)
        else:
            await tasks.close()
        return await ended(task)

    task = run(tmp_path, use)
    assert list(task.lines) == ["go", "took it back"]
    assert task.state == "interrupted"


def test_what_does_not_end_is_ended_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "END_S", 0.2)
    text = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(60)"

    async def use(tasks: Tasks) -> Task:
        task = await tasks.start_program(text)
        while not task.lines:
            await asyncio.sleep(0.01)
        await tasks.close()
        return await ended(task)

    assert run(tmp_path, use).exit_code == 128 + 9


def test_endless_output_is_cut_and_a_line_without_end_ends_nothing(tmp_path: Path) -> None:
    text = "print('x' * 3_000_000)\nfor n in range(6000): print(n)"

    async def use(tasks: Tasks) -> Task:
        return await ended(await tasks.start_program(text))

    task = run(tmp_path, use)
    assert len(task.lines) == module.MAX_LINES
    assert task.lines[-1] == "5999"
    assert task.state == "done"


def test_a_verdict_is_an_answer_and_not_a_failure() -> None:
    assert Task("1", ("parity-check", "m"), exit_code=1).state == "done"
    assert Task("1", ("deploy", "m"), exit_code=1).state == "failed"
