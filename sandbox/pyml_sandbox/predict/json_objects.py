"""The objects of a JSON Lines file, with the line of each; a key that appears twice in one is an error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pyml_sandbox.predict.written_values import JsonNumber


def json_objects(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Read the objects of a JSON Lines file one by one; an object may span lines.

    Args:
        text: content of the file.

    Yields:
        The line on which an object begins, counted from 1, and the object; its numbers are JsonNumber.

    Raises:
        ValueError: the text is something different; the message names the line.
    """
    decoder = json.JSONDecoder(
        parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=JsonNumber, object_pairs_hook=_with_unique_keys
    )
    at, line = 0, 1
    while at < len(text):
        if text[at].isspace():
            line += text[at] == "\n"
            at += 1
            continue
        found, end = _decoded(decoder, text, at, line)
        yield line, found
        line += text.count("\n", at, end)
        at = end


def _decoded(decoder: json.JSONDecoder, text: str, at: int, line: int) -> tuple[Mapping[str, object], int]:
    try:
        found, end = decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except _RepeatedKeyError as error:
        raise ValueError(f"line {line}: the key `{error}` appears more than once") from error
    if not isinstance(found, dict):
        raise ValueError(f"line {line} is not an object")
    return found, end


class _RepeatedKeyError(Exception):
    """An object has a key twice; the message is the key."""


def _with_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _RepeatedKeyError(key)
        found[key] = value
    return found
