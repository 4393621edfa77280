"""Hypotheses: causes, each with the signs that speak for it and against it, weighed on an observation. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.observations.catalogue import Check, check_line
from pyml_sandbox.parity.observations.features import DriverType, Explanation, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.verdict import Candidate, Certainty

MAX_NAMES = 3
"""How many names of functions a ground lists."""


@dataclass(frozen=True)
class Ground:
    """What an observation shows of a sign.

    Attributes:
        says: a clause, such as `only rows before a row change it`.
        certainty: how well it tells causes apart.
    """

    says: str
    certainty: Certainty


Sign = Callable[[Observation], Sequence[Ground]]
"""What an observation shows of a sign; empty if it does not show the sign."""


@dataclass(frozen=True)
class Hypothesis:
    """A cause that an observation may have.

    Attributes:
        code: of the cause.
        needs: signs that all have to be seen.
        supports: signs that make it more certain.
        rules_out: signs of which none may be seen.
        doubts: signs that make it less certain.
    """

    code: str
    needs: tuple[Sign, ...] = ()
    supports: tuple[Sign, ...] = ()
    rules_out: tuple[Sign, ...] = ()
    doubts: tuple[Sign, ...] = ()


NOTHING_BETTER = "no other cause fits what was seen"


def weigh(hypotheses: Iterable[Hypothesis], seen: Observation) -> Iterator[Candidate]:
    """The hypotheses that an observation does not rule out, in their order: the first is the cause.

    Args:
        hypotheses: those that are special before those that are general.
        seen: the observation.
    """
    for hypothesis in hypotheses:
        needed = [sign(seen) for sign in hypothesis.needs]
        if all(needed) and not any(sign(seen) for sign in hypothesis.rules_out):
            found = [ground for grounds in needed for ground in grounds]
            found += (ground for sign in hypothesis.supports for ground in sign(seen))
            against = [ground for sign in hypothesis.doubts for ground in sign(seen)]
            yield _candidate(hypothesis.code, found, against)


def by_check(code: str, check: Check, certainty: Certainty = Certainty.SHOWN, name: str = "") -> Candidate:
    """The candidate that a check alone shows.

    Args:
        code: of the cause.
        check: the check that fired.
        certainty: how certain that makes it.
        name: of the check in a report; empty for the name of `check`.
    """
    shown = name or str(check)
    return Candidate(code, CAUSES[code].name, certainty, (f"the check {shown} saw a difference: {check_line(shown)}",))


def close_second(candidates: Sequence[Candidate]) -> Candidate | None:
    """The first candidate with a different cause, if it is as certain as the cause; None if there is none."""
    first = candidates[0]
    other = next((each for each in candidates[1:] if each.code != first.code), None)
    return other if other and other.certainty.rank <= first.certainty.rank else None


def _candidate(code: str, speaks_for: Sequence[Ground], speaks_against: Sequence[Ground]) -> Candidate:
    grounds, doubts = _best_first(speaks_for), _best_first(speaks_against)
    certainty = grounds[0].certainty if grounds else Certainty.POSSIBLE
    return Candidate(
        code,
        CAUSES[code].name,
        certainty.one_step_less if doubts else certainty,
        tuple(dict.fromkeys(ground.says for ground in grounds)) or (NOTHING_BETTER,),
        tuple(dict.fromkeys(ground.says for ground in doubts)),
    )


def _best_first(grounds: Iterable[Ground]) -> list[Ground]:
    return sorted(grounds, key=lambda ground: ground.certainty.rank)


# ---- signs


def tagged(*tags: Tag, certainty: Certainty = Certainty.LIKELY) -> Sign:
    """Any of some tags."""
    return lambda seen: [Ground(tag.says, certainty) for tag in tags if tag in seen.tags]


def untagged(tag: Tag, says: str) -> Sign:
    """The absence of a tag, which `says` tells."""
    return lambda seen: [] if tag in seen.tags else [Ground(says, Certainty.POSSIBLE)]


def explained_by(*explanations: Explanation) -> Sign:
    """Any of some changes, which explains the difference."""
    return lambda seen: [
        Ground(f"the outputs are equal if {each.says}", Certainty.SHOWN)
        for each in explanations
        if each in seen.explanations
    ]


def driven_by(*types: DriverType) -> Sign:
    """A column of one of some types, which drives the difference."""
    return lambda seen: (
        [Ground(f"a column of type {seen.driver_type} drives it", Certainty.POSSIBLE)]
        if seen.driver_type in types
        else []
    )


def shown_only_by(kinds: Set[Kind], certainty: Certainty = Certainty.LIKELY) -> Sign:
    """Rows of some kinds, which alone show the difference."""
    return lambda seen: (
        [Ground(f"only rows with certain values show it: {_listed(seen.kinds)}", certainty)]
        if seen.kinds and seen.kinds <= kinds
        else []
    )


def shown_without(*kinds: Kind) -> Sign:
    """Rows of all kinds but some, which show the difference."""
    return lambda seen: (
        [Ground(f"rows with values of some kinds do not show it: {_listed(kinds)}", Certainty.POSSIBLE)]
        if seen.kinds and seen.kinds.isdisjoint(kinds)
        else []
    )


def shown_by_kinds(*kinds: Kind, at_least: int = 1) -> Sign:
    """Rows of several kinds, or of certain ones, which show the difference."""
    return lambda seen: (
        [Ground(f"rows with certain values show it: {_listed(seen.kinds)}", Certainty.POSSIBLE)]
        if len(seen.kinds) >= at_least and seen.kinds.issuperset(kinds)
        else []
    )


def calls(functions: Set[str]) -> Sign:
    """A function that the model's code calls."""
    return lambda seen: (
        [Ground(f"the model calls {_listed(seen.called & functions)}", Certainty.POSSIBLE)]
        if seen.called & functions
        else []
    )


def calls_none(functions: Set[str], says: str) -> Sign:
    """No function of some in the model's code, which `says` tells."""
    return lambda seen: [] if seen.called & functions else [Ground(says, Certainty.POSSIBLE)]


def any_of(*signs: Sign) -> Sign:
    """Any of some signs."""
    return lambda seen: [ground for sign in signs for ground in sign(seen)]


def all_of(*signs: Sign) -> Sign:
    """All of some signs together."""

    def together(seen: Observation) -> Sequence[Ground]:
        found = [sign(seen) for sign in signs]
        return [ground for grounds in found for ground in grounds] if all(found) else []

    return together


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, names))[:MAX_NAMES])
