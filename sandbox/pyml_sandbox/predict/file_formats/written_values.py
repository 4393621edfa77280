"""Values as a file writes them, the texts of CSV and the values of JSON, as columns of the declared types.

A number in a file is a string of digits. A whole number means itself, and is refused if the declared type does not hold
it; a decimal fraction means the nearest float, unless that is infinity, or zero for a number that is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyml.types.conversion.arrow_buffers import strings
from pyml.types.conversion.exact_numbers import in_dtype
from pyml.types.conversion.lossless import LossError, WrongKindError, checked_cast

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.ASCII | re.IGNORECASE)
_EXACT_DIGITS = {pa.float32(): 7, pa.float64(): 15}
"""Every whole number with so many digits is a float."""
_MOST_DIGITS = 40
"""No integer or decimal of a table has more."""


class WrittenNumberError(LossError):
    """A number that is written in a file is not in the declared type; the value is its text."""

    def __str__(self) -> str:
        """The number as it is written."""
        return f"{self.value!s:.80}"


class UnreadableTextError(WrongKindError):
    """A text is not a value of the declared type."""

    def __str__(self) -> str:
        """The text in quotes."""
        return f"{self.value!r:.80}"


class JsonNumber(str):
    """A number of a JSON file, as it is written."""

    __slots__ = ()


class WrongJsonError(WrongKindError):
    """A value of JSON is not of the kind that the declared type is written as."""

    def __str__(self) -> str:
        """The value as JSON."""
        text = str(self.value) if isinstance(self.value, JsonNumber) else json.dumps(self.value, ensure_ascii=False)
        return f"{text:.80}"


def column_of_texts(texts: pa.Array, declared: pa.DataType) -> pa.Array:
    """Make a column of a plain type from texts.

    Args:
        texts: strings or null; spaces around them count only where the type is STRING or BINARY.
        declared: Arrow type of the declared Spark type.

    Raises:
        LossError: the type cannot hold a value; its class is UnreadableTextError if the text is no such value.
    """
    if pa.types.is_string(declared) or pa.types.is_binary(declared):
        return checked_cast(texts, declared)
    trimmed = pc.utf8_trim_whitespace(texts)
    if pa.types.is_floating(declared):
        return _floats(trimmed, declared)
    try:
        return checked_cast(trimmed, declared)
    except LossError as loss:
        if pa.types.is_integer(declared):
            return _integers(trimmed, declared)
        raise _refusal(loss, declared) from loss


def _refusal(loss: LossError, declared: pa.DataType) -> LossError:
    if pa.types.is_decimal(declared) and _NUMBER.fullmatch(str(loss.value)):
        return WrittenNumberError(loss.value, loss.row)
    return UnreadableTextError(loss.value, loss.row)


def _floats(texts: pa.Array, declared: pa.DataType) -> pa.Array:
    try:
        floats = checked_cast(texts, declared)
    except LossError as loss:
        raise UnreadableTextError(loss.value, loss.row) from loss
    # Without a Python number beside a column: for one, pyarrow imports pandas, which takes longer than a small file.
    is_zero = pc.equal(floats, pc.subtract(floats, floats))
    is_long = pc.match_substring_regex(texts, f".{{{_EXACT_DIGITS[declared] + 1}}}")
    for row in pc.indices_nonzero(pc.or_(pc.or_(pc.is_inf(floats), is_zero), is_long)).to_pylist():
        text = texts[row].as_py()
        if _is_changed(text, floats[row].as_py()):
            raise WrittenNumberError(text, row)
    return floats


def _is_changed(text: str, value: float) -> bool:
    if _WHOLE.fullmatch(text):
        return int(text) != value
    if value == 0:
        return any(digit in "123456789" for digit in text.lower().partition("e")[0])
    return abs(value) == float("inf") and not _INFINITE.fullmatch(text)


def _integers(texts: pa.Array, declared: pa.DataType) -> pa.Array:
    """Integers of which at least one is written with a point or an exponent, or is too large."""
    numbers = np.zeros(len(texts), object)
    for row, text in enumerate(texts.to_pylist()):
        if text is not None:
            numbers[row] = _integer(text, row)
    converted, lost = in_dtype(numbers, np.dtype(declared.to_pandas_dtype()))
    if lost is not None and lost.any():
        row = int(lost.argmax())
        raise WrittenNumberError(texts[row].as_py(), row)
    return pa.array(converted, declared, mask=texts.is_null().to_numpy(zero_copy_only=False))


def _integer(text: str, row: int) -> int:
    if _WHOLE.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        raise UnreadableTextError(text, row)
    decimal = Decimal(text)
    is_whole = abs(decimal.adjusted()) < _MOST_DIGITS and decimal == decimal.to_integral_value()
    if not is_whole or (decimal.is_zero() and decimal.is_signed()):
        raise WrittenNumberError(text, row)
    return int(decimal)


# --- JSON -------------------------------------------------------------------------------------------------------------


def json_leaves(values: Sequence[object], declared: pa.DataType) -> pa.Array:
    """A column of a plain type from values of JSON, whose numbers are JsonNumber.

    Raises:
        LossError: as :func:`column_of_texts`; its class is WrongJsonError for a value of a different kind.
    """
    if pa.types.is_boolean(declared):
        return strings(["true" if value else "false" for value in _of_kind(values, (bool,))]).cast(declared)
    is_number = pa.types.is_integer(declared) or pa.types.is_floating(declared) or pa.types.is_decimal(declared)
    texts = _of_kind(values, (JsonNumber,) if is_number else (str,))
    return column_of_texts(strings([str(text) for text in texts]), declared)


def json_keys(values: Sequence[object], declared: pa.DataType) -> pa.Array:
    """The keys of maps from JSON, which are strings whatever the type.

    Raises:
        LossError: as :func:`column_of_texts`.
    """
    return column_of_texts(strings([str(value) for value in values]), declared)


def _of_kind(values: Sequence[object], kinds: tuple[type, ...]) -> Iterator[object]:
    for row, value in enumerate(values):
        if not isinstance(value, kinds) or (isinstance(value, JsonNumber) and JsonNumber not in kinds):
            raise WrongJsonError(value, row)
        yield value
