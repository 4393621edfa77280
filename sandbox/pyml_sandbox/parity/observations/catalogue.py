"""The catalogue of checks: for each its level, what it compares, and the sentence of a report when it fires.

Every list of checks is made from it, and docs/parity-report.md has the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from pyml_sandbox.parity.verdict import Hop


class Group(Enum):
    """Checks whose observations are interpreted together."""

    REAL = "the real paths on plain rows: a difference breaks the first level, whatever its cause"
    READ = "what is read without a call of predict: declarations, packages, switches"
    SHAPE = "the shape of inputs and outputs: one row, no rows, the declared columns"
    COPIES = "copies of a row in one call"
    ROW_PAIRS = "a row and a different row in one call"
    WHOLE = "many rows in one call"
    STATE = "state: earlier calls, the clock, the given frame"
    REASONS = "why two equal calls differ"
    ENVIRONMENT = "one setting of the environment of a process"
    REQUESTS = "requests that must be refused"
    CONCURRENCY = "concurrent requests or calls"


BATCH = frozenset({Group.COPIES, Group.ROW_PAIRS, Group.WHOLE})
"""Groups that compare a row alone with the same row in a batch."""


@dataclass(frozen=True)
class CheckEntry:
    """The entry of a check.

    Attributes:
        level: parity level that the check belongs to.
        group: checks whose observations are interpreted together with its own.
        line: what it compares, in one line; NAME stands for the environment variable.
        seen: what it saw, as the beginning of a sentence; `{what}` stands for the output columns, `{variable}` for the
            environment variable.
        refusal: the same if calls were refused; empty for `seen`, or for `REFUSED` if `seen` names output columns.
        hop: the stage at which the paths differ if it fires.
        cause: code of the cause, if the check alone identifies it; else empty.
        is_unsteady: whether it makes the checks of batches and of the real paths meaningless if it fires.
        explains_failures: whether refusals that it sees may be the reason why a real path failed as a whole.
        is_remark: whether a difference that only it sees affects no prediction, and is a warning at every level.
    """

    level: str
    group: Group
    line: str
    seen: str = "{what} differs between the two paths"
    refusal: str = ""
    hop: Hop = Hop.COMPUTE
    cause: str = ""
    is_unsteady: bool = False
    explains_failures: bool = False
    is_remark: bool = False


class Check(StrEnum):
    """A check, by its name in reports, with its entry of the catalogue."""

    entry: CheckEntry

    def __new__(cls, name: str, entry: CheckEntry) -> Check:
        """A member whose value is its name alone."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.entry = entry
        return member

    # fmt: off
    PATHS = "paths", CheckEntry("P1", Group.REAL,
        "all rows offline against online in batches, a sample also one by one", explains_failures=True)
    FRAMES = "frames", CheckEntry("P1", Group.REAL,
        "what `predict` was handed offline against what it was handed online",
        seen="predict is handed other values than were sent", hop=Hop.BOUNDARY)
    STORED = "stored", CheckEntry("P1", Group.REAL,
        "what `predict` gave back against what the table holds and the client received",
        seen="Other values arrive than predict gave", hop=Hop.STORAGE)
    LOST = "lost", CheckEntry("P1", Group.REAL,
        "the keys that each path answered against those that it was asked about",
        seen="A path predicts other rows than it was asked for", hop=Hop.BOUNDARY, cause="R4")
    FORMS = "forms", CheckEntry("P1", Group.REAL,
        "the forms of an online request, as gRPC and JSON, against each other",
        seen="The same rows get other predictions when they are sent in another form", hop=Hop.BOUNDARY)
    METADATA = "metadata", CheckEntry("P1", Group.READ,
        "the declared inputs and outputs against those that the gateway tells",
        seen="The model declares other inputs or outputs where it is served than where it was uploaded",
        hop=Hop.BOUNDARY, cause="S4", explains_failures=True)
    ALONE = "alone", CheckEntry("P2", Group.SHAPE,
        "one row in a call, where the same row in company is predicted",
        seen="A row alone is refused, and predicted beside another", explains_failures=True)
    CONTRACT = "contract", CheckEntry("P2", Group.SHAPE,
        "as many rows back as were given, with the declared columns and types",
        seen="What predict returns for a legal row does not fit what the model declares", explains_failures=True)
    COPIES = "copies", CheckEntry("P2", Group.COPIES,
        "two copies of a row in one call against the row alone",
        seen="{what} of a row is another one when the row is sent alone than when it is sent with a copy of itself",
        explains_failures=True)
    NEIGHBOUR = "neighbour", CheckEntry("P2", Group.ROW_PAIRS,
        "a row beside another row against the row alone",
        seen="{what} of a row depends on the other rows that it is sent with", explains_failures=True)
    NULL_NEIGHBOUR = "null-neighbour", CheckEntry("P2", Group.ROW_PAIRS,
        "a row beside a row with a null against the row alone",
        seen="{what} of a row depends on a null in the same batch", explains_failures=True)
    TEXT_NEIGHBOUR = "text-neighbour", CheckEntry("P2", Group.ROW_PAIRS,
        "a row beside a row with another text against the row alone",
        seen="{what} of a row depends on the texts in the rows that it is sent with", explains_failures=True)
    LONG_NEIGHBOUR = "long-neighbour", CheckEntry("P2", Group.ROW_PAIRS,
        "a row beside a row with a longer text or list against the row alone",
        seen="{what} of a row changes when a longer one is sent with it", explains_failures=True)
    TOGETHER = "together", CheckEntry("P2", Group.WHOLE,
        "the sample in one call against each row alone",
        seen="{what} of a row is another one in a batch than alone")
    SPLIT = "split", CheckEntry("P2", Group.WHOLE,
        "the sample in two calls against each row alone",
        seen="{what} of a row depends on how the rows are split into batches")
    SHUFFLE = "shuffle", CheckEntry("P2", Group.WHOLE,
        "the sample in another order against each row alone",
        seen="{what} of a row depends on the order of the rows")
    CROWD = "crowd", CheckEntry("P2", Group.WHOLE,
        "the sample among up to 1,000 rows of the fixture against each row alone",
        seen="{what} of a row is another one in a large batch than alone")
    SIZES = "sizes", CheckEntry("P2", Group.WHOLE,
        "every row of the fixture in batches of 1, 2 and 32 against those of one request",
        seen="{what} of a row depends on how many rows are sent with it")
    REPEAT = "repeat", CheckEntry("P3", Group.STATE,
        "the same rows in the same process once more",
        seen="{what} differs between two calls with the same rows", is_unsteady=True)
    FROZEN_CLOCK = "frozen-clock", CheckEntry("P3", Group.REASONS,
        "fires where a stopped clock silences `repeat`", cause="D2")
    SEEDED = "seeded", CheckEntry("P3", Group.REASONS,
        "fires where seeded generators silence `repeat`", cause="D1")
    TRAINING_MODE = "training-mode", CheckEntry("P3", Group.REASONS,
        "fires where switching the model out of training silences `repeat`", cause="E4")
    SAME_HISTORY = "same-history", CheckEntry("P3", Group.REASONS,
        "fires where two fresh processes with the same calls behind them agree", cause="P1")
    WARM = "warm", CheckEntry("P3", Group.STATE,
        "the same rows again, after calls with other rows",
        seen="{what} changes with the calls that came before", cause="P1", is_unsteady=True)
    SAME_SIZE = "same-size", CheckEntry("P3", Group.STATE,
        "rows after other rows of the same number against a fresh process",
        seen="{what} depends on what an earlier call with as many rows was", is_unsteady=True)
    FIRST_BATCH = "first-batch", CheckEntry("P3", Group.STATE,
        "a process that met other rows first",
        seen="{what} depends on which rows a process was asked about first", is_unsteady=True)
    FRESH = "fresh", CheckEntry("P3", Group.STATE,
        "a fresh process",
        seen="{what} differs between two processes that were started alike", is_unsteady=True)
    CLOCK = "clock", CheckEntry("P3", Group.STATE,
        "the same rows on another day, at the same time of day, by a clock that runs",
        seen="{what} depends on the date", cause="D2")
    MUTATION = "mutation", CheckEntry("P3", Group.STATE,
        "is the frame that `predict` is given the same afterwards",
        seen="predict writes into the frame that it is given", cause="P3", is_remark=True)
    HASH_SEED = "hash-seed", CheckEntry("P3", Group.ENVIRONMENT,
        "a fresh process with another PYTHONHASHSEED",
        seen="{what} depends on PYTHONHASHSEED",
        refusal="The model depends on PYTHONHASHSEED", cause="D3")
    TIME_ZONE = "time-zone", CheckEntry("P3", Group.ENVIRONMENT,
        "a fresh process with another TZ",
        seen="{what} depends on the time zone of the process",
        refusal="The model depends on the time zone of the process", cause="T11")
    THREADS = "threads", CheckEntry("P3", Group.ENVIRONMENT,
        "a fresh process with more threads for arithmetic",
        seen="{what} depends on the number of threads",
        refusal="The model depends on the number of threads", cause="D4")
    LOCALE = "locale", CheckEntry("P3", Group.ENVIRONMENT,
        "a fresh process with another locale and text encoding",
        seen="{what} depends on the locale",
        refusal="The model depends on the locale", cause="E3")
    WORKING_DIRECTORY = "working-directory", CheckEntry("P3", Group.ENVIRONMENT,
        "a fresh process that starts in another folder",
        seen="{what} depends on the working directory",
        refusal="The model depends on the working directory", cause="E2")
    VARIABLE = "variable:NAME", CheckEntry("P3", Group.ENVIRONMENT,
        "a fresh process in which NAME, which the model asks for, is another or unset",
        seen="{what} depends on the environment variable {variable}", cause="E3")
    """For any environment variable; reports give the name of the variable: `variable:LANG`."""
    VERSIONS = "versions", CheckEntry("P3", Group.READ,
        "does a library warn that the parameters were written by another version of it",
        seen="The parameters were written by another version of a library than the one that reads them", cause="E1")
    PACKAGES = "packages", CheckEntry("P3", Group.READ,
        "the packages of the two paths against each other",
        seen="The two paths have different packages installed", cause="E1")
    TRAINING_SWITCH = "training-switch", CheckEntry("P3", Group.READ,
        "is the model in training mode once it is loaded")
    NULLS = "nulls", CheckEntry("P4", Group.SHAPE,
        "a row with a null in a nullable column, where the row with a value is predicted",
        seen="predict refuses a null in a column that is declared nullable", cause="S5", is_remark=True)
    EMPTY = "empty", CheckEntry("P4", Group.SHAPE,
        "a call without rows; only of models with `predicts_empty = True`",
        seen="predict fails on a batch without rows", cause="B12")
    NAMES = "names", CheckEntry("P4", Group.REQUESTS,
        "a request that lacks a column, or has one that is not declared: it must be refused",
        seen="A request with other columns than the model declares is answered", cause="S2")
    CONCURRENT = "concurrent", CheckEntry("P5", Group.CONCURRENCY,
        "requests at the same time against the same requests one after the other",
        seen="{what} is another one when requests are under way at the same time", cause="P4")
    THREAD_SAFE = "thread-safe", CheckEntry("P5", Group.CONCURRENCY,
        "calls of `predict` on several threads of one process",
        seen="{what} is another one when predict is called from several threads", cause="P4")
    # fmt: on


