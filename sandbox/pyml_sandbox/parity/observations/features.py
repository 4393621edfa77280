"""The features of observations, from which causes are diagnosed.

Checks and explanations set them, `pyml_sandbox.parity.diagnosis.rules` reads them. Nothing else decides a cause.
"""

from __future__ import annotations

from enum import StrEnum


class Tag(StrEnum):
    """A feature of an observation."""

    # of row pairs: which value is missing in a pair with a change
    PLAIN = "plain"
    """A row with a value changes with a row that has a value."""
    NULL_ONLY = "null-only"
    """A row with a value changes only with a row that has a null."""
    OWN_VALUE = "own-value"
    """Only a row whose own value is missing, or is not one of the fixture, changes."""
    NULL = "null"
    """A null or NaN is among the values of the other rows that change a row."""
    # of row pairs: which other rows change a row
    LONGER_ONLY = "longer-only"
    SHORTER_ONLY = "shorter-only"
    KNOWN_SILENT = "known-silent"
    """Other rows with values of the fixture were tried, and do not change the output."""
    # of row pairs: which rows change
    DATE = "date"
    """Their strings can be read as dates."""
    NUMBER = "number"
    """Their strings can be read as numbers."""
    ORDER = "order"
    """Only rows before a row, or only rows after it, change its output."""
    # of row pairs: which output they get instead
    BORROWED = "borrowed"
    """The output of the other row."""
    NAN_FOR_NULL = "nan-for-null"
    """NaN where it was null, or null where it was NaN."""
    LAST_DIGIT = "last-digit"
    """A decimal that differs by one in its last digit."""
    WRAPPED = "wrapped"
    """A whole number that differs by a multiple of 2^8, 2^16 or 2^32, as integers that overflow do."""
    SWAPPED = "swapped"
    """Each of the two rows gets the output of the other."""
    OTHERS_OUTPUT = "others-output"
    """The output of the other row, which has a null."""
    BY_VALUE = "by-value"
    """Several outputs: the value of the other row matters."""
    AS_ALONE = "as-alone"
    """The output that the row has alone; a copy of the row changes it."""
    SAME_KEY = "same-key"
    """Only rows with the same value in one more column change the output."""
    # of two other rows in one call
    ADJACENT = "adjacent"
    """A copy of the row between it and the other row removes the change."""
    GROWS = "grows"
    """They give an output that neither of them gives alone, as codes and ranks do."""
    DENSE = "dense"
    """A second copy of the other row does not change the output again, as with codes."""
    AS_RANK = "as-rank"
    """Only whether they are smaller or larger matters, not by how much, as with ranks."""
    # of a call without rows
    WANTED = "wanted"
    """The model wants to be called without rows."""
    # of copies and of whole batches
    NORMALISED = "normalised"
    """The outputs of a batch add up to 1 or 100, or their squares do, as shares of a total do."""
    POSITION = "position"
    """Two copies of one row in one call have different outputs."""
    COUNTS = "counts"
    """Three copies give a different output than two."""
    BEHIND = "behind"
    """Only rows at the end of the batch change."""
    NUMBER_ONLY = "number-only"
    """As many copies of the row change its output as well: the number of rows matters, and no value of theirs."""
    # of refusals
    ROW_COUNT = "row-count"
    """`predict` returned a different number of rows than it was given."""
    TYPE = "type"
    """`predict` returned a column of a different type than the declared one."""
    RAISED = "raised"
    """`predict` raised an exception."""
    ALL_ROWS = "all-rows"
    """At least as many rows are refused as the fixture has."""
    COPIES_REFUSED = "copies-refused"
    """They are also refused in a call with a copy."""
    # of state
    EARLIER_ANSWER = "earlier-answer"
    """The output is that of an earlier call with as many rows."""
    KEYED = "keyed"
    """One earlier row changes few outputs, not most."""
    EVALUATION = "evaluation"
    """The difference disappears if the model is switched to evaluation mode."""


