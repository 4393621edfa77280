"""The contract of every driver, the fake included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract.benches import FakeScene, Kind, ProcessScene, RunnerScene, WatchedScene
from pyml.errors import SandboxError
from pyml_sandbox.services.runner_contract import LiveService, Resources, ServiceState
from support.waiting import wait_for

SLEEPER = Kind("sleeper", lines=("hello",))


@pytest.fixture(params=["fake", "process"])
def context(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WatchedScene]:
    context: WatchedScene = FakeScene() if request.param == "fake" else ProcessScene(tmp_path)
    yield context
    for sandbox in ("one", "two"):
        context.runner(sandbox).shut_down()


def find(context: RunnerScene, name: str, sandbox: str = "one") -> LiveService:
    (found,) = (service for service in context.runner(sandbox).live() if service.name == name)
    return found


def start(context: RunnerScene, kind: Kind, sandbox: str = "one") -> None:
    """Start it, and wait until its children are there, too."""
    context.runner(sandbox).start(context.spec(kind))
    wait_for(lambda: context.processes(sandbox, kind.name) == 1 + kind.children, "all its processes run")


class TestDriver:
    def test_nothing_runs_before_anything_is_started(self, context: RunnerScene) -> None:
        assert context.runner().live() == ()
        assert context.runner().logs("sleeper", 5) == ()
        assert context.runner().resources("sleeper") == Resources()

    def test_a_started_service_runs_and_says_from_which_spec(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        found = find(context, "sleeper")
        assert found.state is ServiceState.RUNNING
        assert found.pid is not None
        assert found.digest == context.spec(SLEEPER).digest
        assert (found.exits, found.last_exit) == (0, None)
        used = context.runner().resources("sleeper")
        assert used.memory_bytes > 0
        assert used.threads > 0

    def test_starting_a_running_service_again_leaves_it_alone(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        before = find(context, "sleeper").pid
        context.runner().start(context.spec(SLEEPER))
        assert find(context, "sleeper").pid == before

    def test_a_running_service_is_not_replaced_unasked(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        other = replace(context.spec(SLEEPER), environment={"OTHER": "1"})
        with pytest.raises(SandboxError, match="a different specification"):
            context.runner().start(other)

    def test_a_stopped_service_can_be_started_from_another_spec(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        context.runner().stop("sleeper")
        other = replace(context.spec(SLEEPER), environment={"OTHER": "1"})
        context.runner().start(other)
        assert find(context, "sleeper").digest == other.digest

    def test_stopping_twice_is_stopping_once(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        context.runner().stop("sleeper")
        context.runner().stop("sleeper")
        assert find(context, "sleeper").state is ServiceState.STOPPED
        assert context.processes("one", "sleeper") == 0

    def test_stopping_what_was_never_started_is_fine(self, context: RunnerScene) -> None:
        context.runner().stop("nobody")
        start(context, SLEEPER)
        context.runner().stop("nobody")

    def test_shutting_down_twice_is_shutting_down_once(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        context.runner().shut_down()
        context.runner().shut_down()
        assert context.runner().live() == ()
        assert context.processes() == 0

    def test_a_service_that_ignores_sigterm_is_stopped_all_the_same(self, context: RunnerScene) -> None:
        stubborn = Kind("stubborn", lines=("ready",), ignores_sigterm=True)
        start(context, stubborn)
        wait_for(lambda: "ready" in context.runner().logs("stubborn", 9), "it ignores SIGTERM by now")
        context.runner().stop("stubborn")
        assert context.processes("one", "stubborn") == 0

    def test_an_exit_at_once_shows_code_and_last_lines(self, context: RunnerScene) -> None:
        context.runner().start(context.spec(Kind("broken", lines=("first", "the reason"), exit_code=3)))
        wait_for(lambda: find(context, "broken").exits > 0, "its end is noticed")
        last_exit = find(context, "broken").last_exit
        assert last_exit is not None
        assert (last_exit.code, last_exit.reason) == (3, "exit code 3")
        assert list(context.runner().logs("broken", 2)) == ["first", "the reason"]
        context.runner().stop("broken")
        assert find(context, "broken").last_exit == last_exit
        assert find(context, "broken").state is ServiceState.STOPPED

    def test_a_service_that_is_started_anew_begins_with_a_clean_slate(self, context: RunnerScene) -> None:
        context.runner().start(context.spec(Kind("service", exit_code=3)))
        wait_for(lambda: find(context, "service").exits > 0, "its end is noticed")
        context.runner().stop("service")  # else it may run at this moment: it is started again each time that it ends
        start(context, Kind("service"))
        found = find(context, "service")
        assert (found.state, found.exits, found.last_exit) == (ServiceState.RUNNING, 0, None)

    def test_logs_outlive_the_service_until_it_is_started_anew(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        wait_for(lambda: "hello" in context.runner().logs("sleeper", 9), "it said hello")
        context.runner().shut_down()
        assert "hello" in context.runner().logs("sleeper", 9)
        start(context, replace(SLEEPER, lines=("hello again",)))
        wait_for(lambda: "hello again" in context.runner().logs("sleeper", 9), "it said hello again")
        assert "hello" not in context.runner().logs("sleeper", 9)

    def test_followed_logs_begin_with_the_last_lines(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        wait_for(lambda: "hello" in context.runner().logs("sleeper", 9), "it said hello")
        assert next(context.runner().follow(["sleeper"], 9)) == ("sleeper", "hello")

    @pytest.mark.parametrize("escape", [False, True], ids=["same group", "own session"])
    def test_grandchildren_die_too(self, context: RunnerScene, escape: bool) -> None:
        start(context, Kind("parent", children=2, children_escape=escape))
        context.runner().stop("parent")
        assert context.processes("one", "parent") == 0

    def test_two_sandboxes_side_by_side_do_not_touch_each_other(self, context: RunnerScene) -> None:
        start(context, SLEEPER, "one")
        start(context, SLEEPER, "two")
        context.runner("one").shut_down()
        assert context.processes("one") == 0
        assert find(context, "sleeper", "two").state is ServiceState.RUNNING
        assert context.processes("two") == 1

    def test_services_outlive_the_process_that_started_them(self, context: RunnerScene) -> None:
        context.start_elsewhere(context.spec(SLEEPER))
        assert find(context, "sleeper").state is ServiceState.RUNNING
        context.runner().stop("sleeper")
        assert context.processes() == 0

    def test_a_killed_service_comes_back(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        before = find(context, "sleeper").pid
        context.kill("sleeper")

        def is_back() -> bool:
            found = find(context, "sleeper")
            return found.state is ServiceState.RUNNING and found.pid not in (None, before)

        wait_for(is_back, "it runs again")
        found = find(context, "sleeper")
        assert found.exits == 1
        assert found.last_exit is not None
        assert "SIGKILL" in found.last_exit.reason

    def test_a_paused_service_says_so_and_goes_on_where_it_was(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        before = find(context, "sleeper").pid
        context.pause("sleeper")
        wait_for(lambda: find(context, "sleeper").state is ServiceState.PAUSED, "it is seen to be paused")
        context.runner().resume("sleeper")
        wait_for(lambda: find(context, "sleeper").state is ServiceState.RUNNING, "it runs again")
        assert find(context, "sleeper").pid == before
        context.runner().resume("sleeper")
        context.runner().resume("nobody")
        assert find(context, "sleeper").state is ServiceState.RUNNING

    def test_a_paused_service_can_be_stopped(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        context.pause("sleeper")
        context.runner().stop("sleeper")
        assert context.processes(name="sleeper") == 0

    def test_sweeping_a_healthy_sandbox_ends_nothing(self, context: RunnerScene) -> None:
        start(context, SLEEPER)
        assert context.runner().remove_orphans() == 0
        assert context.processes() == 1


class TestWatcher:
    """Of drivers that start a watcher of their own, which may be killed."""

    def test_what_a_killed_watcher_left_behind_is_swept(self, context: WatchedScene) -> None:
        start(context, Kind("parent", children=1))
        context.kill_watcher()
        assert context.runner().live() == ()
        assert context.runner().remove_orphans() == 2
        assert context.processes() == 0

    @pytest.mark.parametrize("then", ["start", "shut_down"])
    def test_after_a_killed_watcher_nothing_runs_twice(self, context: WatchedScene, then: str) -> None:
        start(context, SLEEPER)
        context.kill_watcher()
        if then == "start":
            context.runner().start(context.spec(SLEEPER))
        else:
            context.runner().shut_down()
        wait_for(
            lambda: context.processes() == (1 if then == "start" else 0), "just as many processes as there should be"
        )
