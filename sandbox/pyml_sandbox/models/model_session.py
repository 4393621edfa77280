"""A program in a model's environment that answers lines with lines: as a process, or in a container."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, Protocol

from pyml.errors import PackageError, Problem
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.engine.temporary_container import Program, temporary_container

SAID_MAX_CHARACTERS = 2000
LAST_WORDS_S = 5


class NoAnswerError(PackageError):
    """A program ended instead of answering, or is too slow: what it would have said is not known."""


class Conversation(Protocol):
    """Lines to a program, and lines back."""

    def ask(self, line: str, timeout_s: float) -> str:
        """Say a line, and wait for the one that answers it; blocks.

        Raises:
            NoAnswerError: the program ended, or did not answer in time; so does every later question.
        """

    def hear(self, timeout_s: float) -> str:
        """Wait for a line that was not asked for; blocks.

        Raises:
            NoAnswerError: the program ended, or said nothing in time; so does every later question.
        """

    def close(self) -> None:
        """End the program."""


class _Talk:
    """What both kinds share: a thread that reads, so that waiting can have an end.

    Args:
        write: sends text to the program.
        lines: what it prints; ends when the program does.
        said: the last of its stderr.
        end: ends the program and frees what it held.
    """

    def __init__(
        self, write: Callable[[str], None], lines: Iterable[str], said: Callable[[], str], end: Callable[[], None]
    ) -> None:
        self._write, self._said, self._end = write, said, end
        self._given_up: NoAnswerError | None = None
        self._heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(lines,), name="pyml-conversation", daemon=True).start()

    def _read(self, lines: Iterable[str]) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed while reading
            for line in lines:
                self._heard.put(line)
        self._heard.put(None)

    def ask(self, line: str, timeout_s: float) -> str:
        """See `Conversation.ask`."""
        if self._given_up is not None:  # what is answered late would be taken for the answer to a later question
            raise self._given_up
        try:
            self._write(line + "\n")
        except OSError as error:
            raise self._ended() from error
        return self.hear(timeout_s)

    def hear(self, timeout_s: float) -> str:
        """See `Conversation.hear`."""
        try:
            line = self._heard.get(timeout=timeout_s)
        except queue.Empty as error:
            self._given_up = NoAnswerError(f"the model gave no answer within {timeout_s:.0f} s", [])
            raise self._given_up from error
        if line is None:
            raise self._ended()
        return line

    def _ended(self) -> NoAnswerError:
        if self._given_up is None:
            said = self._said().strip()[-SAID_MAX_CHARACTERS:]
            last = Problem(f"its last words:\n{said}" if said else "no words")
            self._given_up = NoAnswerError("the model ended its Python", [last])
        return self._given_up

    def close(self) -> None:
        """See `Conversation.close`."""
        self._end()


def talk_to_process(command: Sequence[str], environment: Mapping[str, str]) -> Conversation:
    """Start a program as a process of this user."""
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the program
    process = subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
    )
    writer, reader = _pipes(process)

    def write(text: str) -> None:
        writer.write(text)
        writer.flush()

    def said() -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may have closed its stdout and live on
            process.wait(LAST_WORDS_S)
        errors.seek(0)
        return errors.read()

    def end() -> None:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            writer.close()
        reader.close()
        errors.close()

    return _Talk(write, reader, said, end)


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("a conversation needs both pipes")
    return process.stdin, process.stdout


def talk_to_container(engine: Engine, image_id: str, command: Sequence[str]) -> Conversation:
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
    return _Talk(write, _lines(frames), said, kept.close)


def _lines(frames: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    """What a container prints, line by line."""
    waiting = b""
    for _, data in frames:
        waiting += data
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            yield line.decode()
