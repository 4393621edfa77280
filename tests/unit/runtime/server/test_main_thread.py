"""One thread runs the model; everything else waits its turn."""

from __future__ import annotations

import threading

import pytest

from pyml.server.main_thread import MainThreadExecutor


def test_tasks_run_in_order_on_the_thread_that_runs_them() -> None:
    def task(at: int) -> tuple[int, threading.Thread]:
        return at, threading.current_thread()

    executor = MainThreadExecutor()
    futures = [executor.submit(task, at) for at in range(3)]
    assert executor.waiting == 3
    executor.finish()
    executor.run()
    assert [future.result() for future in futures] == [(at, threading.current_thread()) for at in range(3)]
    assert executor.waiting == 0


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
def test_nothing_that_a_task_raises_ends_the_loop(error: BaseException) -> None:
    def fails() -> None:
        raise error

    executor = MainThreadExecutor()
    failed, fine = executor.submit(fails), executor.submit(lambda: "still here")
    executor.finish()
    executor.run()
    assert failed.exception() is error
    assert fine.result() == "still here"


def test_what_runs_does_not_count_as_waiting() -> None:
    executor = MainThreadExecutor()
    seen = executor.submit(lambda: executor.waiting)
    executor.submit(lambda: None)
    executor.finish()
    executor.run()
    assert seen.result() == 1
