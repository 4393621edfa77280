"""The fork server: it forks a daemon of Python workers for each session of Spark that runs a model's Python.

Spark starts a process for each session. The first one imports what daemons need, listens, and forks its own daemon.
Each later one hands its standard streams, folder and environment to the first, waits for the daemon that is forked for
it, and imports nothing but this module. The daemon runs nothing but Spark's own loop, so that it is as fresh as a
daemon that was started: no session gets a process that has run a model.

It listens on a name of Linux's abstract namespace, which is no file that anybody has to remove, and takes only
processes of its own user that the same Spark started in the same way: with the same interpreter, search path and
environment. All versions of a model that have one environment share it: they differ in their folder. Elsewhere, and
where the name is taken, every session has a daemon that imports for itself.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import NoReturn

STREAMS = (0, 1, 2)
OF_ONE_SESSION = frozenset({"SPARK_JOB_ARTIFACT_UUID", "PYTHON_WORKER_FACTORY_SECRET", "PWD", "OLDPWD"})
"""Environment variables in which the sessions of one Spark differ, and which nothing reads while it is imported."""
LOOK_EVERY_S = 1.0
"""How often the server looks whether a daemon has ended, and Spark itself; Spark's daemons look as often."""
REQUEST_MAX_BYTES = 1 << 20
PATIENCE_S = 60.0
"""How long the server may take to answer a request, since it may still import, or a process to send it."""
END, FORKED = b"\n", b"\x01"
"""What ends a request, and the answer to it."""


def has_forked_for_this_process() -> bool:
    """Whether a fork server forked a daemon for this process; if so, that daemon has ended. Blocks meanwhile."""
    with _stream_socket() as connection:
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(_name(os.environ, os.getppid()))
            if not _is_of_this_user(connection):
                return False
            socket.send_fds(connection, [b"\0"], list(STREAMS))
            connection.sendall(json.dumps([os.getcwd(), dict(os.environ)]).encode() + END)
            if connection.recv(1) != FORKED:
                return False
            connection.settimeout(None)
            connection.recv(1)  # nothing comes: the daemon has ended, or the server
        except OSError:
            return False
        return True


def listening() -> socket.socket | None:
    """A socket on which this process is the fork server; None where there is one already, or no such name."""
    listener = _stream_socket()
    try:
        listener.bind(_name(os.environ, os.getppid()))
        listener.listen(socket.SOMAXCONN)
    except OSError:
        listener.close()
        return None
    return listener


def serve(listener: socket.socket, daemon: Callable[[], None], idle_s: float) -> None:
    """Fork a daemon for this process and one for each that asks, until Spark has ended or none was there for long.

    Args:
        listener: of `listening`.
        daemon: starts workers; called in a process of its own, with the streams and the environment of who asks.
        idle_s: how long to stay without a daemon.
    """
    gc.collect()
    gc.freeze()  # what is imported stays shared
    server = _ForkServer(listener, daemon)
    server.fork_own()
    server.run(idle_s)


class _ForkServer:
    """The server's loop.

    Args:
        listener: where requests come in.
        daemon: what a forked process runs.
    """

    def __init__(self, listener: socket.socket, daemon: Callable[[], None]) -> None:
        self._listener = listener
        self._daemon = daemon
        self._spark = os.getppid()
        self._own: int | None = None
        self._asked: dict[int, socket.socket | None] = {}
        self._is_told_to_end = False

    def fork_own(self) -> None:
        """Fork the daemon of the session that started this process, and let go of its streams."""
        signal.signal(signal.SIGTERM, self._on_sigterm)
        self._own = self._fork(STREAMS, os.getcwd(), os.environ.copy())
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.close(nothing)

    def run(self, idle_s: float) -> None:
        """Serve until there is no reason to; see `serve`."""
        busy_at = time.monotonic()
        while os.getppid() == self._spark:
            asked = {connection: pid for pid, connection in self._asked.items() if connection is not None}
            ready, _, _ = select.select([self._listener, *asked], [], [], LOOK_EVERY_S)
            for each in ready:
                if each is self._listener:
                    self._accept()
                else:  # who asked has ended: Spark has no use for its daemon
                    each.close()
                    self._asked[asked[each]] = None
                    _end(asked[each])
            self._reap()
            if self._own is not None or self._asked:
                busy_at = time.monotonic()
            elif self._is_told_to_end or time.monotonic() - busy_at > idle_s:
                break
        for pid in (self._own, *self._asked):
            _end(pid)

    def _on_sigterm(self, _number: int, _frame: FrameType | None) -> None:
        """Spark ends the daemon of its session; those of other sessions stay."""
        self._is_told_to_end = True
        _end(self._own)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE_S)
        streams: list[int] = []
        try:
            if not _is_of_this_user(connection):
                raise ConnectionError("a process of a different user asked")
            _, streams, _, _ = socket.recv_fds(connection, 1, len(STREAMS))
            folder, environment = json.loads(_request(connection))
            if len(streams) != len(STREAMS) or select.select([connection], [], [], 0)[0]:
                raise ConnectionError("who asked for it has ended")
            pid = self._fork(streams, folder, environment)
            self._asked[pid] = connection
            with contextlib.suppress(OSError):  # who asked has ended since: the loop sees it
                connection.sendall(FORKED)
        except (OSError, ValueError) as error:
            print(f"a daemon was not forked: {error}", file=sys.stderr)
            connection.close()
        finally:
            for stream in streams:
                os.close(stream)

    def _fork(self, streams: Sequence[int], folder: str, environment: Mapping[str, str]) -> int:
        """Fork a daemon with these streams, in this folder; its number."""
        pid = os.fork()
        if pid == 0:
            self._become_daemon(streams, folder, environment)
        return pid

    def _become_daemon(self, streams: Sequence[int], folder: str, environment: Mapping[str, str]) -> NoReturn:
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for descriptor, place in zip(streams, STREAMS, strict=True):
                if descriptor != place:
                    os.dup2(descriptor, place)
                    os.close(descriptor)
            for each in (self._listener, *self._asked.values()):
                if each is not None:
                    each.close()
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            self._daemon()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except Exception:  # noqa: BLE001 - what Python itself would do with it at the end of a process
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _reap(self) -> None:
        """Let go of daemons that have ended; who asked for one ends with it."""
        with contextlib.suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                if pid == self._own:
                    self._own = None
                elif pid in self._asked:
                    connection = self._asked.pop(pid)
                    if connection is not None:
                        connection.close()


def _end(pid: int | None) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _request(connection: socket.socket) -> bytes:
    """What a process sends until the end of its request."""
    found = b""
    while not found.endswith(END):
        part = connection.recv(1 << 16)
        if not part or len(found) > REQUEST_MAX_BYTES:
            raise ConnectionError("it was not asked for to the end")
        found += part
    return found


def _stream_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


def _name(environment: Mapping[str, str], spark: int) -> bytes:
    """The abstract name of the server for processes that differ from this one in nothing but their session."""
    shared = sorted((name, value) for name, value in environment.items() if name not in OF_ONE_SESSION)
    alike = [spark, os.getuid(), sys.executable, sys.path, sys.argv[1:], shared]
    return b"\0pyml-workers-" + hashlib.sha256(json.dumps(alike).encode()).hexdigest().encode()


def _is_of_this_user(connection: socket.socket) -> bool:
    """Whether the process at the end of a connection runs as this user: any user may take an abstract name."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(user == os.getuid())
