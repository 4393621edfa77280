"""The causes of types and names: by how values differ, what explains it, and which rows differ. Pure."""

from __future__ import annotations

from pyml_sandbox.parity.diagnosis.predicates import (
    Rule,
    all_explained_by,
    explained_by,
    first_cause,
    shown_only_by,
    tagged,
)
from pyml_sandbox.parity.observations.features import Explanation, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import OTHER_LENGTHS, Kind

BESIDE_STEPS = frozenset({Kind.SINGLE, Kind.ULP, Kind.BOUNDARY})
"""Kinds of rows that were made to show rounding to float32."""

BEYOND_FLOAT64 = frozenset({Kind.BIG, Kind.END})
"""Kinds of integers that float64 may not represent."""


def _is_single(seen: Observation) -> bool:
    """Whether a value was rounded to float32; if a threshold has few digits, writing with few digits looks the same."""
    is_written = Explanation.WRITTEN in seen.explanations and shown_only_by(seen, BESIDE_STEPS)
    return is_written or not seen.explanations.isdisjoint({Explanation.SINGLE, Explanation.DOUBLE})


def _is_other_case(seen: Observation) -> bool:
    """Whether a name is in a different case; a lookup with a default does not show this explanation by chance.

    Other rows in the call do not change names, and if all names are in lower case, a column in a different case is a
    missing column.
    """
    return {Explanation.OTHER_CASE, Explanation.MIXED_CASE} <= seen.explanations and Tag.NULL_ONLY not in seen.tags


EXPLAINED: tuple[Rule, ...] = (
    ("S3", _is_other_case),
    ("T2", lambda seen: Explanation.FLOATS in seen.explanations and shown_only_by(seen, BEYOND_FLOAT64)),
    ("T2", explained_by(Explanation.VIA_FLOAT64)),
    ("T6", _is_single),
    ("T17", explained_by(Explanation.WRITTEN)),
    ("T10", explained_by(Explanation.HOURS, Explanation.NAIVE)),
    ("T15", explained_by(Explanation.EMPTY_NULL, Explanation.NULL_EMPTY)),
    ("T8", explained_by(Explanation.BYTES, Explanation.TEXT)),
    ("T9", explained_by(Explanation.GUESSED)),
    ("T7", explained_by(Explanation.DECIMAL_FLOATS)),
    ("T12", explained_by(Explanation.ARRAYS, Explanation.INNER_FLOATS)),
    ("T14", explained_by(Explanation.ZERO_NULL, Explanation.ZERO_NAN)),
    ("T4", explained_by(Explanation.NULL_NAN, Explanation.NAN_NULL, Explanation.NULL_TEXT)),
    ("T14", explained_by(Explanation.NULL_ZERO, Explanation.NAN_ZERO)),
    ("T4", explained_by(Explanation.NAN)),
    ("T1", all_explained_by(Explanation.FLOATS, Explanation.OBJECTS)),
    ("T3", all_explained_by(Explanation.FLOATS, Explanation.UNKNOWN)),
    ("T1", all_explained_by(Explanation.FLOATS, Explanation.DROPPED)),
    ("T3", explained_by(Explanation.FLOATS)),
    ("T1", explained_by(Explanation.OBJECTS)),
    ("T13", explained_by(Explanation.CATEGORIES)),
    ("T17", explained_by(Explanation.ULP)),
    ("S2", explained_by(Explanation.MISSING, Explanation.EXTRA)),
    # If all names are in lower case, a different case changes only their order.
    ("S1", explained_by(Explanation.ORDER, Explanation.OTHER_CASE)),
)

_BY_KIND: tuple[tuple[str, frozenset[Kind]], ...] = (
    ("T4", frozenset({Kind.NULL, Kind.NAN})),
    ("T14", frozenset({Kind.ZERO})),
    ("T15", frozenset({Kind.EMPTY})),
    ("T2", BEYOND_FLOAT64),
    ("T6", BESIDE_STEPS),
    ("T12", OTHER_LENGTHS | {Kind.INNER_NULL}),
    ("T10", frozenset({Kind.DST, Kind.HOUR, Kind.MICRO})),
    ("T9", frozenset({Kind.DIGITS, Kind.DATE})),
)
"""The cause if only rows of some kinds differ, and nothing explains it."""


def cause_by_kind(seen: Observation) -> str | None:
    """The cause if only rows of some kinds show the difference; None if other rows do as well."""
    return next((code for code, wanted in _BY_KIND if shown_only_by(seen, wanted)), None)


_HOW: tuple[Rule, ...] = (
    ("T5", tagged(Tag.NAN_FOR_NULL)),
    ("T7", tagged(Tag.LAST_DIGIT)),
    ("T18", tagged(Tag.WRAPPED)),
)


def cause_of_values(seen: Observation) -> str | None:
    """The cause by how the outputs differ, by what explains it, or by the kinds of rows; None if none is known."""
    return cause_of_change(seen) or cause_by_kind(seen)


def cause_of_change(seen: Observation) -> str | None:
    """The cause by how the outputs differ, or by what explains it; None if none is known."""
    return first_cause(_HOW, seen) or first_cause(EXPLAINED, seen)
