"""The contract of every driver, the fake included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract.benches import Bench, FakeBench, Kind, ProcessBench, WatchedBench
from pyml.errors import SandboxError
from pyml_sandbox.services.runner_contract import LiveService, ServiceState
from support.waiting import wait_for

SLEEPER = Kind("sleeper", lines=("hello",))


@pytest.fixture(params=["fake", "process"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WatchedBench]:
    bench: WatchedBench = FakeBench() if request.param == "fake" else ProcessBench(tmp_path)
    yield bench
    for sandbox in ("one", "two"):
        bench.driver(sandbox).shut_down()


def find(bench: Bench, name: str, sandbox: str = "one") -> LiveService:
    (found,) = (service for service in bench.driver(sandbox).live() if service.name == name)
    return found


def start(bench: Bench, kind: Kind, sandbox: str = "one") -> None:
    """Start it, and wait until its children are there, too."""
    bench.driver(sandbox).start(bench.spec(kind))
    wait_for(lambda: bench.processes(sandbox, kind.name) == 1 + kind.children, "all its processes run")


class TestDriver:
    def test_nothing_runs_before_anything_is_started(self, bench: Bench) -> None:
        assert bench.driver().live() == ()
        assert bench.driver().logs("sleeper", 5) == ()
        assert bench.driver().memory_bytes("sleeper") == 0

    def test_a_started_service_runs_and_says_from_which_spec(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        found = find(bench, "sleeper")
        assert found.state is ServiceState.RUNNING
        assert found.pid is not None
        assert found.digest == bench.spec(SLEEPER).digest
        assert (found.exits, found.last_exit) == (0, None)
        assert bench.driver().memory_bytes("sleeper") > 0

    def test_starting_a_running_service_again_leaves_it_alone(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        before = find(bench, "sleeper").pid
        bench.driver().start(bench.spec(SLEEPER))
        assert find(bench, "sleeper").pid == before

    def test_a_running_service_is_not_replaced_unasked(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        other = replace(bench.spec(SLEEPER), environment={"OTHER": "1"})
        with pytest.raises(SandboxError, match="another specification"):
            bench.driver().start(other)

    def test_a_stopped_service_can_be_started_from_another_spec(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        bench.driver().stop("sleeper")
        other = replace(bench.spec(SLEEPER), environment={"OTHER": "1"})
        bench.driver().start(other)
        assert find(bench, "sleeper").digest == other.digest

    def test_stopping_twice_is_stopping_once(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        bench.driver().stop("sleeper")
        bench.driver().stop("sleeper")
        assert find(bench, "sleeper").state is ServiceState.STOPPED
        assert bench.processes("one", "sleeper") == 0

    def test_stopping_what_was_never_started_is_fine(self, bench: Bench) -> None:
        bench.driver().stop("nobody")
        start(bench, SLEEPER)
        bench.driver().stop("nobody")

    def test_shutting_down_twice_is_shutting_down_once(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        bench.driver().shut_down()
        bench.driver().shut_down()
        assert bench.driver().live() == ()
        assert bench.processes() == 0

    def test_a_service_that_ignores_sigterm_is_stopped_all_the_same(self, bench: Bench) -> None:
        stubborn = Kind("stubborn", lines=("ready",), ignores_sigterm=True)
        start(bench, stubborn)
        wait_for(lambda: "ready" in bench.driver().logs("stubborn", 9), "it ignores SIGTERM by now")
        bench.driver().stop("stubborn")
        assert bench.processes("one", "stubborn") == 0

    def test_an_exit_at_once_shows_code_and_last_lines(self, bench: Bench) -> None:
        bench.driver().start(bench.spec(Kind("broken", lines=("first", "the reason"), exit_code=3)))
        wait_for(lambda: find(bench, "broken").exits > 0, "its end is noticed")
        last_exit = find(bench, "broken").last_exit
        assert last_exit is not None
        assert (last_exit.code, last_exit.reason) == (3, "exit code 3")
        assert list(bench.driver().logs("broken", 2)) == ["first", "the reason"]
        bench.driver().stop("broken")
        assert find(bench, "broken").last_exit == last_exit
        assert find(bench, "broken").state is ServiceState.STOPPED

    def test_a_service_that_is_started_anew_begins_with_a_clean_slate(self, bench: Bench) -> None:
        bench.driver().start(bench.spec(Kind("service", exit_code=3)))
        wait_for(lambda: find(bench, "service").exits > 0, "its end is noticed")
        start(bench, Kind("service"))
        found = find(bench, "service")
        assert (found.state, found.exits, found.last_exit) == (ServiceState.RUNNING, 0, None)

    def test_logs_outlive_the_service_until_it_is_started_anew(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        wait_for(lambda: "hello" in bench.driver().logs("sleeper", 9), "it said hello")
        bench.driver().shut_down()
        assert "hello" in bench.driver().logs("sleeper", 9)
        start(bench, replace(SLEEPER, lines=("hello again",)))
        wait_for(lambda: "hello again" in bench.driver().logs("sleeper", 9), "it said hello again")
        assert "hello" not in bench.driver().logs("sleeper", 9)

    def test_followed_logs_begin_with_the_last_lines(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        wait_for(lambda: "hello" in bench.driver().logs("sleeper", 9), "it said hello")
        assert next(bench.driver().follow(["sleeper"], 9)) == ("sleeper", "hello")

    @pytest.mark.parametrize("escape", [False, True], ids=["same group", "own session"])
    def test_grandchildren_die_too(self, bench: Bench, escape: bool) -> None:
        start(bench, Kind("parent", children=2, children_escape=escape))
        bench.driver().stop("parent")
        assert bench.processes("one", "parent") == 0

    def test_two_sandboxes_side_by_side_do_not_touch_each_other(self, bench: Bench) -> None:
        start(bench, SLEEPER, "one")
        start(bench, SLEEPER, "two")
        bench.driver("one").shut_down()
        assert bench.processes("one") == 0
        assert find(bench, "sleeper", "two").state is ServiceState.RUNNING
        assert bench.processes("two") == 1

    def test_services_outlive_the_process_that_started_them(self, bench: Bench) -> None:
        bench.start_elsewhere(bench.spec(SLEEPER))
        assert find(bench, "sleeper").state is ServiceState.RUNNING
        bench.driver().stop("sleeper")
        assert bench.processes() == 0

    def test_a_killed_service_comes_back(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        before = find(bench, "sleeper").pid
        bench.kill("sleeper")

        def is_back() -> bool:
            found = find(bench, "sleeper")
            return found.state is ServiceState.RUNNING and found.pid not in (None, before)

        wait_for(is_back, "it runs again")
        found = find(bench, "sleeper")
        assert found.exits == 1
        assert found.last_exit is not None
        assert "SIGKILL" in found.last_exit.reason

    def test_sweeping_a_healthy_sandbox_ends_nothing(self, bench: Bench) -> None:
        start(bench, SLEEPER)
        assert bench.driver().sweep() == 0
        assert bench.processes() == 1


class TestWatcher:
    """Of drivers that start a watcher of their own, which may be killed."""

    def test_what_a_killed_watcher_left_behind_is_swept(self, bench: WatchedBench) -> None:
        start(bench, Kind("parent", children=1))
        bench.kill_watcher()
        assert bench.driver().live() == ()
        assert bench.driver().sweep() == 2
        assert bench.processes() == 0

    @pytest.mark.parametrize("then", ["start", "shut_down"])
    def test_after_a_killed_watcher_nothing_runs_twice(self, bench: WatchedBench, then: str) -> None:
        start(bench, SLEEPER)
        bench.kill_watcher()
        if then == "start":
            bench.driver().start(bench.spec(SLEEPER))
        else:
            bench.driver().shut_down()
        wait_for(
            lambda: bench.processes() == (1 if then == "start" else 0), "just as many processes as there should be"
        )
