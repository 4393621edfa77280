"""Spark's daemon of Python workers ends without a worker, and not while it has one. It is a real process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

IDLE_S = 1.0
PROGRAM = f"from pyml.offline.worker_daemon import main; main({IDLE_S})"


@pytest.fixture
def daemon() -> Iterator[subprocess.Popen[bytes]]:
    """The daemon as Spark starts it, in a group of processes of its own."""
    environment = {**os.environ, "PYTHON_WORKER_FACTORY_SECRET": "secret"}
    command = [sys.executable, "-c", PROGRAM, "pyspark.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        yield process
        process.kill()


def port(daemon: subprocess.Popen[bytes]) -> int:
    """Where the daemon listens: the first four bytes that it writes."""
    assert daemon.stdout is not None
    return int.from_bytes(daemon.stdout.read(4), "big")


def test_it_ends_without_a_worker(daemon: subprocess.Popen[bytes]) -> None:
    assert port(daemon)
    daemon.wait(timeout=20)


def test_it_stays_while_it_has_a_worker(daemon: subprocess.Popen[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port(daemon))) as connection:
        assert int.from_bytes(connection.recv(4), "big") > 0  # the number of the worker, which waits for the secret now
        with pytest.raises(subprocess.TimeoutExpired):
            daemon.wait(timeout=2.5 * IDLE_S)
    daemon.wait(timeout=20)


def test_it_ends_with_spark(daemon: subprocess.Popen[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port(daemon))) as connection:
        assert connection.recv(4)
        assert daemon.stdin is not None
        daemon.stdin.close()
        daemon.wait(timeout=20)


DRAWN = """
import os, random, sys
from pyml.offline import worker_daemon as daemon

def manager():
    print(set(daemon.EACH_WORKER_IMPORTS) <= set(sys.modules), flush=True)
    for _ in range(2):
        if os.fork() == 0:
            print(sys.modules["numpy"].random.random(), random.random(), flush=True)
            os._exit(0)
        os.wait()

daemon.manager = manager
daemon.main()
"""


def test_workers_share_what_each_one_imports_and_no_random_numbers() -> None:
    command = [sys.executable, "-c", DRAWN, "pyspark.worker"]
    shared, *drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert shared == "True"
    assert len(set(drawn)) == len(drawn) == 4
