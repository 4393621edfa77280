"""A session with a program in a model's image, in a container."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.engine.temporary_container import Program, temporary_container
from pyml_sandbox.models.model_session import LineSession, Session


def session_with_container(engine: Engine, image_id: str, command: Sequence[str]) -> Session:
    """Start a program of an image, as a model is served: no network, nothing to write to but /tmp."""
    from docker.utils.socket import frames_iter

    program = Program(command, {"/tmp": "mode=1777"}, is_asked=True)  # noqa: S108 - inside the container
    with contextlib.ExitStack() as stack:
        container = stack.enter_context(temporary_container(engine, image_id, program))
        with translated("talk to a container"):
            stream: Any = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
            container.start()
        stack.callback(stream.close)
        kept = stack.pop_all()

    def write(text: str) -> None:
        stream._sock.sendall(text.encode())

    def said() -> str:
        with translated("read what a container said"):
            return str(container.logs(stdout=False, stderr=True).decode(errors="replace"))

    frames = frames_iter(stream, tty=False)  # type: ignore[no-untyped-call]
    return LineSession(write, _lines(frames), said, kept.close)


def _lines(frames: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    """What a container prints, line by line."""
    waiting = b""
    for _, data in frames:
        waiting += data
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            yield line.decode()
