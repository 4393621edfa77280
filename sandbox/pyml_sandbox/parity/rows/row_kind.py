"""What was put into the varied column of a synthetic row."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The kind of a row that a model is asked about."""

    FIXTURE = "fixture"
    """A row of the fixture itself."""
    NULL = "null"
    NAN = "nan"
    ZERO = "zero"
    EMPTY = "empty"
    """A string, a list or a map of length zero."""
    OTHER = "other"
    """A value that another row of the fixture has."""
    SMALL = "small"
    NEAR = "near"
    """One step from the value of the fixture."""
    END = "end"
    """An end of the range of the type."""
    BIG = "big"
    """An integer that float64 may not hold."""
    INFINITE = "infinite"
    SINGLE = "single"
    """A float64 that float32 does not hold."""
    ULP = "ulp"
    """The next float64."""
    BOUNDARY = "boundary"
    """Beside a decision threshold of the model."""
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
    """A value of which only the effect on the output is asked for."""


NULLS = frozenset({Kind.NULL, Kind.NAN, Kind.INNER_NULL})
"""Kinds of values that are missing, or hold one that is."""
OTHER_LENGTHS = frozenset({Kind.EMPTY, Kind.SHORT, Kind.LONG})
"""Kinds of lists and maps that a model may have every right to refuse: it declares no length."""
FEW = frozenset({Kind.NULL, Kind.ZERO, Kind.OTHER, Kind.NAN, Kind.EMPTY})
"""Kinds that are kept where a model has so many columns that not all can be."""
