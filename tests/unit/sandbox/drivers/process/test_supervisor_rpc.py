"""Speaking to supervisord over its socket: which refusals are expected, and what is said when it does not answer."""

from __future__ import annotations

import pickle
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from xmlrpc.client import Fault, dumps, loads

import pytest

from pyml.errors import SandboxError
from pyml_sandbox.drivers.process.supervisor_rpc import (
    ALREADY_ADDED,
    ALREADY_STARTED,
    BAD_NAME,
    NOT_RUNNING,
    SPAWN_ERROR,
    RefusedError,
    Supervisor,
)

HarnessResponse = Mapping[str, object]


class Asked(socketserver.StreamRequestHandler):
    """One call over HTTP, as XML-RPC has it."""

    server: Watcher

    def handle(self) -> None:
        size = 0
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        arguments, method = loads(self.rfile.read(size))
        answer = self.server.answer(str(method), arguments)
        body = dumps(
            answer if isinstance(answer, Fault) else cast("tuple[str]", (answer,)), methodresponse=True
        ).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


class Watcher(socketserver.UnixStreamServer):
    """A supervisord that answers each method as it is told to: with a value, or with a fault of a number."""

    def __init__(self, path: Path, answers: HarnessResponse) -> None:
        super().__init__(str(path), Asked)
        self.answers = answers
        self.calls: list[tuple[object, ...]] = []

    def answer(self, method: str, arguments: tuple[object, ...]) -> object:
        name = method.removeprefix("supervisor.")
        self.calls.append((name, *arguments))
        found = self.answers.get(name, True)
        return Fault(found, f"FAULT {found}") if isinstance(found, int) and found is not True else found


@contextmanager
def watched(folder: Path, answers: HarnessResponse) -> Iterator[tuple[Supervisor, Watcher]]:
    """A supervisord that listens, and who speaks to it."""
    with Watcher(folder / "s", answers) as watcher:
        thread = threading.Thread(target=watcher.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Supervisor(folder / "s", 5), watcher
        finally:
            watcher.shutdown()
            thread.join()


def test_what_it_knows_is_given_back(tmp_path: Path) -> None:
    found = [{"name": "fare", "state": 20}]
    with watched(tmp_path, {"getAllProcessInfo": found, "getPID": "17"}) as (supervisor, _):
        assert supervisor.services() == found
        assert supervisor.pid() == 17


def test_a_service_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    with watched(tmp_path, {}) as (supervisor, watcher):
        supervisor.replace("fare")
    assert watcher.calls == [
        ("reloadConfig",),
        ("removeProcessGroup", "fare"),
        ("reloadConfig",),
        ("addProcessGroup", "fare"),
    ]


def test_a_service_that_is_new_is_only_added(tmp_path: Path) -> None:
    with watched(tmp_path, {"removeProcessGroup": BAD_NAME}) as (supervisor, watcher):
        supervisor.replace("fare")
    assert watcher.calls == [("reloadConfig",), ("removeProcessGroup", "fare"), ("addProcessGroup", "fare")]


EXPECTED = [
    ("start", "startProcess", ALREADY_STARTED),
    ("start", "startProcess", SPAWN_ERROR),
    ("stop", "stopProcess", BAD_NAME),
    ("stop", "stopProcess", NOT_RUNNING),
    ("replace", "addProcessGroup", ALREADY_ADDED),
]


@pytest.mark.parametrize(("operation", "method", "fault"), EXPECTED)
def test_a_refusal_that_says_that_it_is_so_already_is_fine(
    operation: str, method: str, fault: int, tmp_path: Path
) -> None:
    with watched(tmp_path, {method: fault}) as (supervisor, watcher):
        assert getattr(supervisor, operation)("fare") in (None, False)
    assert any(call[0] == method for call in watcher.calls)


@pytest.mark.parametrize(("operation", "method", "fault"), [("start", "startProcess", 20), ("stop", "stopProcess", 6)])
def test_any_other_refusal_is_an_error_with_supervisords_words(
    operation: str, method: str, fault: int, tmp_path: Path
) -> None:
    with watched(tmp_path, {method: fault}) as (supervisor, _), pytest.raises(RefusedError) as caught:
        getattr(supervisor, operation)("fare")
    assert (caught.value.fault, caught.value.reason) == (fault, f"FAULT {fault}")
    assert caught.value.message == f"supervisord refused {method}: FAULT {fault}"


def test_stopping_says_whether_there_was_anything_to_stop(tmp_path: Path) -> None:
    with watched(tmp_path, {}) as (supervisor, watcher):
        assert supervisor.stop("fare")
    assert watcher.calls == [("stopProcess", "fare", False)]  # it does not wait


def test_all_are_stopped_without_waiting(tmp_path: Path) -> None:
    with watched(tmp_path, {}) as (supervisor, watcher):
        supervisor.stop_all()
        supervisor.shut_down()
    assert watcher.calls == [("stopAllProcesses", False), ("shutdown",)]


def test_a_refusal_survives_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(RefusedError("startProcess", 20, "no")))
    assert (error.method, error.fault, error.reason) == ("startProcess", 20, "no")


# ---- nobody there


def test_a_socket_that_is_not_there_or_that_nobody_listens_on_counts_as_down(tmp_path: Path) -> None:
    assert not Supervisor(tmp_path / "none", 1).is_up()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    assert not Supervisor(tmp_path / "left", 1).is_up()


def test_one_that_listens_is_up(tmp_path: Path) -> None:
    with watched(tmp_path, {}) as (supervisor, _):
        assert supervisor.is_up()


def test_one_that_does_not_answer_in_time_is_an_error_of_ours(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        with pytest.raises(SandboxError, match="does not answer") as caught:
            Supervisor(tmp_path / "s", 0.05).services()
    assert caught.value.hint == "pyml dev down"


def test_one_that_is_gone_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="does not answer"):
        Supervisor(tmp_path / "none", 1).pid()
