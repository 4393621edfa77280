"""The objects of a JSON file, one on each line or all in one array; a key that appears twice in one is an error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pyml_sandbox.predict.file_formats.written_values import JsonNumber


def json_objects(text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Read the objects of a JSON file one by one; an object may span lines. A file may be one array of them, too.

    Args:
        text: content of the file.

    Yields:
        The place of an object, such as "line 3", or "object 3" of an array, counted from 1, and the object; its numbers
        are JsonNumber.

    Raises:
        ValueError: the text is something different; the message names the line.
    """
    decoder = json.JSONDecoder(
        parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=JsonNumber, object_pairs_hook=_with_unique_keys
    )
    if text.lstrip()[:1] == "[":
        yield from _in_array(decoder, text)
        return
    at, line = 0, 1
    while at < len(text):
        if text[at].isspace():
            line += text[at] == "\n"
            at += 1
            continue
        found, end = _decoded(decoder, text, at, line)
        yield f"line {line}", found
        line += text.count("\n", at, end)
        at = end


def _in_array(decoder: json.JSONDecoder, text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    at = len(text) - len(text.lstrip())
    array, end = _json(decoder, text, at, text.count("\n", 0, at) + 1)
    if rest := text[end:].lstrip():
        line = text.count("\n", 0, len(text) - len(rest)) + 1
        raise ValueError(f"line {line} goes on after the array, which must be the whole file")
    for number, found in enumerate(array if isinstance(array, list) else [], start=1):
        if not isinstance(found, dict):
            raise ValueError(f"element {number} of the array is not an object")
        yield f"object {number}", found


def _decoded(decoder: json.JSONDecoder, text: str, at: int, line: int) -> tuple[Mapping[str, object], int]:
    found, end = _json(decoder, text, at, line)
    if not isinstance(found, dict):
        raise ValueError(f"line {line} is not an object")
    return found, end


def _json(decoder: json.JSONDecoder, text: str, at: int, line: int) -> tuple[object, int]:
    try:
        return decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except _RepeatedKeyError as error:
        raise ValueError(f"line {line}: the key `{error}` appears more than once") from error
    except RecursionError as error:
        raise ValueError(f"line {line} is nested too deeply") from error


class _RepeatedKeyError(Exception):
    """An object has a key twice; the message is the key."""


def _with_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _RepeatedKeyError(key)
        found[key] = value
    return found
