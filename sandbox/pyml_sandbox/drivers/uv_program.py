"""Running uv, which resolves requirements and makes virtual environments."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pyml.errors import SetupError
from pyml_sandbox.drivers.pip_settings import NO_INDEX, is_on
from pyml_sandbox.workspace.addresses import without_users

UV_TIMEOUT_S = 1800
OnLine = Callable[[str], None]


class UvError(Exception):
    """uv failed; `output` is what it wrote to stderr, without passwords."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


def run_uv(
    *arguments: str,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    given: str = "",
    on_line: OnLine = lambda line: None,
) -> str:
    """Run uv, and return its stdout. Blocks.

    Args:
        arguments: command and options of uv.
        environ: environment variables, see `uv_environment`.
        cwd: working directory, to which paths in requirements are relative.
        given: its stdin.
        on_line: called with each line that it writes to stderr, while it runs.

    Raises:
        UvError: uv failed.
        SetupError: uv cannot be started.
    """
    import uv

    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout:
        stdin.write(given.encode())
        stdin.seek(0)
        try:
            running = subprocess.Popen(
                [uv.find_uv_bin(), *arguments, *_no_index(arguments, environ)],
                cwd=cwd,
                env=dict(environ),
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise SetupError(f"uv, which makes model environments, cannot be run: {error}", "pip install uv") from error
        lines = _listen(running, on_line)
        if running.returncode != 0:
            raise UvError("\n".join(lines).strip())
        stdout.seek(0)
        return stdout.read().decode()


_OF_THE_SHELL = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME")
"""Variables that would bring packages of this shell into an environment, or into the build of a wheel for it."""


def uv_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """uv's environment variables: these, without colours, progress bars and any active environment or search path."""
    kept = {key: value for key, value in environ.items() if key not in _OF_THE_SHELL}
    return kept | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}


def _no_index(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The option for `UV_NO_INDEX`: uv itself reads no such variable."""
    return ["--no-index"] if arguments[:1] == ("pip",) and is_on(environ.get(NO_INDEX, "")) else []


def _listen(running: subprocess.Popen[str], on_line: OnLine) -> list[str]:
    """The lines on stderr of a program, each told at once; a program that takes too long is killed."""
    too_long = threading.Timer(UV_TIMEOUT_S, running.kill)
    too_long.daemon = True
    too_long.start()
    lines: list[str] = []
    try:
        with running:
            for line in running.stderr or ():
                lines.append(without_users(line.rstrip("\n")))
                on_line(lines[-1])
    except BaseException:
        running.kill()
        raise
    finally:
        too_long.cancel()
    return lines
