"""Sessions with a program in a model's virtual environment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, AnyStr

from pyml_sandbox.models.model_session import STDERR_MAX_CHARACTERS, LineSession, ProgramEnd, Session

LAST_OUTPUT_S = 5


def session_with_process(command: Sequence[str], environment: Mapping[str, str]) -> Session:
    """Start a program as a process of this user, and open a session with it; it ends with all its descendants."""
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the program runs
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    writer, reader = _pipes(process)

    def write(text: str) -> None:
        writer.write(text)
        writer.flush()

    def ended() -> ProgramEnd:
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may have closed its stdout and still run
            process.wait(LAST_OUTPUT_S)
        return ProgramEnd(process.returncode, _last_of(errors))

    def end() -> None:
        end_group(process)
        with contextlib.suppress(OSError):
            writer.close()
        errors.close()

    return LineSession(write, _lines(reader), ended, end)


def end_group(process: subprocess.Popen[AnyStr]) -> None:
    """End a program and its descendants. Blocks until the program has ended.

    Args:
        process: started with `start_new_session`.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):  # none is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _lines(reader: IO[str]) -> Iterator[str]:
    """The lines of a pipe, which the reading thread closes: closing it while it is read would block."""
    with reader:
        yield from reader


def _last_of(errors: IO[bytes]) -> str:
    """The end of a file that may be of any size."""
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - 4 * STDERR_MAX_CHARACTERS))
    return errors.read().decode(errors="replace")


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("a session needs both pipes")
    return process.stdin, process.stdout
