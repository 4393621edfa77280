"""Faults of files: damaged, deleted, read-only, a full disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from faults.actor import NAME
from faults.fault import BOTH, PROCESS, Fault
from faults.scene import Done, Scene

Where = Callable[[Scene], Path]


def state(scene: Scene) -> Path:
    """What is recorded of the sandbox."""
    return scene.home.state_file


def routes(scene: Scene) -> Path:
    """What is deployed."""
    return scene.home.routes_file


def record(scene: Scene) -> Path:
    """What is recorded of the newest version."""
    return max(scene.home.models.glob(f"{NAME}/*/record.json"), key=lambda file: file.stat().st_mtime)


def holder(scene: Scene) -> Path:
    """The note of who holds the sandbox."""
    return scene.home.lock_file.with_suffix(".holder")


def damaged(where: Where, text: bytes) -> Callable[[Scene], Sequence[Done]]:
    """A file that holds something else while commands run; afterwards it is as before."""

    def strike(scene: Scene) -> Sequence[Done]:
        file = where(scene)
        before = file.read_bytes() if file.exists() else None
        file.write_bytes(text)
        try:
            return [scene.run("dev", "status"), scene.predicting().end()]
        finally:
            if before is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(before)

    return strike


def deleted(where: Callable[[Scene], Path]) -> Callable[[Scene], Sequence[Done]]:
    """A file or folder that is gone for good."""

    def strike(scene: Scene) -> Sequence[Done]:
        path = where(scene)
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        return (scene.run("dev", "status"),)

    return strike


@contextlib.contextmanager
def full_disk(scene: Scene) -> Iterator[None]:
    """The file system of the sandbox has no room meanwhile."""
    filler = scene.home.root / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), b"x" * 2**20)
    with filler.open("ab") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), b"x" * 256)
    try:
        yield
    finally:
        filler.unlink()


def full(*command: str) -> Callable[[Scene], Sequence[Done]]:
    """A command where the disk is full."""

    def strike(scene: Scene) -> Sequence[Done]:
        with full_disk(scene):
            return (scene.run(*(word.format(home=scene.home.root) for word in command)),)

    return strike


def full_in_a_job(scene: Scene) -> Sequence[Done]:
    """A job where the disk is full."""
    with full_disk(scene):
        return (scene.job(rows=200_000).end(),)


DAMAGE = {"half": b'{"driver": "proc', "empty": b"", "binary": b"\x00\xff\xfe" * 40}
FILES: dict[str, Where] = {"sandbox.json": state, "routes.json": routes, "a record of a version": record}

FAULTS = (
    *(
        Fault(f"{name} is {how}", damaged(where, text), BOTH)
        for name, where in FILES.items()
        for how, text in DAMAGE.items()
    ),
    Fault("the note of who holds the sandbox is binary", damaged(holder, DAMAGE["binary"]), BOTH),
    Fault("the rendered configuration is deleted", deleted(lambda scene: scene.home.conf), (PROCESS,)),
    Fault("the link to the sockets is deleted", deleted(lambda scene: scene.home.folder / "run"), (PROCESS,)),
    Fault("the temporary files are deleted", deleted(lambda scene: scene.home.scratch), (PROCESS,)),
    Fault("the disk is full: status", full("dev", "status"), (PROCESS,), needs_small_disk=True),
    Fault("the disk is full: up", full("dev", "up"), (PROCESS,), needs_small_disk=True),
    Fault("the disk is full: down", full("dev", "down"), (PROCESS,), codes=(0,), needs_small_disk=True),
    Fault("the disk is full: upload", full("upload", "{home}/actor"), (PROCESS,), needs_small_disk=True),
    Fault("the disk is full in a job", full_in_a_job, (PROCESS,), needs_small_disk=True),
)
"""Each file of a sandbox that is damaged or gone, and commands on a full disk."""
