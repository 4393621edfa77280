"""The features of observations, from which causes are diagnosed.

Checks and explanations set them, `pyml_sandbox.parity.diagnosis.rules` reads them. Nothing else decides a cause.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Feature(StrEnum):
    """Something that an observation shows, by its name, with its words in a report.

    Attributes:
        says: the same as a clause.
    """

    says: str

    def __new__(cls, name: str, says: str) -> Self:
        """A member whose value is its name alone."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.says = says
        return member


class Tag(Feature):
    """A feature of an observation."""

    # of row pairs: which value is missing in a pair with a change
    PLAIN = "plain", "a row with a value changes with a row that has a value"
    NULL_ONLY = "null-only", "a row with a value changes only with a row that has a null"
    OWN_VALUE = "own-value", "only a row whose own value is missing, or is none of the fixture, changes"
    NULL = "null", "a null or NaN is among the values of the other rows that change a row"
    # of row pairs: which other rows change a row
    LONGER_ONLY = "longer-only", "only a row with a longer value changes a row"
    SHORTER_ONLY = "shorter-only", "only a row with a shorter value changes a row"
    LENGTHS = (
        "lengths",
        "only lists of a different length change a row; one of the same length with a different value does not",
    )
    KNOWN_SILENT = "known-silent", "rows with values of the fixture do not change a row"
    # of row pairs: which rows change
    DATE = "date", "the strings of the rows that change can be read as dates"
    NUMBER = "number", "the strings of the rows that change can be read as numbers"
    ORDER = "order", "only rows before a row, or only rows after it, change it"
    # of row pairs: which output they get instead
    BORROWED = "borrowed", "a row gets the output of the other row"
    NAN_FOR_NULL = "nan-for-null", "the output is NaN where it was null, or null where it was NaN"
    LAST_DIGIT = "last-digit", "the output is a decimal that differs by one in its last digit"
    WRAPPED = (
        "wrapped",
        "the output is a whole number that differs by a multiple of 2^8, 2^16 or 2^32, as integers that overflow do",
    )
    SWAPPED = "swapped", "each of two rows gets the output of the other"
    OTHERS_OUTPUT = "others-output", "a row gets the output of the other row, which has a null"
    BY_VALUE = "by-value", "the value of the other row matters: the row gets several outputs"
    AS_ALONE = "as-alone", "the other row gives a row the output that it has alone, which a copy of the row changes"
    SAME_KEY = "same-key", "only rows with the same value in one more column change a row"
    # of two other rows in one call
    ADJACENT = "adjacent", "a copy of the row between it and the other row removes the change"
    GROWS = "grows", "two other rows give an output that neither of them gives alone"
    DENSE = "dense", "a second copy of the other row does not change the output again, as with codes"
    AS_RANK = "as-rank", "only whether other rows are smaller or larger matters, not by how much, as with ranks"
    # of a call without rows
    WANTED = "wanted", "the model wants to be called without rows"
    REFUSES_NONE = "refuses-none", "predict fails on a call without rows"
    # of copies and of whole batches
    NORMALISED = "normalised", "the outputs of a batch add up to 1 or 100, or their squares do, as shares of a total do"
    POSITION = "position", "two copies of one row in one call have different outputs"
    COUNTS = "counts", "three copies of a row give a different output than two"
    BEHIND = "behind", "only rows at the end of the batch change"
    NUMBER_ONLY = (
        "number-only",
        "as many copies of the row change it as well: the number of rows matters, and no value of theirs",
    )
    ORDER_ONLY = "order-only", "rows in a different order, or at the end of the batch, are all that changes"
    # of refusals
    ROW_COUNT = "row-count", "predict returned a different number of rows than it was given"
    TYPE = "type", "predict returned a column of a different type than the declared one"
    RAISED = "raised", "predict raised an exception"
    ALL_ROWS = "all-rows", "at least as many rows are refused as the fixture has"
    COPIES_REFUSED = "copies-refused", "the rows are also refused in a call with a copy"
    # of state
    EARLIER_ANSWER = "earlier-answer", "the output is that of an earlier call with as many rows"
    KEYED = "keyed", "one earlier row changes few outputs, not most"
    EVALUATION = "evaluation", "the difference disappears if the model is switched to evaluation mode"


class Explanation(Feature):
    """A change to a row or its frame that gives, under one condition, the output of the other condition.

    `says` completes "the outputs are equal if". The last two are not changes: they distinguish causes that the same
    changes explain.
    """

    # the dtype of a column
    FLOATS = "floats", "integers arrive as float64"
    DOUBLE = "double", "a FLOAT arrives as float64"
    DECIMAL_FLOATS = "decimal-floats", "decimals arrive as float64"
    INNER_FLOATS = "inner-floats", "the numbers within a list, a map or a struct arrive as float64"
    OBJECTS = "objects", "the column arrives as objects"
    NAN = "nan", "NaN stands for null in a column of objects"
    BYTES = "bytes", "bytes stand for a string"
    TEXT = "text", "strings stand for bytes"
    CATEGORIES = "categories", "the column arrives as a categorical one"
    ARRAYS = "arrays", "NumPy arrays stand for lists"
    NAIVE = "naive", "instants arrive without their time zone"
    # values
    VIA_FLOAT64 = "via-float64", "an integer is converted to float64 and back"
    SINGLE = "single", "a number is rounded to float32"
    WRITTEN = "written", "a number is written with a few digits and read again"
    ULP = "ulp", "a number is replaced by the next float64"
    UNKNOWN = "unknown", "an integer is replaced by one that a table of known values does not contain"
    GUESSED = "guessed", "a string is read by a reader that guesses types"
    HOURS = "hours", "an instant is moved by whole hours"
    NULL_ZERO = "null-zero", "null is replaced by 0"
    NULL_NAN = "null-nan", "null is replaced by NaN"
    NULL_EMPTY = "null-empty", "null is replaced by an empty string"
    NULL_TEXT = "null-text", "null is replaced by the word None or nan"
    NAN_ZERO = "nan-zero", "NaN is replaced by 0"
    NAN_NULL = "nan-null", "NaN is replaced by null"
    ZERO_NAN = "zero-nan", "0 is replaced by NaN"
    ZERO_NULL = "zero-null", "0 is replaced by null"
    EMPTY_NULL = "empty-null", "an empty string is replaced by null"
    # the frame, its names and positions
    AGAIN = "again", "predict is called with a frame that it was called with before"
    MISSING = "missing", "a column is missing"
    EXTRA = "extra", "there is an additional column"
    OTHER_CASE = "other-case", "names are in upper case instead of lower case, or the other way round"
    ORDER = "order", "the columns have a different order"
    INDEX = "index", "the index does not start at zero"
    # further features
    MIXED_CASE = "mixed-case", "a declared name has a capital letter"
    DROPPED = "dropped", "a column of integers that arrives as floats does not affect the output"


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
