"""The call trace: which library functions a model's own code calls. A hint at what it does to a batch, not a proof."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, FunctionType

WRAPPERS = ("wrapper", "wrapped", "_wrapped", "inner")
"""Usual names of the function by which a decorator replaces the decorated one."""

BATCH_CATEGORIES = "astype(category)"


@contextlib.contextmanager
def trace_calls(folder: Path) -> Iterator[set[str]]:
    """Record the calls that code in a folder makes in this thread, as `function` or `Class.method`.

    A call of `astype` that makes categories of the values at hand is recorded as `BATCH_CATEGORIES` as well.

    Args:
        folder: folder of the model package. Calls that libraries make are not recorded.
    """
    below = f"{folder}{os.sep}"
    names: set[str] = set()

    def record(frame: FrameType, event: str, argument: object) -> None:
        if event == "c_call" and frame.f_code.co_filename.startswith(below):
            names.add(str(getattr(argument, "__name__", "")))
        elif event == "call" and not frame.f_code.co_filename.startswith(below) and _is_called_from(frame, below):
            names.add(_name_of(frame))
            if frame.f_code.co_name == "astype" and _makes_categories(frame.f_locals.get("dtype")):
                names.add(BATCH_CATEGORIES)

    sys.setprofile(record)
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
    name = _wrapped_name(frame) or frame.f_code.co_name
    return name if owner is None else f"{type(owner).__name__}.{name}"


def _wrapped_name(frame: FrameType) -> str:
    """The name of the function that a decorator's function calls instead of itself; empty if it is no such function."""
    if frame.f_code.co_name not in WRAPPERS:
        return ""
    closed_over = (frame.f_locals.get(name) for name in frame.f_code.co_freevars)
    return next((each.__name__ for each in closed_over if isinstance(each, FunctionType)), "")


def _makes_categories(dtype: object) -> bool:
    """Whether a dtype, or one of several by column, is a categorical one that names no categories."""
    if isinstance(dtype, dict):
        return any(map(_makes_categories, dtype.values()))
    if type(dtype).__name__ == "CategoricalDtype":
        return getattr(dtype, "categories", None) is None
    return isinstance(dtype, str) and dtype == "category"
