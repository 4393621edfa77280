"""What else a check saw beside the difference: the vocabulary of observations, from which causes are told.

Checks and explanations write these, `pyml_sandbox.parity.diagnosis.rules` reads them. Nothing else decides a cause.
"""

from __future__ import annotations

from enum import StrEnum


class Tag(StrEnum):
    """A feature of an observation."""

    # whose values are missing where something changes
    PLAIN = "plain"
    """A row with a value changes beside a row with a value."""
    NULL_ONLY = "null-only"
    """A row with a value changes only beside a null."""
    OWN_VALUE = "own-value"
    """Only a row whose own value is missing, or is not the fixture's, changes."""
    NULL = "null"
    """A null or NaN is among the neighbours that change a row."""
    # which neighbours change a row
    LONGER_ONLY = "longer-only"
    SHORTER_ONLY = "shorter-only"
    KNOWN_SILENT = "known-silent"
    """Neighbours with values of the fixture were tried, and change nothing."""
    # which rows are changed
    DATE = "date"
    """Their strings read as dates."""
    NUMBER = "number"
    """Their strings read as numbers."""
    ORDER = "order"
    """Only what stands before a row, or only what stands after it, changes its output."""
    # what they get instead
    BORROWED = "borrowed"
    """The output that belongs to the neighbour."""
    NAN_FOR_NULL = "nan-for-null"
    """NaN where it was null, or null where it was NaN."""
    LAST_DIGIT = "last-digit"
    """A decimal that differs by one in its last digit."""
    SWAPPED = "swapped"
    """Each of the two rows gets the output of the other."""
    OTHERS_OUTPUT = "others-output"
    """The output of a neighbour that is a null."""
    BY_VALUE = "by-value"
    """Several outputs: it counts which neighbour it is."""
    # what two neighbours at once do
    GROWS = "grows"
    """What neither of them does: codes and ranks count."""
    DENSE = "dense"
    """A neighbour that comes twice counts once: codes do that."""
    AS_RANK = "as-rank"
    """They count by being below or above, and not by how far: ranks do that."""
    # of a call without rows
    WANTED = "wanted"
    """The model wants to be called without rows."""
    # of copies and of whole batches
    POSITION = "position"
    """Two copies of one row in one call have different outputs."""
    COUNTS = "counts"
    """Three copies give another output than two."""
    BEHIND = "behind"
    """Only rows at the end of the batch change."""
    # of refusals
    ROW_COUNT = "row-count"
    """`predict` returned another number of rows than it was given."""
    TYPE = "type"
    """`predict` returned a column of another type than it declares."""
    RAISED = "raised"
    """`predict` raised an exception."""
    ALL_ROWS = "all-rows"
    """As many rows are refused as the fixture has."""
    COPIES_REFUSED = "copies-refused"
    """They are refused beside a copy of themselves, too."""
    # of state
    EARLIER_ANSWER = "earlier-answer"
    """The output is that of an earlier call with as many rows."""
    KEYED = "keyed"
    """One earlier row changes few outputs, and not most."""
    EVALUATION = "evaluation"
    """The difference goes once the model is switched out of training."""


class Explanation(StrEnum):
    """A change to a row, or to its frame, that gives under one condition the output of the other.

    The last two are no changes: they tell between causes that the same changes explain.
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
    """An integer that went through a float64."""
    SINGLE = "single"
    """A number rounded to float32."""
    WRITTEN = "written"
    """A number that was written with some digits and read again."""
    ULP = "ulp"
    """The next float64."""
    UNKNOWN = "unknown"
    """An integer that no table of known values holds."""
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
    # names and places
    AGAIN = "again"
    """A frame that `predict` was called on before."""
    MISSING = "missing"
    """A column that is not there."""
    EXTRA = "extra"
    """One column more."""
    OTHER_CASE = "other-case"
    """Names in upper case instead of lower case, or the other way round."""
    ORDER = "order"
    """Columns in a different order."""
    INDEX = "index"
    """An index that does not start at zero."""
    # beside them
    MIXED_CASE = "mixed-case"
    """A declared name has a capital letter."""
    DROPPED = "dropped"
    """A column of integers that comes as floats has no effect on the output."""


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
    """Not one column: the neighbour differs in every one."""

    @classmethod
    def of(cls, ddl_type: str) -> DriverType:
        """The type that a declaration such as ``DECIMAL(10, 2)`` or ``ARRAY<INT>`` begins with."""
        return cls(ddl_type.partition("(")[0].partition("<")[0])


INTEGERS = frozenset({DriverType.TINYINT, DriverType.SMALLINT, DriverType.INT, DriverType.BIGINT})
NESTED = frozenset({DriverType.ARRAY, DriverType.MAP, DriverType.STRUCT})
