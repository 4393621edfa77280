"""The environment trace: which environment variables a model's own code reads."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from types import FrameType


class TracedEnvironment(type(os.environ)):  # type: ignore[misc]  # the class of os.environ has no public name
    """`os.environ` that records the names which code in a folder reads."""

    traced_folder = ""
    names: set[str] = set()  # noqa: RUF012 - one environment for each process

    def __getitem__(self, key: str) -> str:
        if _is_below(sys._getframe(1), self.traced_folder):
            self.names.add(key)
        value: str = super().__getitem__(key)
        return value

    def __contains__(self, key: object) -> bool:
        if _is_below(sys._getframe(1), self.traced_folder):
            self.names.add(str(key))
        return bool(super().__contains__(key))


def trace_environment(folder: Path) -> set[str]:
    """Trace this process from now on; returns a set that grows as names are read.

    Args:
        folder: folder of the model package. Reads by other code, such as libraries, are not recorded.
    """
    TracedEnvironment.traced_folder = f"{folder}{os.sep}"
    environment: MutableMapping[str, str] = os.environ
    environment.__class__ = TracedEnvironment
    return TracedEnvironment.names


_MAPPING_METHODS = ("<frozen os>", "<frozen _collections_abc>", "os.py", "_collections_abc.py")


def _is_below(frame: FrameType | None, folder: str) -> bool:
    """Whether the reading code, behind the mapping methods of the standard library, is in a folder."""
    while frame is not None and frame.f_code.co_filename.endswith(_MAPPING_METHODS):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(folder)
