"""From what the checks saw to causes. Pure.

Each rule reads one group of symptoms: what fired, what stayed silent, and what explains it. The causes are those of
`pyml_sandbox.parity.diagnosis.causes`, each with a page in docs/causes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyml_sandbox.parity.observations.observation import NEIGHBOURS, Observation
from pyml_sandbox.parity.rows.synthetic import OTHER_LENGTHS

WHOLE = ("together", "split", "shuffle", "crowd", "sizes")
STATE = ("repeat", "warm", "same-size", "first-batch", "fresh")
"""Checks that, once they fire, leave nothing to ask about batches."""


@dataclass(frozen=True)
class Diagnosis:
    """One cause, and what shows it.

    Attributes:
        code: of the cause.
        outputs: the output columns that it reaches; none where it keeps rows from being predicted at all.
        inputs: the input columns that drive it.
        symptoms: what shows it, the plainest first.
    """

    code: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    observations: tuple[Observation, ...]

    @property
    def rows(self) -> int:
        """How many of the rows that were tried show it, at most."""
        return max(observation.rows for observation in self.observations)

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks that fired."""
        return tuple(dict.fromkeys(observation.check for observation in self.observations))


def diagnose(observations: Sequence[Observation]) -> list[Diagnosis]:
    """Name the causes of what the checks saw; each once, whatever the number of columns that it reaches.

    Args:
        symptoms: of every check that fired. A check without a symptom here stayed silent.
    """
    fired = frozenset(observation.check for observation in observations)
    named = [*_of_state(observations, fired), *_of_surroundings(observations, fired), *_of_batches(observations, fired)]
    reached = {observation.output for _, observation in named}
    named += [*_of_paths(observations, reached), *_of_threads(observations)]
    by_code: dict[str, list[Observation]] = {}
    for code, observation in named:
        by_code.setdefault(code, []).append(observation)
    return [_joined(code, found) for code, found in by_code.items()]


def _joined(code: str, observations: Sequence[Observation]) -> Diagnosis:
    outputs = dict.fromkeys(observation.output for observation in observations if observation.output)
    inputs = dict.fromkeys(name for observation in observations for name in observation.inputs if name)
    return Diagnosis(code, tuple(outputs), tuple(inputs), tuple(observations))


Named = Iterator[tuple[str, Observation]]


def _of_paths(observations: Sequence[Observation], reached: set[str]) -> Named:
    """Both real paths disagree on a column in which the laboratory sees nothing: code of its own for each process."""
    for observation in observations:
        if observation.check == "paths" and observation.output not in reached:
            yield _of_values(observation.tags) or "E5", observation
        elif observation.check == "lost":
            yield "R4", observation
        elif observation.check == "names":
            yield "S2", observation
        elif observation.check in ("frames", "stored", "forms"):
            yield _of_values(observation.tags) or "E5", observation


def _of_threads(observations: Sequence[Observation]) -> Named:
    for observation in observations:
        if observation.check in ("concurrent", "thread-safe"):
            yield ("B11" if "row-count" in observation.tags else "P4"), observation


def _of_state(observations: Sequence[Observation], fired: frozenset[str]) -> Named:
    """Clock, generators, memory.

    Cases: two equal calls differ, and what silences that; other rows in between change an answer; the process that
    met other rows first answers otherwise; the frame is written into.
    """
    for observation in observations:
        if observation.check == "repeat":
            yield _of_repeat(fired), observation
        elif observation.check == "fresh":
            yield ("D2" if "clock" in fired else "D1"), observation
        elif observation.check == "clock":
            yield "D2", observation
        elif observation.check == "warm":
            yield "P1", observation
        elif observation.check in ("same-size", "first-batch") and "warm" not in fired:
            cached = any(each.tags & {"earlier-answer", "keyed"} for each in observations)
            yield ("P5" if cached else "P2"), observation
        elif observation.check == "mutation":
            yield "P3", observation


def _of_repeat(fired: frozenset[str]) -> str:
    by_check = (("training-mode", "E4"), ("seeded", "D1"), ("same-history", "P1"), ("frozen-clock", "D2"))
    return next((code for check, code in by_check if check in fired), "D1")


SURROUNDINGS: Mapping[str, str] = {
    "hash-seed": "D3",
    "time-zone": "T11",
    "threads": "D4",
    "locale": "E3",
    "working-directory": "E2",
    "versions": "E1",
    "packages": "E1",
    "metadata": "S4",
}


