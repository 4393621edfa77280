"""Sessions with a program in a model's virtual environment."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

from pyml_sandbox.models.model_session import LineSession, Session

LAST_OUTPUT_S = 5


def session_with_process(command: Sequence[str], environment: Mapping[str, str]) -> Session:
    """Start a program as a process of this user, and open a session with it."""
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open for as long as the program runs
    process = subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
    )
    writer, reader = _pipes(process)

    def write(text: str) -> None:
        writer.write(text)
        writer.flush()

    def stderr() -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may have closed its stdout and still run
            process.wait(LAST_OUTPUT_S)
        errors.seek(0)
        return errors.read()

    def end() -> None:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            writer.close()
        reader.close()
        errors.close()

    return LineSession(write, reader, stderr, end)


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("a session needs both pipes")
    return process.stdin, process.stdout
