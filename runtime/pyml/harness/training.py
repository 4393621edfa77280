"""Training mode: `training = True` on a model or on any part of it.

PyTorch's modules and Keras's layers share this attribute.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

SWITCH = "training"
MAX_OBJECTS = 10_000


def training_switches(root: object) -> list[object]:
    """The object and its parts that are in training mode."""
    return [each for each in _below(root) if getattr(each, "__dict__", {}).get(SWITCH) is True]


@contextmanager
def evaluation(root: object) -> Iterator[None]:
    """Put the object and its parts into evaluation mode inside this context."""
    switched = training_switches(root)
    for each in switched:
        setattr(each, SWITCH, False)
    try:
        yield
    finally:
        for each in switched:
            setattr(each, SWITCH, True)


def _below(root: object) -> Iterator[object]:
    """An object and everything reachable by attributes, lists and dicts; each once."""
    waiting, seen = [root], {id(root)}
    while waiting and len(seen) < MAX_OBJECTS:
        each = waiting.pop()
        yield each
        for part in _parts(each):
            if id(part) not in seen and _may_hold(part):
                seen.add(id(part))
                waiting.append(part)


def _parts(each: object) -> Iterator[object]:
    if isinstance(each, dict):
        yield from each.values()
    elif isinstance(each, list | tuple | set):
        yield from each
    else:
        yield from vars(each).values() if hasattr(each, "__dict__") else ()


def _may_hold(part: object) -> bool:
    return isinstance(part, dict | list | tuple | set) or (hasattr(part, "__dict__") and not isinstance(part, type))