def _of_surroundings(observations: Sequence[Observation], fired: frozenset[str]) -> Named:
    """One thing of the environment changed; of no use where a fresh process alone answers otherwise."""
    unsteady = fired & {"repeat", "fresh", "first-batch"}
    for observation in observations:
        code = "E3" if observation.check.startswith("variable:") else SURROUNDINGS.get(observation.check)
        if code and (observation.check in ("versions", "packages", "metadata") or not unsteady):
            yield code, observation


def _of_batches(observations: Sequence[Observation], fired: frozenset[str]) -> Named:
    """The rows of a call, column by column; then calls that are refused; then lists of lengths that are refused."""
    lengths = [observation for observation in observations if _is_of_lengths(observation)]
    others = [observation for observation in observations if not _is_of_lengths(observation)]
    for output in dict.fromkeys(observation.output for observation in others):
        yield from _of_output([observation for observation in others if observation.output == output], fired)
    yield from (
        (code(observation.tags), observation) for observation in others if (code := _REFUSED.get(observation.check))
    )
    yield from ((_of_neighbour(observation, fired), observation) for observation in lengths)


def _of_output(own: Sequence[Observation], fired: frozenset[str]) -> Named:
    """One column: neighbours, then copies that they do not account for, then whole batches where both are silent."""
    neighbours = _telling(own)
    drivers = {name for observation in neighbours for name in observation.inputs}
    copies = [observation for observation in own if observation.check == "copies" and _is_news(observation, drivers)]
    if neighbours or copies:
        yield from ((_of_neighbour(observation, fired), observation) for observation in neighbours)
        yield from ((_of_copies(observation), observation) for observation in copies)
    elif own[0].output:
        yield from _of_whole(own, fired)


def _telling(own: Sequence[Observation]) -> list[Observation]:
    """The neighbours; one that is another row in every column tells least, and counts where no single column does."""
    beside = [observation for observation in own if observation.check in NEIGHBOURS]
    return [observation for observation in beside if observation.inputs != ("",)] or beside


def _is_news(copies: Observation, drivers: set[str]) -> bool:
    """Whether copies of a row show more than its neighbours do: of a column that drives none of those."""
    return not drivers or (bool(copies.inputs) and drivers.isdisjoint(copies.inputs))


def _is_of_lengths(observation: Observation) -> bool:
    """Lists of other lengths than the fixture's, refused together: a model may want just one, and declare none."""
    kinds = _kinds(observation.tags)
    is_refused = observation.check in NEIGHBOURS and not observation.output
    return is_refused and bool(kinds) and kinds <= OTHER_LENGTHS and "type:ARRAY" in observation.tags


def _of_one_row(tags: frozenset[str]) -> str:
    """Refused alone. Beside a copy as well: it takes several rows that differ to make all the columns that are used."""
    if "type" in tags and "all-rows" not in tags:
        return "T16"
    return "B4" if "copies-refused" in tags else "B8"


_REFUSED: Mapping[str, Callable[[frozenset[str]], str]] = {
    "alone": _of_one_row,
    "contract": lambda tags: "R1" if "row-count" in tags else "T16",
    "empty": lambda tags: "B12",
}
"""Checks that see calls refused, and the cause by their traits."""


def _of_whole(own: Sequence[Observation], fired: frozenset[str]) -> Named:
    """A batch of many rows differs where pairs do not: by one of its columns, or by its order, or by statistics."""
    whole = [observation for observation in own if observation.check in WHOLE]
    only_turned = bool(whole) and all(
        observation.check == "shuffle" or "behind" in observation.tags for observation in whole
    )
    for observation in whole:
        if "evaluation" in observation.tags:
            yield "E4", observation
        elif only_turned:
            yield "B6", observation
        else:
            has_driver = any(trait.startswith("type:") for trait in observation.tags)
            yield (
                _by_driver(observation.tags | {"plain"}, fired) if has_driver else _of_many(observation.tags),
                observation,
            )


def _of_many(tags: frozenset[str]) -> str:
    return "B5" if tags & RANKING else "B1"


Rule = tuple[str, Callable[[frozenset[str]], bool]]


def _any_of(*tags: str) -> Callable[[frozenset[str]], bool]:
    return lambda found: bool(found & set(tags))


def _all_of(*tags: str) -> Callable[[frozenset[str]], bool]:
    return lambda found: found >= set(tags)


BESIDE_STEPS = frozenset({"single", "ulp", "boundary"})
"""Kinds of rows that were made to lie where rounding to float32 shows."""

BEYOND_FLOAT64 = frozenset({"big", "end"})
"""Kinds of integers that a float64 may not hold."""


def _is_beside_steps(found: frozenset[str]) -> bool:
    """Only rows beside steps: where a limit is rounded as well, its own few digits explain what float32 does."""
    return bool(_kinds(found)) and _kinds(found) <= BESIDE_STEPS


