"""From observations to causes. Pure.

Each function reads one group of observations: which checks fired, which were silent, and what explains a difference.
The causes are those of `pyml_sandbox.parity.diagnosis.causes`, each with a page in docs/causes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyml_sandbox.parity.diagnosis.batch_rules import (
    OF_ANY_ROWS,
    OF_COPIES,
    OF_MANY,
    OF_ROW_COUNT,
    OF_SECOND_CALL,
    by_driver,
    of_row_pair,
)
from pyml_sandbox.parity.diagnosis.hypotheses import (
    Hypothesis,
    all_of,
    by_check,
    close_second,
    shown_only_by,
    tagged,
    weigh,
)
from pyml_sandbox.parity.diagnosis.notebook_findings import UNKNOWN
from pyml_sandbox.parity.diagnosis.value_rules import BY_KIND, OF_CHANGE, OF_VALUES
from pyml_sandbox.parity.observations.catalogue import BATCH, Check, Group
from pyml_sandbox.parity.observations.features import NESTED, DriverType, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import OTHER_LENGTHS, Kind
from pyml_sandbox.parity.verdict import Candidate, Certainty


@dataclass(frozen=True)
class Diagnosis:
    """One cause with its observations.

    Attributes:
        code: of the cause.
        outputs: the output columns that it affects; empty if it prevents predictions.
        inputs: the input columns that drive it.
        observations: what shows it, the simplest first.
        candidates: the cause with its grounds, and the second candidate where it is close.
    """

    code: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    observations: tuple[Observation, ...]
    candidates: tuple[Candidate, ...] = ()

    @property
    def rows(self) -> int:
        """The largest number of rows in one observation."""
        return max(observation.rows for observation in self.observations)

    @property
    def is_remark(self) -> bool:
        """Whether none of the checks that show it affects a prediction."""
        return all(observation.check.entry.is_remark for observation in self.observations)

    @property
    def is_read(self) -> bool:
        """Whether it is read without a call of `predict`."""
        return all(observation.group is Group.READ for observation in self.observations)

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks that fired."""
        return tuple(dict.fromkeys(observation.name for observation in self.observations))


def diagnose(observations: Sequence[Observation]) -> list[Diagnosis]:
    """Name the causes of observations; each cause once, however many columns it affects; remarks are last.

    The causes of differences from the notebook are named apart: the same cause may part the two paths as well.

    Args:
        observations: of every check that fired; all other checks were silent.
    """
    of_notebook = [observation for observation in observations if observation.group is Group.NOTEBOOK]
    observations = [observation for observation in observations if observation.group is not Group.NOTEBOOK]
    fired = frozenset(observation.check for observation in observations)
    if Check.MEMORY in fired:  # memory that was never written explains every difference between two calls
        observations = sorted(observations, key=lambda each: each.check is not Check.MEMORY)
        shown = [by_check("D6", Check.MEMORY)]
        return list(_by_code([(shown, each) for each in observations if each.group is not Group.READ]))
    named = [*_of_state(observations, fired), *_of_environment(observations, fired), *_of_batches(observations, fired)]
    reached = {observation.output for _, observation in named}
    named += [*_of_paths(observations, reached), *_of_threads(observations)]
    known = {observation.output: candidates for candidates, observation in reversed(named)}
    beside = [(_of_notebook(observation, fired, known), observation) for observation in of_notebook]
    return sorted([*_by_code(named), *_by_code(beside)], key=lambda each: each.is_remark)


Candidates = Sequence[Candidate]
"""What an observation may be: the cause first."""
Named = Iterator[tuple[Candidates, Observation]]


def _by_code(named: Sequence[tuple[Candidates, Observation]]) -> Iterator[Diagnosis]:
    by_code: dict[str, list[tuple[Candidates, Observation]]] = {}
    for candidates, observation in named:
        by_code.setdefault(candidates[0].code, []).append((candidates, observation))
    return (_joined(code, found) for code, found in by_code.items())


def _joined(code: str, found: Sequence[tuple[Candidates, Observation]]) -> Diagnosis:
    """One diagnosis of the observations of a cause: the surest of them says why."""
    observations = [observation for _, observation in found]
    outputs = dict.fromkeys(observation.output for observation in observations if observation.output)
    inputs = dict.fromkeys(name for observation in observations for name in observation.inputs if name)
    surest = min((candidates for candidates, _ in found), key=lambda each: each[0].certainty.rank)
    second = close_second(surest)
    told = (surest[0], second) if second else (surest[0],)
    return Diagnosis(code, tuple(outputs), tuple(inputs), tuple(observations), told)


def _weighed(hypotheses: Sequence[Hypothesis], seen: Observation) -> list[Candidate]:
    return list(weigh(hypotheses, seen))


