"""Spark's daemon of Python workers ends without a worker, and not while it has one. It is a real process."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

IDLE_S = 1.0
PROGRAM = "from pyml.offline.daemons.worker_daemon import main; main({}, {})"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a daemon as Spark does, for one of its sessions; the processes of one test find one another."""
    with contextlib.ExitStack() as running:

        def start(
            served_s: float = IDLE_S, idle_s: float = IDLE_S, session: str = "one", folder: Path | None = None
        ) -> subprocess.Popen[bytes]:
            of_session = {"SPARK_JOB_ARTIFACT_UUID": session, "PYTHON_WORKER_FACTORY_SECRET": f"secret of {session}"}
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM.format(idle_s, served_s), "pyspark.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "OF_ONE_TEST": str(tmp_path), **of_session, "PWD": str(folder or Path.cwd())},
                cwd=folder,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield start


@pytest.fixture
def daemon(start: Start) -> subprocess.Popen[bytes]:
    """The daemon of the first session, in a group of processes of its own."""
    return start()


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


def worker(daemon: subprocess.Popen[bytes], secret: str) -> socket.socket:
    """A connection to a new worker, which has accepted the secret of its session."""
    connection = socket.create_connection(("127.0.0.1", port(daemon)))
    assert int.from_bytes(connection.recv(4), "big") > 0
    connection.sendall(len(secret).to_bytes(4, "big") + secret.encode())
    assert connection.recv(6) == b"\0\0\0\2ok"
    return connection


def imports(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has imported what workers need: it has mapped Arrow's library."""
    return "libarrow" in Path(f"/proc/{process.pid}/maps").read_text()


def test_the_daemon_of_a_later_session_is_forked_from_the_first_and_imports_nothing(start: Start) -> None:
    first = start(served_s=60)
    with worker(first, "secret of one"):
        later = start(session="two")
        with worker(later, "secret of two"):
            assert imports(first)
            assert not imports(later)
    later.wait(timeout=20)
    assert later.returncode == 0
    assert first.poll() is None  # it stays for the next session


def test_versions_of_one_environment_share_the_fork_server_and_keep_their_folders(start: Start, tmp_path: Path) -> None:
    first = start(served_s=60)
    with worker(first, "secret of one"):
        later = start(session="two", folder=tmp_path)
        with socket.create_connection(("127.0.0.1", port(later))) as connection:
            process = int.from_bytes(connection.recv(4), "big")
            assert Path(f"/proc/{process}/cwd").readlink() == tmp_path
            assert not imports(later)


def test_a_daemon_that_was_forked_ends_with_the_process_that_spark_started_for_it(start: Start) -> None:
    first = start(served_s=60, idle_s=60)
    with worker(first, "secret of one"):
        later = start(session="two")
        with worker(later, "secret of two") as connection:
            later.terminate()
            connection.settimeout(20)
            assert connection.recv(1) == b""  # its worker is gone


def test_a_session_stays_when_spark_ends_that_of_the_fork_server(start: Start) -> None:
    first = start(served_s=60, idle_s=60)
    with worker(first, "secret of one") as of_first:
        later = start(session="two")
        with worker(later, "secret of two") as of_later:
            first.terminate()
            of_first.settimeout(20)
            assert of_first.recv(1) == b""
            of_later.settimeout(2 * IDLE_S)
            with pytest.raises(TimeoutError):
                of_later.recv(1)
            assert first.poll() is None
            later.terminate()
    first.wait(timeout=20)


def test_daemons_end_with_spark(tmp_path: Path) -> None:
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {PROGRAM.format(60, 60)!r}, 'pyspark.worker'])"
    )
    environment = {**os.environ, "OF_ONE_TEST": str(tmp_path), "PYTHON_WORKER_FACTORY_SECRET": "secret"}
    spark = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    with spark, worker(spark, "secret") as connection:
        spark.kill()
        connection.settimeout(20)
        assert connection.recv(1) == b""
        assert spark.stdout is not None
        assert spark.stdout.read() == b""  # nobody has it open any more


def test_a_spark_with_a_different_environment_has_daemons_that_import_for_themselves(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(served_s=60, idle_s=60)
    with worker(first, "secret of one"):
        monkeypatch.setenv("A_VARIABLE", "of a Spark that was started differently")
        other = start(session="two")
        with worker(other, "secret of two"):
            assert imports(other)


DRAWN = """
import os, random, sys
import pyspark.daemon
from pyml.offline.daemons import worker_daemon as daemon

def manager():
    print(set(daemon.EACH_WORKER_IMPORTS) <= set(sys.modules), flush=True)
    for _ in range(2):
        if os.fork() == 0:
            print(sys.modules["numpy"].random.random(), random.random(), flush=True)
            os._exit(0)
        os.wait()

pyspark.daemon.manager = manager
daemon.main(served_s=0)
"""


def test_workers_share_what_each_one_imports_and_no_random_numbers() -> None:
    command = [sys.executable, "-c", DRAWN, "pyspark.worker"]
    shared, *drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert shared == "True"
    assert len(set(drawn)) == len(drawn) == 4
