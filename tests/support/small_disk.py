"""A disk that is soon full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyml.errors import SetupError
from support.needed import needed

KB = 1024
FILLED = "filled"


@contextmanager
def small_disk(folder: Path, size_kb: int = 1024) -> Iterator[Path]:
    """A file system of its own in a folder, in memory; only root can mount one."""
    with needed():
        if os.geteuid() != 0:
            raise SetupError("mounting a small disk needs root", "run as root")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Write until nothing more fits."""
    with (disk / FILLED).open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * KB):
                pass
        except OSError:
            return
