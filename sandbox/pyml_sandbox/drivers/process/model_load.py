"""The first time that a model is loaded in its own virtual environment: what it declares."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from pyml.errors import PackageError
from pyml_sandbox.drivers.process.service_runner import inherited

TIMEOUT_S = 300


def load_on_trial(launcher: Path, package: Path, timeout_s: float = TIMEOUT_S) -> Mapping[str, object]:
    """Load a model once, as it will be served: with the variables of the shell that a server gets. Blocks.

    Whatever the model started meanwhile is ended.

    Args:
        launcher: script that starts the Python of its environment.
        package: its folder.
        timeout_s: how long loading it may take.

    Returns:
        The model's kind, inputs and outputs, as `pyml.inference.describe.Signature` writes them.

    Raises:
        PackageError: it cannot be loaded, or takes too long.
    """
    from pyml.inference.describe import signature_of

    code, printed, said = _run([str(launcher), "-m", "pyml.inference.describe", str(package)], timeout_s)
    return signature_of(code, printed, said, package).to_json()


def _run(command: Sequence[str], timeout_s: float) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a program; both are files, since a child that outlives it would hold a pipe."""
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            env=inherited(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise PackageError(f"loading the model took longer than {timeout_s:g} s", []) from error
        finally:
            _end(process)
        return code, _content(printed), _content(said)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its descendants."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # none is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
