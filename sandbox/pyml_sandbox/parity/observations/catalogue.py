"""Every check by name: the level that it belongs to, and what it asks. docs/parity-report.md lists the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Check(StrEnum):
    """A check, by the name that reports give it."""

    PATHS = "paths"
    FRAMES = "frames"
    STORED = "stored"
    LOST = "lost"
    FORMS = "forms"
    METADATA = "metadata"
    ALONE = "alone"
    CONTRACT = "contract"
    COPIES = "copies"
    NEIGHBOUR = "neighbour"
    NULL_NEIGHBOUR = "null-neighbour"
    TEXT_NEIGHBOUR = "text-neighbour"
    LONG_NEIGHBOUR = "long-neighbour"
    TOGETHER = "together"
    SPLIT = "split"
    SHUFFLE = "shuffle"
    CROWD = "crowd"
    SIZES = "sizes"
    REPEAT = "repeat"
    FROZEN_CLOCK = "frozen-clock"
    SEEDED = "seeded"
    TRAINING_MODE = "training-mode"
    SAME_HISTORY = "same-history"
    WARM = "warm"
    SAME_SIZE = "same-size"
    FIRST_BATCH = "first-batch"
    FRESH = "fresh"
    CLOCK = "clock"
    MUTATION = "mutation"
    HASH_SEED = "hash-seed"
    TIME_ZONE = "time-zone"
    THREADS = "threads"
    LOCALE = "locale"
    WORKING_DIRECTORY = "working-directory"
    VARIABLE = "variable:NAME"
    """Of any environment variable; reports name the variable itself: `variable:LANG`."""
    VERSIONS = "versions"
    PACKAGES = "packages"
    TRAINING_SWITCH = "training-switch"
    EMPTY = "empty"
    NAMES = "names"
    CONCURRENT = "concurrent"
    THREAD_SAFE = "thread-safe"


@dataclass(frozen=True)
class CheckEntry:
    """One check of the catalogue.

    Attributes:
        check: its name.
        level: parity level that it belongs to.
        line: what it asks, in one line.
    """

    check: Check
    level: str
    line: str


_VARIABLE = "variable:"

_ALL = (
    CheckEntry(Check.PATHS, "P1", "all rows offline against online in batches, a sample also one by one"),
    CheckEntry(Check.FRAMES, "P1", "what `predict` was handed offline against what it was handed online"),
    CheckEntry(Check.STORED, "P1", "what `predict` gave back against what the table holds and the client received"),
    CheckEntry(Check.LOST, "P1", "the keys that each path answered against those that it was asked about"),
    CheckEntry(Check.FORMS, "P1", "the forms of an online request, as gRPC and JSON, against each other"),
    CheckEntry(Check.METADATA, "P1", "the declared inputs and outputs against those that the gateway tells"),
    CheckEntry(Check.ALONE, "P2", "one row in a call, where the same row in company is predicted"),
    CheckEntry(Check.CONTRACT, "P2", "as many rows back as were given, with the declared columns and types"),
    CheckEntry(Check.COPIES, "P2", "two copies of a row in one call against the row alone"),
    CheckEntry(Check.NEIGHBOUR, "P2", "a row beside another row against the row alone"),
    CheckEntry(Check.NULL_NEIGHBOUR, "P2", "a row beside a row with a null against the row alone"),
    CheckEntry(Check.TEXT_NEIGHBOUR, "P2", "a row beside a row with another text against the row alone"),
    CheckEntry(Check.LONG_NEIGHBOUR, "P2", "a row beside a row with a longer text or list against the row alone"),
    CheckEntry(Check.TOGETHER, "P2", "the sample in one call against each row alone"),
    CheckEntry(Check.SPLIT, "P2", "the sample in two calls against each row alone"),
    CheckEntry(Check.SHUFFLE, "P2", "the sample in another order against each row alone"),
    CheckEntry(Check.CROWD, "P2", "the sample among up to 1,000 rows of the fixture against each row alone"),
    CheckEntry(Check.SIZES, "P2", "every row of the fixture in batches of 1, 2 and 32 against those of one request"),
    CheckEntry(Check.REPEAT, "P3", "the same rows in the same process once more"),
    CheckEntry(Check.FROZEN_CLOCK, "P3", "fires where a stopped clock silences `repeat`"),
    CheckEntry(Check.SEEDED, "P3", "fires where seeded generators silence `repeat`"),
    CheckEntry(Check.TRAINING_MODE, "P3", "fires where switching the model out of training silences `repeat`"),
    CheckEntry(Check.SAME_HISTORY, "P3", "fires where two fresh processes with the same calls behind them agree"),
    CheckEntry(Check.WARM, "P3", "the same rows again, after calls with other rows"),
    CheckEntry(Check.SAME_SIZE, "P3", "rows after other rows of the same number against a fresh process"),
    CheckEntry(Check.FIRST_BATCH, "P3", "a process that met other rows first"),
    CheckEntry(Check.FRESH, "P3", "a fresh process"),
    CheckEntry(Check.CLOCK, "P3", "the same rows on another day, at the same time of day, by a clock that runs"),
    CheckEntry(Check.MUTATION, "P3", "is the frame that `predict` is given the same afterwards"),
    CheckEntry(Check.HASH_SEED, "P3", "a fresh process with another PYTHONHASHSEED"),
    CheckEntry(Check.TIME_ZONE, "P3", "a fresh process with another TZ"),
    CheckEntry(Check.THREADS, "P3", "a fresh process with more threads for arithmetic"),
    CheckEntry(Check.LOCALE, "P3", "a fresh process with another locale and text encoding"),
    CheckEntry(Check.WORKING_DIRECTORY, "P3", "a fresh process that starts in another folder"),
    CheckEntry(Check.VARIABLE, "P3", "a fresh process in which NAME, which the model asks for, is another or unset"),
    CheckEntry(Check.VERSIONS, "P3", "does a library warn that the parameters were written by another version of it"),
    CheckEntry(Check.PACKAGES, "P3", "the packages of the two paths against each other"),
    CheckEntry(Check.TRAINING_SWITCH, "P3", "is the model in training mode once it is loaded"),
    CheckEntry(Check.EMPTY, "P4", "a call without rows"),
    CheckEntry(Check.NAMES, "P4", "a request that lacks a column, or has one that is not declared: it must be refused"),
    CheckEntry(Check.CONCURRENT, "P5", "requests at the same time against the same requests one after the other"),
    CheckEntry(Check.THREAD_SAFE, "P5", "calls of `predict` on several threads of one process"),
)

CATALOGUE: Mapping[Check, CheckEntry] = MappingProxyType({entry.check: entry for entry in _ALL})
"""All checks, level by level."""


def report_name(check: Check, variable: str = "") -> str:
    """What a report calls a check.

    Args:
        check: the check.
        variable: name of the environment variable, of `Check.VARIABLE`.
    """
    return f"{_VARIABLE}{variable}" if check is Check.VARIABLE else check.value


def check_named(name: str) -> Check | None:
    """The check that a report calls so; None where there is none."""
    if name.startswith(_VARIABLE):
        return Check.VARIABLE
    return Check(name) if name in CATALOGUE else None


def check_line(name: str) -> str:
    """What the check that a report calls so asks, in one line; empty where there is no such check."""
    check = check_named(name)
    return CATALOGUE[check].line.replace("NAME", name.removeprefix(_VARIABLE)) if check else ""
