"""Hypotheses of types and names: by how values differ, what explains it, and which rows differ. Pure."""

from __future__ import annotations

from pyml_sandbox.parity.diagnosis.hypotheses import (
    Hypothesis,
    Sign,
    all_of,
    any_of,
    explained_by,
    shown_only_by,
    tagged,
)
from pyml_sandbox.parity.observations.features import Explanation, Tag
from pyml_sandbox.parity.rows.row_kind import OTHER_LENGTHS, Kind

BESIDE_STEPS = frozenset({Kind.SINGLE, Kind.ULP, Kind.BOUNDARY})
"""Kinds of rows that were made to show rounding to float32."""

BEYOND_FLOAT64 = frozenset({Kind.BIG, Kind.END})
"""Kinds of integers that float64 may not represent."""

_SINGLE = any_of(
    explained_by(Explanation.SINGLE, Explanation.DOUBLE),
    all_of(explained_by(Explanation.WRITTEN), shown_only_by(BESIDE_STEPS)),
)
"""A value was rounded to float32; if a threshold has few digits, writing with few digits looks the same."""

_OTHER_CASE = all_of(explained_by(Explanation.OTHER_CASE), explained_by(Explanation.MIXED_CASE))
"""A name is in a different case; a lookup with a default does not show this explanation by chance.

If all names are in lower case, a column in a different case is a missing column.
"""


def _both(*explanations: Explanation) -> Sign:
    return all_of(*(explained_by(each) for each in explanations))


EXPLAINED: tuple[Hypothesis, ...] = (
    # Other rows in the call do not change names.
    Hypothesis("S3", needs=(_OTHER_CASE,), rules_out=(tagged(Tag.NULL_ONLY),)),
    Hypothesis("T2", needs=(explained_by(Explanation.FLOATS), shown_only_by(BEYOND_FLOAT64))),
    Hypothesis("T2", needs=(explained_by(Explanation.VIA_FLOAT64),)),
    Hypothesis("T6", needs=(_SINGLE,)),
    Hypothesis("T17", needs=(explained_by(Explanation.WRITTEN),)),
    Hypothesis("T10", needs=(explained_by(Explanation.HOURS, Explanation.NAIVE),)),
    Hypothesis("T15", needs=(explained_by(Explanation.EMPTY_NULL),)),
    # A look-up with a default takes any text for the same: then it says nothing of the empty one.
    Hypothesis("T15", needs=(explained_by(Explanation.NULL_EMPTY),), rules_out=(explained_by(Explanation.NULL_TEXT),)),
    Hypothesis("T8", needs=(explained_by(Explanation.BYTES, Explanation.TEXT),)),
    Hypothesis("T9", needs=(explained_by(Explanation.GUESSED),)),
    Hypothesis("T7", needs=(explained_by(Explanation.DECIMAL_FLOATS),)),
    Hypothesis("T12", needs=(explained_by(Explanation.ARRAYS, Explanation.INNER_FLOATS),)),
    Hypothesis("T14", needs=(explained_by(Explanation.ZERO_NULL, Explanation.ZERO_NAN),)),
    Hypothesis("T4", needs=(explained_by(Explanation.NULL_NAN, Explanation.NAN_NULL, Explanation.NULL_TEXT),)),
    Hypothesis("T14", needs=(explained_by(Explanation.NULL_ZERO, Explanation.NAN_ZERO),)),
    Hypothesis("T4", needs=(explained_by(Explanation.NAN),)),
    Hypothesis("T1", needs=(_both(Explanation.FLOATS, Explanation.OBJECTS),)),
    Hypothesis("T3", needs=(_both(Explanation.FLOATS, Explanation.UNKNOWN),)),
    Hypothesis("T1", needs=(_both(Explanation.FLOATS, Explanation.DROPPED),)),
    Hypothesis("T3", needs=(explained_by(Explanation.FLOATS),)),
    Hypothesis("T1", needs=(explained_by(Explanation.OBJECTS),)),
    Hypothesis("T13", needs=(explained_by(Explanation.CATEGORIES),)),
    Hypothesis("T17", needs=(explained_by(Explanation.ULP),)),
    Hypothesis("S2", needs=(explained_by(Explanation.MISSING, Explanation.EXTRA),)),
    # If all names are in lower case, a different case changes only their order.
    Hypothesis("S1", needs=(explained_by(Explanation.ORDER, Explanation.OTHER_CASE),)),
)
"""By the change to a row or its frame that explains the difference."""

BY_KIND: tuple[Hypothesis, ...] = (
    Hypothesis("T4", needs=(shown_only_by({Kind.NULL, Kind.NAN}),)),
    Hypothesis("T14", needs=(shown_only_by({Kind.ZERO}),)),
    Hypothesis("T15", needs=(shown_only_by({Kind.EMPTY}),)),
    Hypothesis("T2", needs=(shown_only_by(BEYOND_FLOAT64),)),
    Hypothesis("T6", needs=(shown_only_by(BESIDE_STEPS),)),
    Hypothesis("T12", needs=(shown_only_by(OTHER_LENGTHS | {Kind.INNER_NULL}),)),
    Hypothesis("T10", needs=(shown_only_by({Kind.DST, Kind.HOUR, Kind.MICRO}),)),
    Hypothesis("T9", needs=(shown_only_by({Kind.DIGITS, Kind.DATE}),)),
)
"""By the kinds of rows that alone differ, if nothing explains the difference."""

_HOW: tuple[Hypothesis, ...] = (
    Hypothesis("T5", needs=(tagged(Tag.NAN_FOR_NULL),)),
    Hypothesis("T7", needs=(tagged(Tag.LAST_DIGIT),)),
    Hypothesis("T18", needs=(tagged(Tag.WRAPPED),)),
)

OF_CHANGE = (*_HOW, *EXPLAINED)
"""By how the outputs differ, or by what explains it."""

OF_VALUES = (*OF_CHANGE, *BY_KIND)
"""By how the outputs differ, by what explains it, or by the kinds of rows."""
