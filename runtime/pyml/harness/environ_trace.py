"""Which environment variables a model's own code reads."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from types import FrameType


class WatchedEnvironment(type(os.environ)):  # type: ignore[misc]  # the class of os.environ has no public name
    """`os.environ` that notes the names which code below a folder asks for."""

    watched_folder = ""
    asked: set[str] = set()  # noqa: RUF012 - one environment for each process

    def __getitem__(self, key: str) -> str:
        if _is_below(sys._getframe(1), self.watched_folder):
            self.asked.add(key)
        value: str = super().__getitem__(key)
        return value

    def __contains__(self, key: object) -> bool:
        if _is_below(sys._getframe(1), self.watched_folder):
            self.asked.add(str(key))
        return bool(super().__contains__(key))


def watch(folder: Path) -> set[str]:
    """Watch this process from now on; gives back a set that fills as names are asked for.

    Args:
        folder: of the model package. Code elsewhere, as that of libraries, is not noted.
    """
    WatchedEnvironment.watched_folder = f"{folder}{os.sep}"
    environment: MutableMapping[str, str] = os.environ
    environment.__class__ = WatchedEnvironment
    return WatchedEnvironment.asked


_MAPPING_METHODS = ("<frozen os>", "<frozen _collections_abc>", "os.py", "_collections_abc.py")


def _is_below(frame: FrameType | None, folder: str) -> bool:
    """Whether the code that asked, past the mapping methods of the standard library, lies below a folder."""
    while frame is not None and frame.f_code.co_filename.endswith(_MAPPING_METHODS):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(folder)
