"""A rehearsal: services are started, asked once, and ended, so that Java writes the archives of their classes.

It imports nothing but the runtime, so that it also runs while an image is built (compose/base.Dockerfile).
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pyml.probes import NotReadyError

PROBE_TIMEOUT_S = 5.0
PROBE_EVERY_S = 0.2
END_TIMEOUT_S = 300
"""An archive of Spark's classes takes half a minute on a busy machine."""


class RehearsalError(Exception):
    """A service of the rehearsal ended by itself, or never answered."""


@dataclass(frozen=True)
class Role:
    """A service of a rehearsal.

    Attributes:
        command: the program and its arguments.
        environment: all its environment variables.
        folder: its working directory.
        asks: the real requests that it must answer, in order; each raises NotReadyError until it is answered.
        start_timeout_s: seconds that it may take until then.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    asks: Sequence[Callable[[float], None]]
    start_timeout_s: float = 180


def rehearse(roles: Sequence[Role], log: Path) -> None:
    """Start services one after the other, ask each, and end them, the last one first. Blocks until all have ended.

    Args:
        roles: the services; each may need those before it.
        log: file for what they write.

    Raises:
        RehearsalError: one of them ended by itself or did not answer; all are killed.
    """
    with log.open("ab") as file, ExitStack() as processes:
        started = []
        for role in roles:
            process = subprocess.Popen(
                role.command,
                env=dict(role.environment),
                cwd=role.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
            processes.callback(process.wait)
            processes.callback(process.kill)
            started.append(process)
            _ask(role, process)
        for process in reversed(started):
            process.terminate()
            process.wait(END_TIMEOUT_S)


def _ask(role: Role, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + role.start_timeout_s
    for ask in role.asks:
        while True:
            try:
                ask(PROBE_TIMEOUT_S)
                break
            except NotReadyError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RehearsalError(f"{role.command[0]} did not start: {error.message}") from error
                time.sleep(PROBE_EVERY_S)
