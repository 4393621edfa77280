"""What a model does to its own process: children of every kind, its stdin, its files; the server answers all the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from integration.serving import Caller, Serving, serving, until
from support.guests import CHILDREN, GUEST, STRANGE
from support.packages import write_package


@pytest.fixture(scope="module")
def shared() -> Iterator[Serving]:
    with serving() as found:
        found.server(write_package(found.folder / "guest", GUEST))
        yield found


@pytest.fixture
def server(shared: Serving) -> Iterator[Caller]:
    """A client of a server that must be the same process after the test."""
    caller = shared.caller()
    before = caller.do("pid")["said"]
    yield caller
    assert caller.do("pid")["said"] == before, shared.log("model-chores-1")
    caller.channel.close()


@pytest.mark.parametrize("act", CHILDREN)
def test_children_of_predict_work_and_leave_the_server_alone(server: Caller, act: str) -> None:
    assert server.do(act)["said"] == [CHILDREN[act]]


@pytest.mark.parametrize("act", STRANGE)
def test_whatever_predict_does_to_its_process_the_answer_is_the_answer(server: Caller, act: str) -> None:
    assert server.do(act) == {"y": [0.0], "said": [STRANGE[act]]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_a_child_ends_the_child_alone(server: Caller, shared: Serving, number: int) -> None:
    child = int(str(server.do("child")["said"][0]))
    log = shared.log("model-chores-1")
    os.kill(child, number)
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    assert server.do()["y"] == [0.0]
    assert "stopping" not in shared.log("model-chores-1")[len(log) :]


def test_a_child_that_outlives_the_server_does_not_hold_its_callers() -> None:
    with serving() as place:
        process = place.server(write_package(place.folder / "guest", GUEST))
        caller = place.caller()
        child = int(str(caller.do("child")["said"][0]))
        try:
            pending = caller.begin("stay")
            process.kill()
            process.wait()
            assert pending.exception(timeout=5) is not None
            names = [str(each.laddr) for each in psutil.Process(child).net_connections("unix")]
            assert not [name for name in names if name.startswith(str(place.sockets))]
        finally:
            os.kill(child, signal.SIGKILL)