REFUSED = "A row is predicted under one condition and refused under another"
"""The sentence for refused calls, for checks without a sentence of their own."""

_VARIABLE = "variable:"
_BY_NAME = {str(check): check for check in Check}


def checks_of(*groups: Group) -> frozenset[Check]:
    """The checks of some groups."""
    return frozenset(check for check in Check if check.entry.group in groups)


def report_name(check: Check, variable: str = "") -> str:
    """The name of a check in a report.

    Args:
        check: the check.
        variable: name of the environment variable, for `Check.VARIABLE`.
    """
    return f"{_VARIABLE}{variable}" if check is Check.VARIABLE else str(check)


def check_named(name: str) -> Check | None:
    """The check with a name of a report; None if there is none."""
    return Check.VARIABLE if name.startswith(_VARIABLE) else _BY_NAME.get(name)


def check_line(name: str) -> str:
    """What the check with a name of a report compares, in one line; empty if there is no such check."""
    check = check_named(name)
    return check.entry.line.replace("NAME", name.removeprefix(_VARIABLE)) if check else ""


def what_was_seen(check: Check, what: str, variable: str = "") -> str:
    """What a check saw, as the beginning of a sentence.

    Args:
        check: the check.
        what: the output columns, as a string.
        variable: name of the environment variable, for `Check.VARIABLE`.
    """
    return check.entry.seen.format(what=what, variable=variable)


def what_was_refused(check: Check) -> str:
    """What a check saw if calls were refused, as the beginning of a sentence."""
    entry = check.entry
    return entry.refusal or (REFUSED if "{what}" in entry.seen else entry.seen)
