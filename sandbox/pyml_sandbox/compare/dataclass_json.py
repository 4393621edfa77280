"""Dataclasses to JSON and back. Infinite and NaN floats, which JSON cannot hold, are written as text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pyml_sandbox.workspace.events import JSON

T = TypeVar("T")


def to_json(value: object) -> JSON:
    """A dataclass as an object, a tuple as a list, an enum as its value.

    Raises:
        TypeError: the value holds something else.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_json(entry) for name, entry in value.items()}
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, (list, tuple)):
        return [to_json(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"no JSON form for {type(value).__name__}")


def from_json(kind: type[T], value: JSON) -> T:
    """The inverse of `to_json` for a dataclass. Fields with a default may be absent; unknown ones are left out.

    Raises:
        TypeError, KeyError, ValueError: the value is not of that form.
    """
    read: T = _read(kind, value)
    return read


def _read(kind: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        given = [field for field in dataclasses.fields(kind) if field.name in value]
        return kind(**{field.name: _read(hints[field.name], value[field.name]) for field in given})  # type: ignore[operator]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return None if value is None else _read(next(one for one in arguments if one is not type(None)), value)
    if origin is tuple:
        return tuple(_read(arguments[0], entry) for entry in value)
    if origin in (Mapping, dict):
        return {name: _read(arguments[1], entry) for name, entry in value.items()}
    return kind(value)


def without(value: Mapping[str, JSON], names: Sequence[str]) -> dict[str, JSON]:
    """A JSON object without some of its entries."""
    return {name: entry for name, entry in value.items() if name not in names}


def object_of(value: object) -> Mapping[str, JSON]:
    """A dataclass as an object.

    Raises:
        TypeError: it is not a dataclass.
    """
    written = to_json(value)
    if not isinstance(written, Mapping):
        raise TypeError(f"{type(value).__name__} is no dataclass")
    return written
