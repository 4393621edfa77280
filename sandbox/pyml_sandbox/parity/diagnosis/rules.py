"""From observations to causes. Pure.

Each function reads one group of observations: which checks fired, which were silent, and what explains a difference.
The causes are those of `pyml_sandbox.parity.diagnosis.causes`, each with a page in docs/causes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyml_sandbox.parity.diagnosis.batch_rules import (
    cause_by_driver,
    cause_of_copies,
    cause_of_many,
    cause_of_row_pair,
)
from pyml_sandbox.parity.diagnosis.notebook_findings import UNKNOWN
from pyml_sandbox.parity.diagnosis.predicates import Rule, first_cause, shown_only_by, tagged
from pyml_sandbox.parity.diagnosis.value_rules import cause_by_kind, cause_of_change, cause_of_values
from pyml_sandbox.parity.observations.catalogue import Check, Group
from pyml_sandbox.parity.observations.features import NESTED, DriverType, Explanation, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import OTHER_LENGTHS, Kind


@dataclass(frozen=True)
class Diagnosis:
    """One cause with its observations.

    Attributes:
        code: of the cause.
        outputs: the output columns that it affects; empty if it prevents predictions.
        inputs: the input columns that drive it.
        observations: what shows it, the simplest first.
    """

    code: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    observations: tuple[Observation, ...]

    @property
    def rows(self) -> int:
        """The largest number of rows in one observation."""
        return max(observation.rows for observation in self.observations)

    @property
    def is_remark(self) -> bool:
        """Whether none of the checks that show it affects a prediction."""
        return all(observation.check.entry.is_remark for observation in self.observations)

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
        return [_joined("D6", [each for each in observations if each.group not in (Group.READ, Group.NOTEBOOK)])]
    named = [*_of_state(observations, fired), *_of_environment(observations, fired), *_of_batches(observations, fired)]
    reached = {observation.output for _, observation in named}
    named += [*_of_paths(observations, reached), *_of_threads(observations)]
    known = {observation.output: code for code, observation in reversed(named)}
    beside = [(_of_notebook(observation, fired, known), observation) for observation in of_notebook]
    return sorted([*_by_code(named), *_by_code(beside)], key=lambda each: each.is_remark)


def _by_code(named: Sequence[tuple[str, Observation]]) -> Iterator[Diagnosis]:
    by_code: dict[str, list[Observation]] = {}
    for code, observation in named:
        by_code.setdefault(code, []).append(observation)
    return (_joined(code, found) for code, found in by_code.items())


def _of_notebook(seen: Observation, fired: frozenset[Check], known: Mapping[str, str]) -> str:
    """The cause of a difference from the notebook.

    Cases: a change to the rows gives the prediction of the notebook; a cause is known that changes the output on the
    paths as well; a different version of a library wrote the parameters; only rows of one kind differ; none of these.
    """
    explained = "P3" if Explanation.AGAIN in seen.explanations else cause_of_change(seen)
    versions = Check.VERSIONS.entry.cause if Check.VERSIONS in fired else None
    return explained or known.get(seen.output) or versions or cause_by_kind(seen) or UNKNOWN


def _joined(code: str, observations: Sequence[Observation]) -> Diagnosis:
    outputs = dict.fromkeys(observation.output for observation in observations if observation.output)
    inputs = dict.fromkeys(name for observation in observations for name in observation.inputs if name)
    return Diagnosis(code, tuple(outputs), tuple(inputs), tuple(observations))


Named = Iterator[tuple[str, Observation]]


def _of_paths(observations: Sequence[Observation], reached: set[str]) -> Named:
    """The real paths disagree on a column in which the harness shows no difference: they run different code."""
    for observation in observations:
        is_known = observation.check is Check.PATHS and observation.output in reached
        if observation.group in (Group.REAL, Group.REQUESTS) and not is_known:
            yield observation.check.entry.cause or cause_of_values(observation) or "E5", observation


def _of_threads(observations: Sequence[Observation]) -> Named:
    for observation in observations:
        if observation.group is Group.CONCURRENCY:
            yield ("B11" if Tag.ROW_COUNT in observation.tags else observation.check.entry.cause), observation


def _of_state(observations: Sequence[Observation], fired: frozenset[Check]) -> Named:
    """Clock, random generators, state.

    Cases: two equal calls differ, and something removes the difference; calls with different rows in between change an
    output; a process that got different rows first gives different outputs; `predict` modifies its input.
    """
    for observation in observations:
        if observation.check is Check.REPEAT:
            yield _of_repeat(fired), observation
        elif observation.check is Check.FRESH:
            yield ("D2" if Check.CLOCK in fired else "D1"), observation
        elif observation.check in (Check.SAME_SIZE, Check.FIRST_BATCH) and Check.WARM not in fired:
            cached = any(each.tags & {Tag.EARLIER_ANSWER, Tag.KEYED} for each in observations)
            yield ("P5" if cached else "P2"), observation
        elif observation.group is Group.STATE and observation.check.entry.cause:
            yield observation.check.entry.cause, observation


def _of_repeat(fired: frozenset[Check]) -> str:
    decisive = (Check.TRAINING_MODE, Check.SEEDED, Check.SAME_HISTORY, Check.FROZEN_CLOCK)
    return next((check.entry.cause for check in decisive if check in fired), "D1")


def _of_environment(observations: Sequence[Observation], fired: frozenset[Check]) -> Named:
    """One setting of the environment matters; cannot be interpreted if a new process alone gives different outputs."""
    unsteady = fired & {Check.REPEAT, Check.FRESH, Check.FIRST_BATCH}
    for observation in observations:
        is_conclusive = observation.group in (Group.READ, Group.ENTRIES) or (
            observation.group is Group.ENVIRONMENT and not unsteady
        )
        if is_conclusive and observation.check.entry.cause:
            yield observation.check.entry.cause, observation


def _of_batches(observations: Sequence[Observation], fired: frozenset[Check]) -> Named:
    """The rows of a call, column by column; then refused calls; then lists of lengths that are refused."""
    observations = [observation for observation in observations if not _is_of_made_up_lengths(observation)]
    lengths = [observation for observation in observations if _is_of_lengths(observation)]
    others = [observation for observation in observations if not _is_of_lengths(observation)]
    for output in dict.fromkeys(observation.output for observation in others):
        yield from _of_output([observation for observation in others if observation.output == output], fired)
    yield from ((code, observation) for observation in others if (code := _of_refusal(observation)))
    yield from ((cause_of_row_pair(observation, fired), observation) for observation in lengths)


def _of_output(own: Sequence[Observation], fired: frozenset[Check]) -> Named:
    """One column: row pairs, then copies that the pairs do not explain, then whole batches if both are silent."""
    row_pairs = _most_specific_pairs(own)
    drivers = {name for observation in row_pairs for name in observation.inputs}
    copies = [
        observation for observation in own if observation.check is Check.COPIES and _is_news(observation, drivers)
    ]
    if row_pairs or copies:
        yield from ((cause_of_row_pair(observation, fired), observation) for observation in row_pairs)
        yield from ((cause_of_copies(observation), observation) for observation in copies)
    else:
        yield from _of_whole(own, fired)


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


def _is_of_made_up_lengths(seen: Observation) -> bool:
    """Whether `predict` raises on lists beside each other that the fixture never has: that is not a difference."""
    is_nested = seen.driver_type in NESTED and shown_only_by(seen, OTHER_LENGTHS | {Kind.INNER_NULL})
    return is_nested and {Tag.RAISED, Tag.KNOWN_SILENT} <= seen.tags and not seen.output


def _is_of_lengths(observation: Observation) -> bool:
    """Whether lists of lengths that the fixture lacks are refused: a model may need one length and not declare it."""
    is_refused = observation.group is Group.ROW_PAIRS and not observation.output
    return is_refused and shown_only_by(observation, OTHER_LENGTHS) and observation.driver_type is DriverType.ARRAY


def _of_refusal(seen: Observation) -> str:
    """The cause of a refused call; empty if there is none."""
    code = _REFUSED.get(seen.check)
    return code(seen) if code else ""


def _of_one_row(seen: Observation) -> str:
    """A row that is refused alone. If also with a copy: only different rows together make all columns that are used."""
    if Tag.TYPE in seen.tags and Tag.ALL_ROWS not in seen.tags:
        return "T16"
    return "B4" if Tag.COPIES_REFUSED in seen.tags else "B8"


_REFUSED: Mapping[Check, Callable[[Observation], str]] = {
    Check.ALONE: _of_one_row,
    Check.CONTRACT: lambda seen: "R1" if Tag.ROW_COUNT in seen.tags else "T16",
    Check.NULLS: lambda seen: seen.check.entry.cause,
    Check.EMPTY: lambda seen: seen.check.entry.cause if Tag.WANTED in seen.tags else "",
}
"""Checks that see refused calls, and the cause of an observation."""


_REFUSED_BATCH: tuple[Rule, ...] = (("R1", tagged(Tag.ROW_COUNT)), ("T16", tagged(Tag.TYPE)))
"""The cause of a batch that is refused although each of its rows is predicted alone."""


def _of_whole(own: Sequence[Observation], fired: frozenset[Check]) -> Named:
    """A batch of many rows differs although pairs do not: because of one column, the order, or statistics."""
    whole = [observation for observation in own if observation.group is Group.WHOLE]
    only_order = bool(whole) and all(
        observation.check is Check.SHUFFLE or Tag.BEHIND in observation.tags for observation in whole
    )
    for observation in whole:
        if code := first_cause(_REFUSED_BATCH, observation):
            yield code, observation
        elif Tag.EVALUATION in observation.tags:
            yield "E4", observation
        elif Explanation.AGAIN in observation.explanations:
            yield "P3", observation
        elif Tag.WRAPPED in observation.tags:
            yield "T18", observation
        elif Tag.BORROWED in observation.tags:
            yield "R3", observation
        elif only_order:
            yield "B6", observation
        elif Tag.NUMBER_ONLY in observation.tags:
            yield cause_of_copies(observation), observation
        elif observation.driver_type is not None:
            yield cause_by_driver(observation.with_tags(Tag.PLAIN), fired), observation
        else:
            yield cause_of_many(observation), observation
