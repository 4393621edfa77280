"""Predicates of rules over observations: tags, explanations, the type of the driver, kinds of rows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set

from pyml_sandbox.parity.observations.features import DriverType, Explanation, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import Kind

Rule = tuple[str, Callable[[Observation], bool]]
"""The code of a cause and its condition. In a sequence of rules the first that holds decides."""


def tagged(*tags: Tag) -> Callable[[Observation], bool]:
    """Whether an observation has any of the tags."""
    return lambda seen: not seen.tags.isdisjoint(tags)


def all_tagged(*tags: Tag) -> Callable[[Observation], bool]:
    """Whether an observation has all of the tags."""
    return lambda seen: seen.tags.issuperset(tags)


def explained_by(*explanations: Explanation) -> Callable[[Observation], bool]:
    """Whether any of the explanations holds for an observation."""
    return lambda seen: not seen.explanations.isdisjoint(explanations)


def all_explained_by(*explanations: Explanation) -> Callable[[Observation], bool]:
    """Whether all of the explanations hold for an observation."""
    return lambda seen: seen.explanations.issuperset(explanations)


def driven_by(*types: DriverType) -> Callable[[Observation], bool]:
    """Whether the column that drives an observation has one of the types."""
    return lambda seen: seen.driver_type in types


def shown_only_by(seen: Observation, kinds: Set[Kind]) -> bool:
    """Whether only rows of these kinds show an observation."""
    return bool(seen.kinds) and seen.kinds <= kinds


def first_cause(rules: Iterable[Rule], seen: Observation) -> str | None:
    """The cause of the first rule that holds; None if none does."""
    return next((code for code, holds in rules if holds(seen)), None)
