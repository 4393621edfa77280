"""The kind of the value in the varied column of a synthetic row."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The kind of an input row."""

    FIXTURE = "fixture"
    """A row of the fixture itself."""
    NULL = "null"
    NAN = "nan"
    ZERO = "zero"
    EMPTY = "empty"
    """A string, a list or a map of length zero."""
    OTHER = "other"
    """A value of a different row of the fixture."""
    SMALL = "small"
    NEAR = "near"
    """One step from the value of the fixture."""
    END = "end"
    """The smallest or largest value of the type."""
    BIG = "big"
    """An integer that float64 may not represent."""
    INFINITE = "infinite"
    SINGLE = "single"
    """A float64 that float32 cannot represent."""
    ULP = "ulp"
    """The next float64."""
    BOUNDARY = "boundary"
    """Next to a decision threshold of the model."""
    TENTH = "tenth"
    LONG = "long"
    SHORT = "short"
    INNER_NULL = "inner-null"
    """A null within a list, a map or a struct."""
    DIGITS = "digits"
    NUMBER = "number"
    DATE = "date"
    WORD = "word"
    TEXT = "text"
    SPACE = "space"
    """A string with a space at its end."""
    OTHER_CASE = "other-case"
    """A string in upper case instead of lower case, or the other way round."""
    DST = "dst"
    """An instant at which daylight saving time begins or ends."""
    HOUR = "hour"
    MICRO = "micro"
    PROBE = "probe"
    """A value that only tests whether a column affects the output."""


NULLS = frozenset({Kind.NULL, Kind.NAN, Kind.INNER_NULL})
"""Kinds of missing values, or of values that contain one."""
OTHER_LENGTHS = frozenset({Kind.EMPTY, Kind.SHORT, Kind.LONG})
"""Kinds of lists and maps that a model may refuse without a fault, since lengths are not declared."""
FEW = frozenset({Kind.NULL, Kind.ZERO, Kind.OTHER, Kind.NAN, Kind.EMPTY})
"""Kinds that are kept if a model has too many columns for all kinds."""
