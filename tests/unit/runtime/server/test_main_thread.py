"""One thread runs the model; everything else waits its turn."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

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


@pytest.fixture
def executor_that_a_signal_ends() -> Iterator[MainThreadExecutor]:
    executor = MainThreadExecutor()
    earlier = signal.signal(signal.SIGUSR1, lambda *_: executor.finish())
    yield executor
    signal.signal(signal.SIGUSR1, earlier)


def test_a_signal_that_a_different_thread_takes_is_handled_at_once(
    executor_that_a_signal_ends: MainThreadExecutor,
) -> None:
    executor = executor_that_a_signal_ends
    waits = threading.Event()
    is_late = threading.Event()

    def give_up() -> None:
        is_late.set()
        executor.finish()

    def take_the_signal() -> None:
        waits.wait()
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    taker, watchdog = threading.Thread(target=take_the_signal), threading.Timer(10, give_up)
    executor.call(waits.set)
    taker.start()
    watchdog.start()
    executor.run()
    watchdog.cancel()
    taker.join()
    assert not is_late.is_set()
    assert signal.set_wakeup_fd(-1) == -1
