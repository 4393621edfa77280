"""Switches that leave a model in training: `training = True` on it or on anything that it holds.

The name is the one that PyTorch's modules and Keras's layers share.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

SWITCH = "training"
MAX_OBJECTS = 10_000


def training_switches(root: object) -> list[object]:
    """Everything below an object that has its switch on."""
    return [each for each in _below(root) if getattr(each, "__dict__", {}).get(SWITCH) is True]


@contextmanager
def evaluation(root: object) -> Iterator[None]:
    """Turn every switch below an object off for a while."""
    switched = training_switches(root)
    for each in switched:
        setattr(each, SWITCH, False)
    try:
        yield
    finally:
        for each in switched:
            setattr(each, SWITCH, True)


def _below(root: object) -> Iterator[object]:
    """An object and what hangs from it by attributes, lists and dicts; each once."""
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
