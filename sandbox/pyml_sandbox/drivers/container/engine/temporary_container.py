"""Temporary containers: to run a program of an image, or to read files of an image."""

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
    """The result of a program in a container.

    Attributes:
        code: its exit code.
        stdout: what it wrote there.
        stderr: what it wrote there.
        out_of_memory: whether the engine ended it, since it took more memory than it may.
    """

    code: int
    stdout: str
    stderr: str
    out_of_memory: bool = False


@dataclass(frozen=True)
class Program:
    """A program of an image; it gets no network and no privileges, and can write only to `tmpfs`.

    Attributes:
        command: the program and its arguments; the image's entry point is ignored.
        tmpfs: mount options of writable folders in memory, by path.
        reads_stdin: whether it reads its stdin.
        memory_bytes: memory that it may use; None for any.
    """

    command: Sequence[str]
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    reads_stdin: bool = False
    memory_bytes: int | None = None


@contextmanager
def temporary_container(engine: Engine, image_id: str, program: Program | None = None) -> Iterator[Container]:
    """A container that is not started yet; removed at the end.

    Args:
        engine: makes the container.
        image_id: of the image.
        program: to run in it; None if it only serves to read files.

    Raises:
        SandboxError: the image does not exist.
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
            stdin_open=program.reads_stdin,
            mem_limit=program.memory_bytes,
            memswap_limit=program.memory_bytes,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
    try:
        yield container
    finally:
        with translated("remove a container"):
            container.remove(force=True)


def run_to_its_end(container: Container, timeout_s: float) -> ProgramOutput:
    """Start a container, and block until its program exits.

    Args:
        container: as `temporary_container` gives it.
        timeout_s: seconds that the program may take.

    Raises:
        TimeoutError: the program takes longer.
        SandboxError: the engine could not start it.
    """
    with translated("run a container"):
        container.start()
    _wait(container, timeout_s)
    with translated("read the output of a container"):
        code = int(container.wait()["StatusCode"])
        stdout = container.logs(stdout=True, stderr=False).decode(errors="replace")
        stderr = container.logs(stdout=False, stderr=True).decode(errors="replace")
        container.reload()
    return ProgramOutput(code, stdout, stderr, bool(container.attrs["State"].get("OOMKilled")))


def _wait(container: Container, timeout_s: float) -> None:
    try:
        with translated("wait for a container"):
            container.wait(timeout=timeout_s)
    except SandboxError as error:
        if "timed out" in str(error.__cause__).lower():
            raise TimeoutError(f"it still runs after {timeout_s} s") from error
        raise
