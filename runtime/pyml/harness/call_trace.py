"""Which functions of libraries a model's own code calls: a hint at what it does to a batch, never a proof."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

WRAPPERS = ("wrapper", "wrapped", "_wrapped", "inner")
"""What decorators call the function that stands in for the decorated one."""


@contextlib.contextmanager
def noted(folder: Path) -> Iterator[set[str]]:
    """Note the calls that code below a folder makes in this thread, as `function` or `Class.method`.

    Args:
        folder: of the model package. What libraries call in turn is not noted.
    """
    below = f"{folder}{os.sep}"
    names: set[str] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "c_call" and frame.f_code.co_filename.startswith(below):
            names.add(str(getattr(argument, "__name__", "")))
        elif event == "call" and not frame.f_code.co_filename.startswith(below) and _is_called_from(frame, below):
            names.add(_name_of(frame))

    sys.setprofile(note)
    try:
        yield names
    finally:
        sys.setprofile(None)


def _is_called_from(frame: FrameType, below: str) -> bool:
    caller = frame.f_back
    while caller is not None and caller.f_code.co_name in WRAPPERS:
        caller = caller.f_back
    return caller is not None and caller.f_code.co_filename.startswith(below)


def _name_of(frame: FrameType) -> str:
    owner = frame.f_locals.get("self")
    name = frame.f_code.co_name
    return name if owner is None else f"{type(owner).__name__}.{name}"
