"""Reads files out of a container, which need not run."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml_sandbox.drivers.container.engine.docker_engine import translated

if TYPE_CHECKING:
    from docker.models.containers import Container


def read_file(container: Container, path: str) -> str:
    """The content of a text file in a container, which need not run.

    Raises:
        SandboxError: the file does not exist.
    """
    with _archive(container, path) as tar:
        return _content(tar, tar.getmembers()[0]).decode()


def extract(container: Container, folder: str, target: Path) -> None:
    """Copy a folder out of a container, which need not run: files and folders, without their owners and modes.

    Args:
        container: has the folder.
        folder: absolute path in the container.
        target: folder to copy into; made if it is missing.

    Raises:
        SandboxError: the folder does not exist.
    """
    target.mkdir(parents=True, exist_ok=True)
    with _archive(container, folder) as tar:
        for member in tar:
            path = _inside(target, member.name)
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                path.write_bytes(_content(tar, member))


def copy_out(container: Container, path: str, target: Path) -> None:
    """Copy a file or a folder out of a container, which need not run: files and folders with modes and times, no links.

    Args:
        container: has the path.
        path: absolute path in the container.
        target: path of the copy; its folder is made if it is missing.

    Raises:
        SandboxError: the path does not exist.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _archive(container, path) as tar:
        for member in tar:
            member.name = str(PurePosixPath(target.name, *PurePosixPath(member.name).parts[1:]))
            if member.isdir() or member.isfile():
                tar.extract(member, target.parent, filter="data")


def _inside(target: Path, name: str) -> Path:
    """The path to which a member is copied; the first part of its name is the folder itself."""
    path = target.joinpath(*PurePosixPath(name).parts[1:])
    if not path.resolve().is_relative_to(target.resolve()):
        raise SandboxError(f"{name} would lie outside {target}.")
    return path


@contextmanager
def _archive(container: Container, path: str) -> Iterator[tarfile.TarFile]:
    """The tar archive of a path, as the engine packs it."""
    with tempfile.TemporaryFile() as file:
        with translated(f"read {path}"):
            stream, _ = container.get_archive(path)
            for chunk in stream:
                file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            yield tar


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file is not None else b""
