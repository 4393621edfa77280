"""A peer that does not start, or predicts something else, is refused with the reason, and none of it still runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmarks import peer_requests as forms
from benchmarks import peer_servers
from benchmarks.peer_environments import UnavailablePeerError
from benchmarks.peer_servers import Launch, peer_targets
from support.free_ports import free_ports

ANSWERS = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = sys.argv[2].encode()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

open("pid", "w").write(str(os.getpid()))
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
Launches = Callable[[str, str], None]


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Launches:
    """Makes a program with an argument the peer `mosec`, in the Python of the tests."""

    def launch(program: str, argument: str) -> None:
        (port,) = free_ports(1)
        command = [sys.executable, "-c", program, str(port), argument]
        way = f"http://127.0.0.1:{port}/predict", forms.COLUMNS_JSON
        monkeypatch.setattr(peer_servers, "peer_python", lambda peer, cache: Path(sys.executable))
        monkeypatch.setitem(peer_servers.LAUNCHES, "mosec", lambda python, folder: Launch(command, {"mosec": way}))

    return launch


def refusal(tmp_path: Path) -> str:
    with pytest.raises(UnavailablePeerError) as refused, peer_targets("mosec", tmp_path, tmp_path / "peer"):
        pass
    return str(refused.value)


def test_a_peer_that_ends_says_its_last_line(launches: Launches, tmp_path: Path) -> None:
    launches("import sys; sys.exit('no such model: ' + sys.argv[2])", "logistic")
    assert refusal(tmp_path) == "ended with 1: no such model: logistic"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"p": [0.5]}', "its predictions are different"),
        ('{"q": [0.5]}', "no predictions in its answer"),
        ("half of a", "no predictions in its answer"),
    ],
)
def test_a_peer_that_answers_something_else_is_refused_and_ended(
    launches: Launches, tmp_path: Path, answer: str, reason: str
) -> None:
    launches(ANSWERS, answer)
    assert refusal(tmp_path).startswith(reason)
    assert not psutil.pid_exists(int((tmp_path / "peer" / "pid").read_text()))
