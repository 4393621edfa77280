"""Sessions with a program in a container of a model's image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyml.errors import SandboxError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.engine.temporary_container import Program, temporary_container
from pyml_sandbox.models.model_session import LineSession, ProgramEnd, Session

LAST_LINES = 100
LAST_OUTPUT_S = 5


def session_with_container(engine: Engine, image_id: str, command: Sequence[str]) -> Session:
    """Start a program in a container as a model server runs: without a network, and with only /tmp to write to.

    Args:
        engine: runs the container.
        image_id: of the model version.
        command: the program and its arguments.
    """
    from docker.utils.socket import frames_iter

    program = Program(command, {"/tmp": "mode=1777"}, reads_stdin=True)  # noqa: S108 - inside the container
    with contextlib.ExitStack() as stack:
        container = stack.enter_context(temporary_container(engine, image_id, program))
        with translated("open a session with a container"):
            stream: Any = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
            container.start()
        stack.callback(stream.close)
        kept = stack.pop_all()

    def write(text: str) -> None:
        stream._sock.sendall(text.encode())

    def ended() -> ProgramEnd:
        with translated("read the log of a container"):
            stderr = container.logs(stdout=False, stderr=True, tail=LAST_LINES).decode(errors="replace")
        with contextlib.suppress(SandboxError), translated("wait for a container"):
            return ProgramEnd(int(container.wait(timeout=LAST_OUTPUT_S)["StatusCode"]), stderr)
        return ProgramEnd(None, stderr)  # it has closed its stdout and still runs

    frames = frames_iter(stream, tty=False)  # type: ignore[no-untyped-call]
    return LineSession(write, _lines(frames), ended, kept.close)


def _lines(frames: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    """The lines that a container prints."""
    waiting = b""
    for _, data in frames:
        waiting += data
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            yield line.decode(errors="replace")
