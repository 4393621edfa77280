"""Hypotheses of a batch: copies of a row, row pairs, and the functions that the model calls. Pure."""

from __future__ import annotations

from pyml.harness.call_trace import BATCH_CATEGORIES
from pyml_sandbox.parity.diagnosis.hypotheses import (
    Hypothesis,
    all_of,
    any_of,
    calls,
    calls_none,
    driven_by,
    explained_by,
    shown_by_kinds,
    shown_only_by,
    shown_without,
    tagged,
    untagged,
)
from pyml_sandbox.parity.diagnosis.value_rules import BY_KIND, EXPLAINED, OF_VALUES
from pyml_sandbox.parity.observations.features import INTEGERS, NESTED, DriverType, Explanation, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import OTHER_LENGTHS, Kind
from pyml_sandbox.parity.verdict import Certainty

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
        *("factorize", "Series.factorize", "Categorical.codes", "CategoricalAccessor.codes"),
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


NOT_DENSE = "a second copy of the other row changes the output again, as with sums and counts"
NO_RANKING = "the model calls no function that is known to rank"

OF_SECOND_CALL = Hypothesis("P3", needs=(explained_by(Explanation.AGAIN),))
OF_ANY_ROWS = (
    Hypothesis("E4", needs=(tagged(Tag.EVALUATION, certainty=Certainty.SHOWN),)),
    OF_SECOND_CALL,
)
"""What a switch of the model, or a second call with the same frame, shows whichever rows there are."""

OF_MANY: tuple[Hypothesis, ...] = (
    Hypothesis("B14", needs=(tagged(Tag.NORMALISED),)),
    Hypothesis("B5", needs=(calls(RANKING),)),
    Hypothesis("B1", supports=(tagged(Tag.PLAIN),), doubts=(tagged(Tag.AS_RANK),)),
)
"""Many rows change the output, and no single column does: the called functions decide."""

_NAN_FOR_NULL = (tagged(Tag.NAN_FOR_NULL),)

OF_COPIES: tuple[Hypothesis, ...] = (
    *OF_ANY_ROWS,
    Hypothesis("B7", needs=(tagged(Tag.POSITION), explained_by(Explanation.INDEX)), rules_out=_NAN_FOR_NULL),
    Hypothesis("B6", needs=(tagged(Tag.POSITION),), rules_out=_NAN_FOR_NULL),
    *OF_VALUES,
    Hypothesis("B1", needs=(tagged(Tag.COUNTS),)),
    Hypothesis("B8", needs=(untagged(Tag.COUNTS, "more copies of the row do not change it again"),)),
)
"""The number of rows changes the output, not their values: separate code for one row, or positions."""

OF_ROW_COUNT = (Hypothesis("R1", needs=(tagged(Tag.ROW_COUNT),)),)

_WIDTH = Hypothesis("T6", needs=(explained_by(Explanation.SINGLE, Explanation.DOUBLE), tagged(Tag.PLAIN)))
"""A value of the other row changes the width of a column of floats; other changes of values are told by the driver."""

_NEIGHBOUR: tuple[Hypothesis, ...] = (
    *OF_ANY_ROWS,
    _WIDTH,
    Hypothesis("T18", needs=(tagged(Tag.WRAPPED),)),
    Hypothesis("R5", needs=(tagged(Tag.SAME_KEY), tagged(Tag.BORROWED, Tag.ROW_COUNT))),
    *OF_ROW_COUNT,
    Hypothesis("T16", needs=(tagged(Tag.TYPE), tagged(Tag.NULL))),
    Hypothesis("T5", needs=(tagged(Tag.NAN_FOR_NULL),)),
    Hypothesis("R2", needs=(tagged(Tag.SWAPPED), shown_only_by(SKIPPED))),
    Hypothesis("R3", needs=(tagged(Tag.SWAPPED),)),
)

_OWN_VALUE: tuple[Hypothesis, ...] = (
    Hypothesis("B13", needs=(tagged(Tag.ORDER),)),
    Hypothesis("B2", needs=(tagged(Tag.BY_VALUE), shown_only_by({Kind.NULL, Kind.NAN}))),
    *BY_KIND,
    *EXPLAINED,
    Hypothesis("B2", supports=(tagged(Tag.BY_VALUE),)),
)
"""Only a row with a value that the fixture lacks changes, mostly a row with a null."""

_NESTED: tuple[Hypothesis, ...] = (
    Hypothesis("B9", needs=(tagged(Tag.LONGER_ONLY, Tag.SHORTER_ONLY),)),
    Hypothesis("T12", needs=(shown_only_by(OTHER_LENGTHS | {Kind.INNER_NULL}),)),
    # Lists of equal length become one array of two dimensions, as in NumPy; lists of different lengths do not.
    Hypothesis("T12", needs=(tagged(Tag.LENGTHS),)),
    Hypothesis("B1", supports=(tagged(Tag.PLAIN),)),
)

