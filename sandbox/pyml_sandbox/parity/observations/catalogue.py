"""Every check by name: the level that it belongs to, and what it asks. docs/parity-report.md lists the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class CheckEntry:
    """One check of the catalogue.

    Attributes:
        name: as a report gives it.
        level: parity level that it belongs to.
        line: what it asks, in one line.
    """

    name: str
    level: str
    line: str


VARIABLE = "variable:"
"""Begins the names of checks of one environment variable; its name follows."""

_ALL = (
    CheckEntry("paths", "P1", "all rows offline against online in batches, a sample also one by one"),
    CheckEntry("frames", "P1", "what `predict` was handed offline against what it was handed online"),
    CheckEntry("stored", "P1", "what `predict` gave back against what the table holds and the client received"),
    CheckEntry("lost", "P1", "the keys that each path answered against those that it was asked about"),
    CheckEntry("forms", "P1", "the forms of an online request, as gRPC and JSON, against each other"),
    CheckEntry("metadata", "P1", "the declared inputs and outputs against those that the gateway tells"),
    CheckEntry("alone", "P2", "one row in a call, where the same row in company is predicted"),
    CheckEntry("contract", "P2", "as many rows back as were given, with the declared columns and types"),
    CheckEntry("copies", "P2", "two copies of a row in one call against the row alone"),
    CheckEntry("neighbour", "P2", "a row beside another row against the row alone"),
    CheckEntry("null-neighbour", "P2", "a row beside a row with a null against the row alone"),
    CheckEntry("text-neighbour", "P2", "a row beside a row with another text against the row alone"),
    CheckEntry("long-neighbour", "P2", "a row beside a row with a longer text or list against the row alone"),
    CheckEntry("together", "P2", "the sample in one call against each row alone"),
    CheckEntry("split", "P2", "the sample in two calls against each row alone"),
    CheckEntry("shuffle", "P2", "the sample in another order against each row alone"),
    CheckEntry("crowd", "P2", "the sample among up to 1,000 rows of the fixture against each row alone"),
    CheckEntry("sizes", "P2", "every row of the fixture in batches of 1, 2 and 32 against those of one request"),
    CheckEntry("repeat", "P3", "the same rows in the same process once more"),
    CheckEntry("frozen-clock", "P3", "fires where a stopped clock silences `repeat`"),
    CheckEntry("seeded", "P3", "fires where seeded generators silence `repeat`"),
    CheckEntry("training-mode", "P3", "fires where switching the model out of training silences `repeat`"),
    CheckEntry("same-history", "P3", "fires where two fresh processes with the same calls behind them agree"),
    CheckEntry("warm", "P3", "the same rows again, after calls with other rows"),
    CheckEntry("same-size", "P3", "rows after other rows of the same number against a fresh process"),
    CheckEntry("first-batch", "P3", "a process that met other rows first"),
    CheckEntry("fresh", "P3", "a fresh process"),
    CheckEntry("clock", "P3", "the same rows on another day, at the same time of day, by a clock that runs"),
    CheckEntry("mutation", "P3", "is the frame that `predict` is given the same afterwards"),
    CheckEntry("hash-seed", "P3", "a fresh process with another PYTHONHASHSEED"),
    CheckEntry("time-zone", "P3", "a fresh process with another TZ"),
    CheckEntry("threads", "P3", "a fresh process with more threads for arithmetic"),
    CheckEntry("locale", "P3", "a fresh process with another locale and text encoding"),
    CheckEntry("working-directory", "P3", "a fresh process that starts in another folder"),
    CheckEntry(f"{VARIABLE}NAME", "P3", "a fresh process in which NAME, which the model asks for, is another or unset"),
    CheckEntry("versions", "P3", "does a library warn that the parameters were written by another version of it"),
    CheckEntry("packages", "P3", "the packages of the two paths against each other"),
    CheckEntry("training-switch", "P3", "is the model in training mode once it is loaded"),
    CheckEntry("empty", "P4", "a call without rows"),
    CheckEntry("names", "P4", "a request that lacks a column, or has one that is not declared: it must be refused"),
    CheckEntry("concurrent", "P5", "requests at the same time against the same requests one after the other"),
    CheckEntry("thread-safe", "P5", "calls of `predict` on several threads of one process"),
)

CATALOGUE: Mapping[str, CheckEntry] = MappingProxyType({entry.name: entry for entry in _ALL})
"""All checks by name, level by level; `variable:NAME` stands for the check of any variable."""


def check_line(name: str) -> str:
    """What a check asks, in one line; empty for a name that is not in the catalogue."""
    if name.startswith(VARIABLE):
        return CATALOGUE[f"{VARIABLE}NAME"].line.replace("NAME", name.removeprefix(VARIABLE))
    return CATALOGUE[name].line if name in CATALOGUE else ""