_EXPLAINED: tuple[Rule, ...] = (
    # A name in another case is the only one of these that no lookup with a default brings about by chance; but which
    # rows are near changes no names, and where all are in lower case a column in another case is just a missing one.
    ("S3", lambda found: "as:other-case" in found and "mixed-case" in found and "null-only" not in found),
    ("T2", lambda found: "as:floats" in found and bool(_kinds(found)) and _kinds(found) <= BEYOND_FLOAT64),
    ("T2", _any_of("as:via-float64")),
    (
        "T6",
        lambda found: bool(found & {"as:single", "as:double"}) or ("as:written" in found and _is_beside_steps(found)),
    ),
    ("T17", _all_of("as:written")),
    ("T10", _any_of("as:hours", "as:naive")),
    ("T15", _any_of("as:empty-null", "as:null-empty")),
    ("T8", _any_of("as:bytes", "as:text")),
    ("T9", _any_of("as:guessed")),
    ("T7", _any_of("as:decimal-floats")),
    ("T12", _any_of("as:arrays", "as:inner-floats")),
    ("T14", _any_of("as:zero-null", "as:zero-nan")),
    ("T4", _any_of("as:null-nan", "as:nan-null", "as:null-text")),
    ("T14", _any_of("as:null-zero", "as:nan-zero")),
    ("T4", _any_of("as:nan")),
    ("T1", _all_of("as:floats", "as:objects")),
    ("T3", _all_of("as:floats", "as:unknown")),
    ("T1", _all_of("as:floats", "dropped")),
    ("T3", _all_of("as:floats")),
    ("T1", _all_of("as:objects")),
    ("T13", _any_of("as:categories")),
    ("T17", _any_of("as:ulp", "as:written")),
    ("S2", _any_of("as:missing", "as:extra")),
    # Of names in lower case another case changes no more than their order.
    ("S1", _any_of("as:order", "as:other-case")),
)

_BY_KIND: tuple[tuple[str, frozenset[str]], ...] = (
    ("T4", frozenset({"null", "nan"})),
    ("T14", frozenset({"zero"})),
    ("T15", frozenset({"empty"})),
    ("T2", BEYOND_FLOAT64),
    ("T6", BESIDE_STEPS),
    ("T12", OTHER_LENGTHS | {"inner-null"}),
    ("T10", frozenset({"dst", "hour", "micro"})),
    ("T9", frozenset({"digits", "date"})),
)
"""The cause where only rows of some kinds differ, and nothing explains it."""


def _calls(*names: str) -> frozenset[str]:
    return frozenset(f"calls:{name}" for name in names)


RANKING = _calls(
    *("rank", "quantile", "nanquantile", "percentile", "nanpercentile", "qcut", "rankdata", "nlargest", "nsmallest"),
    *(f"{owner}.{name}" for owner in ("Series", "DataFrame") for name in ("rank", "quantile", "nlargest", "nsmallest")),
)
ENCODING = _calls("get_dummies", "OneHotEncoder.__init__", "LabelBinarizer.__init__", "DictVectorizer.__init__")
CODING = _calls(
    "factorize", "Series.factorize", "Categorical.codes", "CategoricalAccessor.codes", "LabelEncoder.wrapped"
)
CODING |= _calls("LabelEncoder.fit_transform", "LabelEncoder.fit", "OrdinalEncoder.__init__")
GUESSING = _calls("read_csv", "read_json", "read_table", "to_datetime", "to_numeric")
GUESSING |= _calls(
    "DataFrame.infer_objects", "DataFrame.convert_dtypes", "Series.convert_dtypes", "Series.infer_objects"
)
"""Functions that tell two causes apart which do the same to a batch; none of them is a cause by being called."""

SKIPPED = frozenset({"null", "nan", "inner-null", "empty", "infinite", "zero"})
"""Kinds of values that a model may take for missing and leave out."""


def _first(rules: Iterable[Rule], tags: frozenset[str]) -> str | None:
    return next((code for code, holds in rules if holds(tags)), None)


def _kinds(tags: frozenset[str]) -> frozenset[str]:
    return frozenset(trait.removeprefix("kind:") for trait in tags if trait.startswith("kind:"))


def _by_kind(tags: frozenset[str]) -> str | None:
    kinds = _kinds(tags)
    return next((code for code, wanted in _BY_KIND if kinds and kinds <= wanted), None)


