"""The causes in a batch: copies of a row, row pairs, and the functions that the model calls. Pure."""

from __future__ import annotations

from pyml.harness.call_trace import BATCH_CATEGORIES
from pyml_sandbox.parity.diagnosis.predicates import Rule, all_tagged, driven_by, explained_by, first_cause, tagged
from pyml_sandbox.parity.diagnosis.value_rules import EXPLAINED, cause_by_kind, cause_of_values
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import INTEGERS, NESTED, DriverType, Explanation, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import OTHER_LENGTHS, Kind

RANKING = frozenset(
    {
        *("rank", "quantile", "nanquantile", "percentile", "nanpercentile", "qcut", "rankdata"),
        *("nlargest", "nsmallest", "argsort", "argpartition", "partition", "lexsort", "sort_values"),
        *(f"{owner}.{name}" for owner in ("Series", "DataFrame") for name in ("rank", "quantile")),
        *(f"{owner}.{name}" for owner in ("Series", "DataFrame") for name in ("nlargest", "nsmallest", "sort_values")),
        "Series.argsort",
    }
)
ENCODING = frozenset(
    {"get_dummies", "OneHotEncoder.__init__", "LabelBinarizer.__init__", "DictVectorizer.__init__"},
)
CODING = frozenset(
    {
        *("factorize", "Series.factorize", "Categorical.codes", "CategoricalAccessor.codes", "LabelEncoder.wrapped"),
        *("LabelEncoder.fit_transform", "LabelEncoder.fit", "OrdinalEncoder.__init__"),
        BATCH_CATEGORIES,
    }
)
GUESSING = frozenset(
    {
        *("read_csv", "read_json", "read_table", "to_datetime", "to_numeric"),
        *("DataFrame.infer_objects", "DataFrame.convert_dtypes", "Series.convert_dtypes", "Series.infer_objects"),
    }
)
"""Functions that distinguish two causes with the same effect on a batch; a call alone does not prove a cause."""

SKIPPED = frozenset({Kind.NULL, Kind.NAN, Kind.INNER_NULL, Kind.EMPTY, Kind.INFINITE, Kind.ZERO})
"""Kinds of values that a model may treat as missing and leave out."""


def cause_of_many(seen: Observation) -> str:
    """Many rows change the output, and no single column does: the called functions decide."""
    if Tag.NORMALISED in seen.tags:
        return "B14"
    return "B5" if seen.called & RANKING else "B1"


def cause_of_copies(seen: Observation) -> str:
    """The number of rows changes the output, not their values: separate code for one row, or positions."""
    if Tag.EVALUATION in seen.tags:
        return "E4"
    if Explanation.AGAIN in seen.explanations:
        return "P3"
    if Tag.POSITION in seen.tags and Tag.NAN_FOR_NULL not in seen.tags:
        return "B7" if Explanation.INDEX in seen.explanations else "B6"
    return cause_of_values(seen) or ("B1" if Tag.COUNTS in seen.tags else "B8")


_NEIGHBOUR: tuple[Rule, ...] = (
    ("P3", explained_by(Explanation.AGAIN)),
    ("E4", tagged(Tag.EVALUATION)),
    ("T18", tagged(Tag.WRAPPED)),
    ("R5", lambda seen: Tag.SAME_KEY in seen.tags and not seen.tags.isdisjoint({Tag.BORROWED, Tag.ROW_COUNT})),
    ("R1", tagged(Tag.ROW_COUNT)),
    ("T16", all_tagged(Tag.TYPE, Tag.NULL)),
    ("T5", tagged(Tag.NAN_FOR_NULL)),
    ("R2", lambda seen: Tag.SWAPPED in seen.tags and seen.kinds <= SKIPPED),
    ("R3", tagged(Tag.SWAPPED)),
)


def cause_of_row_pair(seen: Observation, fired: frozenset[Check]) -> str:
    """The other row of a pair changes the output."""
    return first_cause(_NEIGHBOUR, seen) or cause_by_driver(seen, fired)


def cause_by_driver(seen: Observation, fired: frozenset[Check]) -> str:
    """The cause by which value is missing, else by the type of the column in which the rows differ."""
    if Tag.NULL_ONLY in seen.tags:
        return _of_null_beside(seen)
    if Tag.OWN_VALUE in seen.tags:
        return _of_own_value(seen)
    if seen.driver_type is DriverType.STRING:
        return _of_text_beside(seen, fired)
    if seen.driver_type in NESTED:
        return first_cause(_NESTED, seen) or "B1"
    return first_cause(_NUMBER, seen) or cause_of_many(seen)