_NUMBER: tuple[Hypothesis, ...] = (
    Hypothesis("B13", needs=(tagged(Tag.ORDER), tagged(Tag.ADJACENT))),
    Hypothesis("B6", needs=(tagged(Tag.ORDER),)),
    Hypothesis("T14", needs=(shown_by_kinds(Kind.ZERO), shown_only_by({Kind.ZERO, Kind.NULL, Kind.NAN}))),
    Hypothesis("B3", needs=(tagged(Tag.AS_RANK), tagged(Tag.GROWS), tagged(Tag.DENSE))),
    Hypothesis("B3", needs=(driven_by(*INTEGERS), calls(CODING))),
    Hypothesis("B5", needs=(tagged(Tag.AS_RANK),), doubts=(calls_none(RANKING, NO_RANKING),)),
    *OF_MANY,
)

_NULL_BESIDE: tuple[Hypothesis, ...] = (
    Hypothesis("R2", needs=(tagged(Tag.OTHERS_OUTPUT), tagged(Tag.ORDER))),
    *EXPLAINED,
    Hypothesis("T1", needs=(driven_by(*INTEGERS),)),
    Hypothesis("T8", needs=(driven_by(DriverType.BINARY),)),
    Hypothesis("T12", needs=(driven_by(*NESTED),)),
    Hypothesis("T7", needs=(driven_by(DriverType.DECIMAL),)),
    Hypothesis("T4", needs=(shown_by_kinds(Kind.NULL),)),
    Hypothesis("B6", needs=(tagged(Tag.ORDER),)),
    Hypothesis("B1", supports=(tagged(Tag.NULL_ONLY),)),
)
"""A null in the other row changes a row without null, as types that are inferred from values do."""

_GUESSED = any_of(
    all_of(tagged(Tag.DATE), shown_without(Kind.DATE, Kind.OTHER)),
    all_of(tagged(Tag.NUMBER), shown_without(Kind.DIGITS)),
    calls(GUESSING),
    all_of(shown_by_kinds(at_least=2), shown_without(Kind.DIGITS, Kind.OTHER)),
)
"""Strings that are all dates, or all numbers, change with one that is neither."""

_STRING: tuple[Hypothesis, ...] = (
    # One value of the fixture that is longer by chance is no reason: a made-up longer string has to show it, too.
    Hypothesis("B9", needs=(tagged(Tag.LONGER_ONLY), shown_by_kinds(Kind.LONG))),
    Hypothesis("B9", needs=(tagged(Tag.SHORTER_ONLY),)),
    Hypothesis("B13", needs=(tagged(Tag.ORDER), tagged(Tag.ADJACENT))),
    Hypothesis("B6", needs=(tagged(Tag.BORROWED), tagged(Tag.ORDER))),
    Hypothesis("T9", needs=(_GUESSED,)),
    # Values of the fixture do not change each other, different ones do: they change the dtype of the column.
    Hypothesis(
        "T13",
        needs=(tagged(Tag.KNOWN_SILENT),),
        rules_out=(tagged(Tag.GROWS, Tag.RAISED), calls(ENCODING)),
    ),
    Hypothesis("B6", needs=(tagged(Tag.ORDER),), rules_out=(calls(CODING),)),
    Hypothesis("B4", needs=(calls(ENCODING),), doubts=(tagged(Tag.GROWS),)),
    Hypothesis("B3", needs=(calls(CODING),), supports=(tagged(Tag.GROWS),)),
    Hypothesis("B4", needs=(tagged(Tag.RAISED, Tag.REFUSES_NONE),)),
    Hypothesis("B4", needs=(shown_by_kinds(),), rules_out=(tagged(Tag.GROWS),)),
    Hypothesis("B1", needs=(tagged(Tag.GROWS), untagged(Tag.DENSE, NOT_DENSE))),
    Hypothesis("B3", supports=(tagged(Tag.GROWS),), doubts=(untagged(Tag.DENSE, NOT_DENSE),)),
)


def of_row_pair(seen: Observation) -> tuple[Hypothesis, ...]:
    """The other row of a pair changes the output."""
    return (*_NEIGHBOUR, *by_driver(seen))


def by_driver(seen: Observation) -> tuple[Hypothesis, ...]:
    """By which value is missing, else by the type of the column in which the rows differ."""
    if Tag.NULL_ONLY in seen.tags:
        return _NULL_BESIDE
    if Tag.OWN_VALUE in seen.tags:
        return _OWN_VALUE
    if seen.driver_type is DriverType.STRING:
        return _STRING
    return _NESTED if seen.driver_type in NESTED else _NUMBER