def _of_copies(observation: Observation) -> str:
    """How many rows there are changes the output, not which: code of its own for one row, or positions."""
    tags = observation.tags
    if "evaluation" in tags:
        return "E4"
    if "position" in tags and "nan-for-null" not in tags:
        return "B7" if "as:index" in tags else "B6"
    return _of_values(tags) or ("B1" if "counts" in tags else "B8")


def _of_values(tags: frozenset[str]) -> str | None:
    """By how the outputs differ, by what explains it, or by the rows that do."""
    how: tuple[Rule, ...] = (("T5", _any_of("nan-for-null")), ("T7", _any_of("last-digit")))
    return _first(how, tags) or _first(_EXPLAINED, tags) or _by_kind(tags)


def _of_neighbour(observation: Observation, fired: frozenset[str]) -> str:
    """Which rows stand beside it changes the output."""
    tags = observation.tags
    general: tuple[Rule, ...] = (
        ("E4", _any_of("evaluation")),
        ("R1", _any_of("row-count")),
        ("T16", _all_of("type", "null")),
        ("T5", _any_of("nan-for-null")),
        ("R2", lambda found: bool(found & {"swapped"}) and _kinds(found) <= SKIPPED),
        ("R3", _any_of("swapped")),
    )
    return _first(general, tags) or _by_driver(tags, fired)


def _by_driver(tags: frozenset[str], fired: frozenset[str]) -> str:
    """By whose value is missing, else by the type of the column in which the neighbour was varied."""
    if "null-only" in tags:
        return _of_null_beside(tags)
    if "own-value" in tags:
        return _of_own_value(tags)
    if "type:STRING" in tags:
        return _of_text_beside(tags, fired)
    if tags & {"type:ARRAY", "type:MAP", "type:STRUCT"}:
        return _first(_NESTED, tags) or "B1"
    return _first(_NUMBER, tags) or _of_many(tags)


def _of_own_value(tags: frozenset[str]) -> str:
    """Only a row of another value than the fixture's changes, mostly one with a null."""
    if "by-value" in tags and _kinds(tags) <= {"null", "nan"}:
        return "B2"
    return _by_kind(tags) or _first(_EXPLAINED, tags) or "B2"


_NESTED: tuple[Rule, ...] = (
    ("B9", _any_of("longer-only", "shorter-only")),
    ("T12", lambda found: _kinds(found) <= OTHER_LENGTHS | {"inner-null"}),
)

_NUMBER: tuple[Rule, ...] = (
    ("B6", _any_of("order")),
    ("T14", lambda found: {"zero"} <= _kinds(found) <= {"zero", "null", "nan"}),
    ("B3", _all_of("as-rank", "grows", "dense")),
    ("B5", _any_of("as-rank")),
)


def _of_null_beside(tags: frozenset[str]) -> str:
    """A null in a neighbour changes a row that has none: what re-inferring types from values does."""
    if {"others-output", "order"} <= tags:
        return "R2"
    return _first(_EXPLAINED, tags) or _first(_BESIDE_NULL, tags) or ("B6" if "order" in tags else "B1")


_BESIDE_NULL: tuple[Rule, ...] = (
    ("T1", _any_of("type:TINYINT", "type:SMALLINT", "type:INT", "type:BIGINT")),
    ("T8", _any_of("type:BINARY")),
    ("T12", _any_of("type:ARRAY", "type:MAP", "type:STRUCT")),
    ("T7", _any_of("type:DECIMAL")),
    ("T4", _any_of("kind:null")),
)
"""The cause where a null in a neighbour changes a row, and no change to that row explains it."""


def _of_text_beside(tags: frozenset[str], fired: frozenset[str]) -> str:
    kinds = _kinds(tags)
    if tags & {"longer-only", "shorter-only"}:
        return "B9"
    if {"borrowed", "order"} <= tags:
        return "B6"
    if _is_guessed(tags, kinds):
        return "T9"
    if "known-silent" in tags and not tags & {"grows", "raised", *ENCODING}:
        return "T13"  # known values do nothing to one another, others do: they take the column's dtype away
    if "order" in tags and not tags & CODING:
        return "B6"
    if tags & ENCODING:
        return "B4"
    if tags & CODING:
        return "B3"
    is_shown_by_pairs = bool(kinds)
    return "B4" if "raised" in tags or "empty" in fired or (is_shown_by_pairs and "grows" not in tags) else "B3"


def _is_guessed(tags: frozenset[str], kinds: frozenset[str]) -> bool:
    """Texts that are all dates, or all numbers, change beside one that is neither."""
    if ("date" in tags and not kinds & {"date", "other"}) or ("number" in tags and "digits" not in kinds):
        return True
    return bool(tags & GUESSING) or (len(kinds) > 1 and not kinds & {"digits", "other"})
