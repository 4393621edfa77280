"""`pyml console` as a program: where it is, how it ends, and ports that cannot be had."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml_cli.console import serve_console
from pyml_cli.console.serve_console import DEFAULT_PORT, _listening


@pytest.fixture
def taken() -> socket.socket:
    """A port of this machine that somebody listens on."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen()
    return made


def test_a_port_that_is_taken_is_told_with_the_way_out(taken: socket.socket) -> None:
    with taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=str(port)) as error:
            _listening(port)
    assert "pyml console" in error.value.hint


def test_where_the_usual_port_is_taken_a_free_one_serves(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with taken:
        monkeypatch.setattr(serve_console, "DEFAULT_PORT", taken.getsockname()[1])
        with _listening(None) as free:
            assert free.getsockname()[1] not in (DEFAULT_PORT, taken.getsockname()[1])


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_says_where_it_is_and_a_signal_ends_it_well(tmp_path: Path, end: signal.Signals) -> None:
    command = [sys.executable, "-m", "pyml_cli", "console", "--no-open", "--json"]
    environ = {**os.environ, "PYML_HOME": str(tmp_path)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        started = json.loads(program.stdout.readline())
        person = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(), urllib.request.ProxyHandler({}))
        with person.open(started["address"]) as page:
            assert (page.status, page.geturl().rpartition("/")[2]) == (200, "sandbox")
        program.send_signal(end)
        stdout, stderr = program.communicate(timeout=60)
    assert json.loads(stdout) == {"sandbox": "default", "stopped": True}
    assert stderr == ""
    assert program.returncode == 0