def _of_notebook(seen: Observation, fired: frozenset[Check], known: Mapping[str, Candidates]) -> Candidates:
    """What a difference from the notebook may be.

    Cases: a change to the rows gives the prediction of the notebook; a cause is known that changes the output on the
    paths as well; a different version of a library wrote the parameters; only rows of one kind differ; none of these.
    """
    versions = [by_check(Check.VERSIONS.entry.cause, Check.VERSIONS, Certainty.LIKELY)]
    return [
        *_weighed((OF_SECOND_CALL, *OF_CHANGE), seen),
        *known.get(seen.output, ()),
        *(versions if Check.VERSIONS in fired else ()),
        *_weighed((*BY_KIND, Hypothesis(UNKNOWN)), seen),
    ]


def _of_paths(observations: Sequence[Observation], reached: set[str]) -> Named:
    """The real paths disagree on a column in which the harness shows no difference: they run different code."""
    for observation in observations:
        is_known = observation.check is Check.PATHS and observation.output in reached
        if observation.group not in (Group.REAL, Group.REQUESTS) or is_known:
            continue
        if observation.check.entry.cause:
            yield [by_check(observation.check.entry.cause, observation.check)], observation
        else:
            yield _weighed((*OF_VALUES, Hypothesis("E5")), observation), observation


def _of_threads(observations: Sequence[Observation]) -> Named:
    for observation in observations:
        if observation.group is Group.CONCURRENCY:
            merged = _weighed([Hypothesis("B11", needs=(tagged(Tag.ROW_COUNT),))], observation)
            yield [*merged, by_check(observation.check.entry.cause, observation.check)], observation


def _of_state(observations: Sequence[Observation], fired: frozenset[Check]) -> Named:
    """Clock, random generators, state.

    Cases: two equal calls differ, and something removes the difference; calls with different rows in between change an
    output; a process that got different rows first gives different outputs; `predict` modifies its input.
    """
    for observation in observations:
        check = observation.check
        if check is Check.REPEAT:
            yield _of_repeat(fired), observation
        elif check is Check.FRESH:
            clock = [by_check("D2", Check.CLOCK, Certainty.LIKELY)] if Check.CLOCK in fired else []
            yield [*clock, by_check("D1", check, Certainty.POSSIBLE)], observation
        elif check in (Check.SAME_SIZE, Check.FIRST_BATCH) and Check.WARM not in fired:
            cached = any(each.tags & {Tag.EARLIER_ANSWER, Tag.KEYED} for each in observations)
            yield [by_check("P5" if cached else "P2", check, Certainty.LIKELY)], observation
        elif observation.group is Group.STATE and check.entry.cause:
            yield [by_check(check.entry.cause, check)], observation


def _of_repeat(fired: frozenset[Check]) -> Candidates:
    decisive = (Check.TRAINING_MODE, Check.SEEDED, Check.SAME_HISTORY, Check.FROZEN_CLOCK)
    shown = [by_check(check.entry.cause, check) for check in decisive if check in fired]
    return [*shown, by_check("D1", Check.REPEAT, Certainty.POSSIBLE)]


def _of_environment(observations: Sequence[Observation], fired: frozenset[Check]) -> Named:
    """One setting of the environment matters; cannot be interpreted if a new process alone gives different outputs."""
    unsteady = fired & {Check.REPEAT, Check.FRESH, Check.FIRST_BATCH}
    for observation in observations:
        is_conclusive = observation.group in (Group.READ, Group.ENTRIES) or (
            observation.group is Group.ENVIRONMENT and not unsteady
        )
        if is_conclusive and observation.check.entry.cause:
            yield [by_check(observation.check.entry.cause, observation.check, name=observation.name)], observation


def _of_batches(observations: Sequence[Observation], fired: frozenset[Check]) -> Named:
    """The rows of a call, column by column; then refused calls; then lists of lengths that are refused."""
    observations = [_with_refusal(each, fired) for each in observations if not _is_of_made_up_lengths(each)]
    lengths = [observation for observation in observations if _is_of_lengths(observation)]
    others = [observation for observation in observations if not _is_of_lengths(observation)]
    for output in dict.fromkeys(observation.output for observation in others):
        yield from _of_output([observation for observation in others if observation.output == output])
    refused = ((_weighed(_REFUSED.get(observation.check, ()), observation), observation) for observation in others)
    yield from ((candidates, observation) for candidates, observation in refused if candidates)
    yield from ((_weighed(of_row_pair(observation), observation), observation) for observation in lengths)


def _with_refusal(seen: Observation, fired: frozenset[Check]) -> Observation:
    """The observation of a batch, which knows whether a call without rows was refused."""
    return seen.with_tags(Tag.REFUSES_NONE) if Check.EMPTY in fired and seen.group in BATCH else seen