class Explanation(StrEnum):
    """A change to a row or its frame that gives, under one condition, the output of the other condition.

    The last two are not changes: they distinguish causes that the same changes explain.
    """

    # the dtype of a column
    FLOATS = "floats"
    """Integers as float64."""
    DOUBLE = "double"
    """A FLOAT as float64."""
    DECIMAL_FLOATS = "decimal-floats"
    """Decimals as float64."""
    INNER_FLOATS = "inner-floats"
    """Numbers within a list, a map or a struct as float64."""
    OBJECTS = "objects"
    NAN = "nan"
    """NaN for null, in a column of objects."""
    BYTES = "bytes"
    """Bytes for strings."""
    TEXT = "text"
    """Strings for bytes."""
    CATEGORIES = "categories"
    ARRAYS = "arrays"
    """NumPy arrays for lists."""
    NAIVE = "naive"
    """Instants without their time zone."""
    # values
    VIA_FLOAT64 = "via-float64"
    """An integer that was converted to float64 and back."""
    SINGLE = "single"
    """A number rounded to float32."""
    WRITTEN = "written"
    """A number that was written with a few digits and read again."""
    ULP = "ulp"
    """The next float64."""
    UNKNOWN = "unknown"
    """An integer that a table of known values does not contain."""
    GUESSED = "guessed"
    """A string read by a reader that guesses types."""
    HOURS = "hours"
    """An instant moved by whole hours."""
    NULL_ZERO = "null-zero"
    NULL_NAN = "null-nan"
    NULL_EMPTY = "null-empty"
    NULL_TEXT = "null-text"
    NAN_ZERO = "nan-zero"
    NAN_NULL = "nan-null"
    ZERO_NAN = "zero-nan"
    ZERO_NULL = "zero-null"
    EMPTY_NULL = "empty-null"
    # the frame, its names and positions
    AGAIN = "again"
    """A frame with which `predict` was called before."""
    MISSING = "missing"
    """A missing column."""
    EXTRA = "extra"
    """An additional column."""
    OTHER_CASE = "other-case"
    """Names in upper case instead of lower case, or the other way round."""
    ORDER = "order"
    """Columns in a different order."""
    INDEX = "index"
    """An index that does not start at zero."""
    # further features
    MIXED_CASE = "mixed-case"
    """A declared name has a capital letter."""
    DROPPED = "dropped"
    """A column of integers that arrives as floats does not affect the output."""


class DriverType(StrEnum):
    """The declared type of the one input column that drives a difference, without its parameters."""

    TINYINT = "TINYINT"
    SMALLINT = "SMALLINT"
    INT = "INT"
    BIGINT = "BIGINT"
    FLOAT = "FLOAT"
    DOUBLE = "DOUBLE"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    BINARY = "BINARY"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMP_NTZ = "TIMESTAMP_NTZ"
    ARRAY = "ARRAY"
    MAP = "MAP"
    STRUCT = "STRUCT"
    ROW = "ROW"
    """Not a single column: the other row differs in every column."""

    @classmethod
    def of(cls, ddl_type: str) -> DriverType:
        """The first type in a declaration such as ``DECIMAL(10, 2)`` or ``ARRAY<INT>``."""
        return cls(ddl_type.partition("(")[0].partition("<")[0])


INTEGERS = frozenset({DriverType.TINYINT, DriverType.SMALLINT, DriverType.INT, DriverType.BIGINT})
ORDERED = INTEGERS | {
    DriverType.FLOAT,
    DriverType.DOUBLE,
    DriverType.DECIMAL,
    DriverType.DATE,
    DriverType.TIMESTAMP,
    DriverType.TIMESTAMP_NTZ,
}
"""Types whose values have an order, and differences."""
NESTED = frozenset({DriverType.ARRAY, DriverType.MAP, DriverType.STRUCT})
