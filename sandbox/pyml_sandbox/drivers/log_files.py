"""Log files: reads their last lines, and follows them as they grow and rotate."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

BLOCK = 65_536
POLL_S = 0.2


def tail(path: Path, lines: int) -> Sequence[str]:
    """The last lines of a file, without line ends; none if the file does not exist."""
    try:
        with path.open("rb") as file:
            text = _last_bytes(file, lines)
    except FileNotFoundError:
        return ()
    return tuple(text.decode(errors="replace").splitlines()[-lines:]) if lines > 0 else ()


def follow_files(files: Mapping[str, Path], lines: int, poll_s: float = POLL_S) -> Iterator[tuple[str, str]]:
    """The last lines of each file, then each line that is added to one of them, as (name, line). Endless.

    Files that appear later, and files that replace another one, are followed as well.

    Args:
        files: paths by name.
        lines: how many of the existing lines of each file.
        poll_s: seconds between two looks at the files.
    """
    readers = {name: _Reader(path) for name, path in files.items()}
    for name, path in files.items():
        for line in tail(path, lines):
            yield name, line
    while True:
        for name, reader in readers.items():
            for line in reader.new_lines():
                yield name, line
        time.sleep(poll_s)


class _Reader:
    """Reads what was added to a file since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._offset = _identity(path)
        self._part = b""

    def new_lines(self) -> list[str]:
        inode, size = _identity(self._path)
        if inode != self._inode or size < self._offset:
            self._inode, self._offset, self._part = inode, 0, b""
        if size == self._offset:
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        self._offset += len(added)
        *whole, self._part = (self._part + added).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_ino, status.st_size


def _last_bytes(file: io.BufferedReader, lines: int) -> bytes:
    """Enough bytes from the end of a file to hold that many lines."""
    position = file.seek(0, os.SEEK_END)
    text = b""
    while position > 0 and text.count(b"\n") <= lines:
        step = min(BLOCK, position)
        position -= step
        file.seek(position)
        text = file.read(step) + text
    return text
