"""The trial load of a new model in its own virtual environment, which gives its signature."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from pyml_sandbox.drivers.process.service_runner import inherited
from pyml_sandbox.drivers.process.session import end_group
from pyml_sandbox.models.load_time import TRIAL_TIMEOUT_S, too_slow


def load_on_trial(launcher: Path, package: Path, timeout_s: float = TRIAL_TIMEOUT_S) -> Mapping[str, object]:
    """Load a model once, with the environment variables that its server will have. Blocks.

    Processes that the model started meanwhile are ended.

    Args:
        launcher: script that starts the Python of the model's environment.
        package: folder of the model package.
        timeout_s: seconds that loading may take.

    Returns:
        The model's signature, as `pyml.inference.describe.Signature` writes it.

    Raises:
        PackageError: the model cannot be loaded, or takes too long.
    """
    from pyml.inference.describe import signature_of

    code, stdout, stderr = _run([str(launcher), "-m", "pyml.inference.describe", str(package)], timeout_s)
    return signature_of(code, stdout, stderr, package).to_json()


def _run(command: Sequence[str], timeout_s: float) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a program, through files: a child that outlives it would hold a pipe open."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr, _pipe() as read_end:
        process = subprocess.Popen(
            [*command, str(read_end)],
            pass_fds=[read_end],
            env=inherited(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise too_slow(timeout_s) from error
        finally:
            end_group(process)
        return code, _content(stdout), _content(stderr)


@contextlib.contextmanager
def _pipe() -> Iterator[int]:
    """The end of a pipe by which a program notices that this process was killed."""
    read_end, write_end = os.pipe()
    try:
        yield read_end
    finally:
        os.close(read_end)
        os.close(write_end)


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
