"""What a rule asks of an observation: its tags, what explains it, what drives it, which rows show it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set

from pyml_sandbox.parity.observations.features import DriverType, Explanation, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import Kind

Rule = tuple[str, Callable[[Observation], bool]]
"""A cause, and what must have been seen for it. Of several rules the first that holds names the cause."""


def tagged(*tags: Tag) -> Callable[[Observation], bool]:
    """Any of some tags."""
    return lambda seen: not seen.tags.isdisjoint(tags)


def all_tagged(*tags: Tag) -> Callable[[Observation], bool]:
    """All of some tags."""
    return lambda seen: seen.tags.issuperset(tags)


def explained_by(*explanations: Explanation) -> Callable[[Observation], bool]:
    """Any of some explanations."""
    return lambda seen: not seen.explanations.isdisjoint(explanations)


def all_explained_by(*explanations: Explanation) -> Callable[[Observation], bool]:
    """All of some explanations."""
    return lambda seen: seen.explanations.issuperset(explanations)


def driven_by(*types: DriverType) -> Callable[[Observation], bool]:
    """The driving column is of one of some types."""
    return lambda seen: seen.driver_type in types


def shown_only_by(seen: Observation, kinds: Set[Kind]) -> bool:
    """Whether rows of some kinds show it, and no others."""
    return bool(seen.kinds) and seen.kinds <= kinds


def first_cause(rules: Iterable[Rule], seen: Observation) -> str | None:
    """The cause of the first rule that holds; None where none does."""
    return next((code for code, holds in rules if holds(seen)), None)