def _of_output(own: Sequence[Observation]) -> Named:
    """One column: row pairs, then copies that the pairs do not explain, then whole batches if both are silent."""
    row_pairs = _most_specific_pairs(own)
    drivers = {name for observation in row_pairs for name in observation.inputs}
    copies = [
        observation for observation in own if observation.check is Check.COPIES and _is_news(observation, drivers)
    ]
    if row_pairs or copies:
        yield from ((_weighed(of_row_pair(observation), observation), observation) for observation in row_pairs)
        yield from ((_weighed(OF_COPIES, observation), observation) for observation in copies)
    else:
        yield from _of_whole(own)


def _most_specific_pairs(own: Sequence[Observation]) -> list[Observation]:
    """Observations of row pairs that differ in one column; if there are none, of pairs that differ in every column.

    A column of which any different value leaves the row the output that it has alone only says whose rows belong
    together, as the column of a group does.
    """
    beside = [observation for observation in own if observation.group is Group.ROW_PAIRS]
    of_one_column = [observation for observation in beside if observation.inputs != ("",)] or beside
    return [observation for observation in of_one_column if Tag.AS_ALONE not in observation.tags] or of_one_column


def _is_news(copies: Observation, drivers: set[str]) -> bool:
    """Whether copies show more than the row pairs do: a driving column that drives none of the pairs."""
    return not drivers or (bool(copies.inputs) and drivers.isdisjoint(copies.inputs))


_MADE_UP = all_of(shown_only_by(OTHER_LENGTHS | {Kind.INNER_NULL}), tagged(Tag.RAISED), tagged(Tag.KNOWN_SILENT))
_LENGTHS = shown_only_by(OTHER_LENGTHS)


def _is_of_made_up_lengths(seen: Observation) -> bool:
    """Whether `predict` raises on lists beside each other that the fixture never has: that is not a difference."""
    return seen.driver_type in NESTED and not seen.output and bool(_MADE_UP(seen))


def _is_of_lengths(seen: Observation) -> bool:
    """Whether lists of lengths that the fixture lacks are refused: a model may need one length and not declare it."""
    is_refused = seen.group is Group.ROW_PAIRS and not seen.output
    return is_refused and seen.driver_type is DriverType.ARRAY and bool(_LENGTHS(seen))


_REFUSED: Mapping[Check, tuple[Hypothesis, ...]] = {
    # A row that is refused alone. If also with a copy: only different rows together make all columns that are used.
    Check.ALONE: (
        Hypothesis("T16", needs=(tagged(Tag.TYPE),), rules_out=(tagged(Tag.ALL_ROWS),)),
        Hypothesis("B4", needs=(tagged(Tag.COPIES_REFUSED),)),
        Hypothesis("B8"),
    ),
    Check.CONTRACT: (
        Hypothesis("R1", needs=(tagged(Tag.ROW_COUNT, certainty=Certainty.SHOWN),)),
        Hypothesis("T16", supports=(tagged(Tag.TYPE, certainty=Certainty.SHOWN),)),
    ),
    Check.NULLS: (Hypothesis(Check.NULLS.entry.cause),),
    Check.EMPTY: (Hypothesis(Check.EMPTY.entry.cause, needs=(tagged(Tag.WANTED, certainty=Certainty.SHOWN),)),),
}
"""Checks that see refused calls, and what an observation of theirs may be."""

_WHOLE: tuple[Hypothesis, ...] = (
    *OF_ROW_COUNT,
    Hypothesis("T16", needs=(tagged(Tag.TYPE),)),
    *OF_ANY_ROWS,
    Hypothesis("T18", needs=(tagged(Tag.WRAPPED),)),
    Hypothesis("R3", needs=(tagged(Tag.BORROWED),)),
)
"""A batch of many rows: refused although each of its rows is predicted alone, or told by how its outputs differ."""

_ONLY_ORDER = (Hypothesis("B6", needs=(tagged(Tag.ORDER_ONLY),)),)


def _of_whole(own: Sequence[Observation]) -> Named:
    """A batch of many rows differs although pairs do not: because of one column, the order, or statistics."""
    whole = [observation for observation in own if observation.group is Group.WHOLE]
    if whole and all(each.check is Check.SHUFFLE or Tag.BEHIND in each.tags for each in whole):
        whole = [observation.with_tags(Tag.ORDER_ONLY) for observation in whole]
    for observation in whole:
        if Tag.NUMBER_ONLY in observation.tags:
            rest = OF_COPIES
        elif observation.driver_type is not None:
            observation = observation.with_tags(Tag.PLAIN)
            rest = by_driver(observation)
        else:
            rest = OF_MANY
        yield _weighed((*_WHOLE, *_ONLY_ORDER, *rest), observation), observation
