"""A container for a moment: to ask a program in an image, or to read its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated

if TYPE_CHECKING:
    from docker.models.containers import Container


@dataclass(frozen=True)
class ProgramOutput:
    """What a program in a container did.

    Attributes:
        code: its exit code.
        printed: on stdout.
        said: on stderr.
    """

    code: int
    printed: str
    said: str


@dataclass(frozen=True)
class Program:
    """A program of an image; it gets no network, no privileges, and nothing to write to but `tmpfs`.

    Attributes:
        command: the program and its arguments, whatever entry point the image names.
        tmpfs: folders in memory that it may write, with their mount options.
        is_asked: it reads its stdin.
    """

    command: Sequence[str]
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    is_asked: bool = False


@contextmanager
def temporary_container(engine: Engine, image_id: str, program: Program | None = None) -> Iterator[Container]:
    """A container of an image that is not started yet; removed afterwards.

    Raises:
        SandboxError: there is no such image.
    """
    program = program or Program(["true"])
    entry, *arguments = program.command
    with translated(f"make a container of {image_id}"):
        container = engine.client.containers.create(
            image_id,
            arguments,
            entrypoint=[entry],
            network_disabled=True,
            read_only=True,
            tmpfs=dict(program.tmpfs),
            stdin_open=program.is_asked,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
    try:
        yield container
    finally:
        with translated("remove a container"):
            container.remove(force=True)


def run_to_its_end(container: Container, timeout_s: float) -> ProgramOutput:
    """Start a container and wait until its program ended.

    Raises:
        TimeoutError: it takes longer.
        SandboxError: the engine could not start it.
    """
    with translated("run a container"):
        container.start()
    _wait(container, timeout_s)
    with translated("read what a container printed"):
        code = int(container.wait()["StatusCode"])
        printed = container.logs(stdout=True, stderr=False).decode(errors="replace")
        said = container.logs(stdout=False, stderr=True).decode(errors="replace")
    return ProgramOutput(code, printed, said)


def _wait(container: Container, timeout_s: float) -> None:
    try:
        with translated("wait for a container"):
            container.wait(timeout=timeout_s)
    except SandboxError as error:
        if "timed out" in str(error.__cause__).lower():
            raise TimeoutError(f"it runs longer than {timeout_s} s") from error
        raise
