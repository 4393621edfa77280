"""Atomic writes, and the size of folders."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file in one step: a reader sees the old content or the new, never a part of it.

    Args:
        path: the file; its folder is made if it is missing.
        text: the new content, written as UTF-8.
        mode: permissions of the file; by default for this user alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def size_bytes(folder: Path) -> int:
    """Bytes in all files below a folder; 0 if it does not exist. Files that vanish meanwhile do not count."""
    total, left = 0, [os.fspath(folder)]
    while left:
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError),
            os.scandir(left.pop()) as found,
        ):
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
    return total