def _of_own_value(seen: Observation) -> str:
    """Only a row with a value that the fixture lacks changes, mostly a row with a null."""
    if Tag.ORDER in seen.tags:
        return "B13"
    if Tag.BY_VALUE in seen.tags and seen.kinds <= {Kind.NULL, Kind.NAN}:
        return "B2"
    return cause_by_kind(seen) or first_cause(EXPLAINED, seen) or "B2"


_NESTED: tuple[Rule, ...] = (
    ("B9", tagged(Tag.LONGER_ONLY, Tag.SHORTER_ONLY)),
    ("T12", lambda seen: seen.kinds <= OTHER_LENGTHS | {Kind.INNER_NULL}),
)

_NUMBER: tuple[Rule, ...] = (
    ("B13", all_tagged(Tag.ORDER, Tag.ADJACENT)),
    ("B6", tagged(Tag.ORDER)),
    ("T14", lambda seen: {Kind.ZERO} <= seen.kinds <= {Kind.ZERO, Kind.NULL, Kind.NAN}),
    ("B3", all_tagged(Tag.AS_RANK, Tag.GROWS, Tag.DENSE)),
    ("B3", lambda seen: seen.driver_type in INTEGERS and bool(seen.called & CODING)),
    ("B5", tagged(Tag.AS_RANK)),
)


def _of_null_beside(seen: Observation) -> str:
    """A null in the other row changes a row without null, as types that are inferred from values do."""
    if {Tag.OTHERS_OUTPUT, Tag.ORDER} <= seen.tags:
        return "R2"
    return first_cause(EXPLAINED, seen) or first_cause(_BESIDE_NULL, seen) or ("B6" if Tag.ORDER in seen.tags else "B1")


_BESIDE_NULL: tuple[Rule, ...] = (
    ("T1", driven_by(*INTEGERS)),
    ("T8", driven_by(DriverType.BINARY)),
    ("T12", driven_by(*NESTED)),
    ("T7", driven_by(DriverType.DECIMAL)),
    ("T4", lambda seen: Kind.NULL in seen.kinds),
)
"""The cause if a null in the other row changes a row, and no change to that row explains it."""


_STRING: tuple[Rule, ...] = (
    ("B9", tagged(Tag.LONGER_ONLY, Tag.SHORTER_ONLY)),
    ("B13", all_tagged(Tag.ORDER, Tag.ADJACENT)),
    ("B6", all_tagged(Tag.BORROWED, Tag.ORDER)),
    ("T9", lambda seen: _is_guessed(seen)),
    # Values of the fixture do not change each other, different ones do: they change the dtype of the column.
    ("T13", lambda seen: Tag.KNOWN_SILENT in seen.tags and not (_counts(seen) or seen.called & ENCODING)),
    ("B6", lambda seen: Tag.ORDER in seen.tags and not seen.called & CODING),
    ("B4", lambda seen: bool(seen.called & ENCODING)),
    ("B3", lambda seen: bool(seen.called & CODING)),
    ("B4", tagged(Tag.RAISED)),
)


def _counts(seen: Observation) -> bool:
    return not seen.tags.isdisjoint({Tag.GROWS, Tag.RAISED})


def _of_text_beside(seen: Observation, fired: frozenset[Check]) -> str:
    is_shown_by_pairs = bool(seen.kinds)
    is_encoded = Check.EMPTY in fired or (is_shown_by_pairs and Tag.GROWS not in seen.tags)
    return first_cause(_STRING, seen) or ("B4" if is_encoded else "B3")


def _is_guessed(seen: Observation) -> bool:
    """Whether strings that are all dates, or all numbers, change with one that is neither."""
    if Tag.DATE in seen.tags and not seen.kinds & {Kind.DATE, Kind.OTHER}:
        return True
    if Tag.NUMBER in seen.tags and Kind.DIGITS not in seen.kinds:
        return True
    return bool(seen.called & GUESSING) or (len(seen.kinds) > 1 and not seen.kinds & {Kind.DIGITS, Kind.OTHER})
