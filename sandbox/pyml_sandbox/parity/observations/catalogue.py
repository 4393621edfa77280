"""The catalogue of checks: for each its level, what it compares, and the sentence of a report when it fires.

Every list of checks is made from it, and docs/reference/parity-report.md has the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from pyml_sandbox.parity.verdict import NOTEBOOK, Hop


class Group(Enum):
    """Checks whose observations are interpreted together."""

    REAL = "the real paths on plain rows: a difference breaks the first level, whatever its cause"
    NOTEBOOK = "the real paths against the notebook: a difference breaks a level of its own"
    READ = "what is read without a call of predict: declarations, packages, switches"
    SHAPE = "the shape of inputs and outputs: one row, no rows, the declared columns"
    COPIES = "copies of a row in one call"
    ROW_PAIRS = "a row and a different row in one call"
    WHOLE = "many rows in one call"
    STATE = "state: earlier calls, the clock, the given frame"
    REASONS = "why two equal calls differ"
    ENTRIES = "the same row in a different form"
    ENVIRONMENT = "one setting of the environment of a process"
    REQUESTS = "requests that must be refused"
    CONCURRENCY = "concurrent requests or calls"


BATCH = frozenset({Group.COPIES, Group.ROW_PAIRS, Group.WHOLE})
"""Groups that compare a row alone with the same row in a batch."""


IN_HARNESS = BATCH | {Group.READ, Group.SHAPE, Group.STATE, Group.ENTRIES, Group.ENVIRONMENT}
"""Groups of checks that are made in a harness of every model; those of reasons are made only after a difference."""


@dataclass(frozen=True)
class CheckEntry:
    """The entry of a check.

    Attributes:
        level: parity level that the check belongs to, or `notebook`.
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
        "all rows offline against online in batches, and a sample against online one by one", explains_failures=True)
    FRAMES = "frames", CheckEntry("P1", Group.REAL,
        "the inputs of `predict` offline against its inputs online",
        seen="predict gets different values than were sent", hop=Hop.BOUNDARY)
    STORED = "stored", CheckEntry("P1", Group.REAL,
        "the outputs of `predict` against the values in the table and at the client",
        seen="The values that arrive differ from those that predict returned", hop=Hop.STORAGE)
    LOST = "lost", CheckEntry("P1", Group.REAL,
        "the keys of the predictions of each path against the keys of its rows",
        seen="A path predicts different rows than it was given", hop=Hop.BOUNDARY, cause="R4")
    FORMS = "forms", CheckEntry("P1", Group.REAL,
        "the wire formats of an online request, in gRPC and JSON, against each other",
        seen="The same rows get different predictions in a different wire format", hop=Hop.BOUNDARY)
    METADATA = "metadata", CheckEntry("P1", Group.READ,
        "the declared inputs and outputs against those in the gateway's metadata",
        seen="The served model declares different inputs or outputs than the uploaded one",
        hop=Hop.BOUNDARY, cause="S4", explains_failures=True)
    ALONE = "alone", CheckEntry("P2", Group.SHAPE,
        "a row alone, if it is predicted together with other rows",
        seen="A row is refused alone and predicted together with other rows", explains_failures=True)
    CONTRACT = "contract", CheckEntry("P2", Group.SHAPE,
        "one returned row for each given row, with the declared columns and types",
        seen="The output of predict for a valid row does not match the declared outputs", explains_failures=True)
    COPIES = "copies", CheckEntry("P2", Group.COPIES,
        "two copies of a row in one call against the row alone",
        seen="{what} of a row differs if a copy of the row is in its batch",
        explains_failures=True)
    NEIGHBOUR = "neighbour", CheckEntry("P2", Group.ROW_PAIRS,
        "a row and a different row in one call against the row alone",
        seen="{what} of a row depends on the other rows of its batch", explains_failures=True)
    NULL_NEIGHBOUR = "null-neighbour", CheckEntry("P2", Group.ROW_PAIRS,
        "a row and a row with a null in one call against the row alone",
        seen="{what} of a row depends on a null in a different row of its batch", explains_failures=True)
    TEXT_NEIGHBOUR = "text-neighbour", CheckEntry("P2", Group.ROW_PAIRS,
        "a row and a row with a different string in one call against the row alone",
        seen="{what} of a row depends on the strings in the other rows of its batch", explains_failures=True)
    LONG_NEIGHBOUR = "long-neighbour", CheckEntry("P2", Group.ROW_PAIRS,
        "a row and a row with a longer string or list in one call against the row alone",
        seen="{what} of a row depends on a longer value in a different row of its batch", explains_failures=True)
    TOGETHER = "together", CheckEntry("P2", Group.WHOLE,
        "the sample in one call against each row alone",
        seen="{what} of a row differs between a batch and the row alone")
    SPLIT = "split", CheckEntry("P2", Group.WHOLE,
        "the sample in two calls against each row alone",
        seen="{what} of a row depends on how the rows are split into batches")
    SHUFFLE = "shuffle", CheckEntry("P2", Group.WHOLE,
        "the sample in reverse order against each row alone",
        seen="{what} of a row depends on the order of the rows")
    CROWD = "crowd", CheckEntry("P2", Group.WHOLE,
        "the sample with up to 1,000 rows of the fixture in one call against each row alone",
        seen="{what} of a row differs between a large batch and the row alone")
    SIZES = "sizes", CheckEntry("P2", Group.WHOLE,
        "every row of the fixture in batches of 1, 2, 8 and 64 against batches as large as one request",
        seen="{what} of a row depends on the number of rows in its batch")
    REPEAT = "repeat", CheckEntry("P3", Group.STATE,
        "the same rows again in the same process",
        seen="{what} differs between two calls with the same rows", is_unsteady=True)
    FROZEN_CLOCK = "frozen-clock", CheckEntry("P3", Group.REASONS,
        "fires if a stopped clock makes `repeat` silent", cause="D2")
    SEEDED = "seeded", CheckEntry("P3", Group.REASONS,
        "fires if seeded random generators make `repeat` silent", cause="D1")
    TRAINING_MODE = "training-mode", CheckEntry("P3", Group.REASONS,
        "fires if evaluation mode makes `repeat` silent", cause="E4")
    SAME_HISTORY = "same-history", CheckEntry("P3", Group.REASONS,
        "fires if a new process repeats the outputs of the same sequence of calls", cause="P1")
    WARM = "warm", CheckEntry("P3", Group.STATE,
        "the same rows again after calls with different rows",
        seen="{what} depends on earlier calls", cause="P1", is_unsteady=True)
    SAME_SIZE = "same-size", CheckEntry("P3", Group.STATE,
        "rows after a call with as many different rows, against a new process",
        seen="{what} depends on an earlier call with the same number of rows", is_unsteady=True)
    FIRST_BATCH = "first-batch", CheckEntry("P3", Group.STATE,
        "a new process that predicts different rows first",
        seen="{what} depends on the rows that a process predicts first", is_unsteady=True)
    FRESH = "fresh", CheckEntry("P3", Group.STATE,
        "a new process",
        seen="{what} differs between two processes with the same environment", is_unsteady=True)
    AFTER_ERROR = "after-error", CheckEntry("P3", Group.STATE,
        "the same rows again after calls that were refused",
        seen="{what} depends on an earlier call that was refused", cause="P1", is_unsteady=True)
    CLOCK = "clock", CheckEntry("P3", Group.STATE,
        "the same rows on two dates, at the same time of day, with a running clock",
        seen="{what} depends on the date", cause="D2")
    MUTATION = "mutation", CheckEntry("P3", Group.STATE,
        "the frame before and after `predict`",
        seen="predict modifies the frame that it is given", cause="P3", is_remark=True)
    HASH_SEED = "hash-seed", CheckEntry("P3", Group.ENVIRONMENT,
        "a new process with a different PYTHONHASHSEED",
        seen="{what} depends on PYTHONHASHSEED",
        refusal="The model depends on PYTHONHASHSEED", cause="D3")
    TIME_ZONE = "time-zone", CheckEntry("P3", Group.ENVIRONMENT,
        "a new process with a different TZ",
        seen="{what} depends on the time zone of the process",
        refusal="The model depends on the time zone of the process", cause="T11")
    THREADS = "threads", CheckEntry("P3", Group.ENVIRONMENT,
        "a new process with more threads for arithmetic",
        seen="{what} depends on the number of threads",
        refusal="The model depends on the number of threads", cause="D4")
    LOCALE = "locale", CheckEntry("P3", Group.ENVIRONMENT,
        "a new process with a different locale",
        seen="{what} depends on the locale",
        refusal="The model depends on the locale", cause="E3")
    WORKING_DIRECTORY = "working-directory", CheckEntry("P3", Group.ENVIRONMENT,
        "a new process with a different working directory",
        seen="{what} depends on the working directory",
        refusal="The model depends on the working directory", cause="E2")
    CPUS = "cpus", CheckEntry("P3", Group.ENVIRONMENT,
        "a new process that sees a different number of CPUs",
        seen="{what} depends on the number of CPUs",
        refusal="The model depends on the number of CPUs", cause="D4")
    UMASK = "umask", CheckEntry("P3", Group.ENVIRONMENT,
        "a new process whose new files have different permissions",
        seen="{what} depends on the permissions of new files",
        refusal="The model depends on the permissions of new files", cause="E3")
    MEMORY = "memory", CheckEntry("P3", Group.REASONS,
        "two new processes whose memory is filled differently; made if another check fires",
        seen="{what} depends on memory that was never written",
        refusal="The model depends on memory that was never written", cause="D6", is_unsteady=True)
    VARIABLE = "variable:NAME", CheckEntry("P3", Group.ENVIRONMENT,
        "a new process in which NAME, which the model reads, is different or unset",
        seen="{what} depends on the environment variable {variable}", cause="E3")
    """For any environment variable; reports give the name of the variable: `variable:LANG`."""
    MAP_ORDER = "map-order", CheckEntry("P3", Group.ENTRIES,
        "a row with the entries of its maps in reverse order",
        seen="{what} depends on the order of the entries of a map", cause="T12")
    VERSIONS = "versions", CheckEntry("P3", Group.READ,
        "whether a different version of a library wrote the parameters",
        seen="A different version of a library than the installed one wrote the parameters", cause="E1")
    PACKAGES = "packages", CheckEntry("P3", Group.READ,
        "the packages of the two paths against each other",
        seen="The installed packages of the two paths differ", cause="E1")
    TRAINING_SWITCH = "training-switch", CheckEntry("P3", Group.READ,
        "whether the loaded model is in training mode")
    NULLS = "nulls", CheckEntry("P4", Group.SHAPE,
        "a row with a null in a nullable column, if the row with a value is predicted",
        seen="predict refuses a null in a column that is declared nullable", cause="S5", is_remark=True)
    EMPTY = "empty", CheckEntry("P4", Group.SHAPE,
        "a call without rows; only for models with `predicts_empty = True`",
        seen="predict fails on a batch without rows", cause="B12")
    NAMES = "names", CheckEntry("P4", Group.REQUESTS,
        "a request with a missing or an undeclared column, which must be refused",
        seen="A request with different columns than the declared ones gets predictions", cause="S2")
    CONCURRENT = "concurrent", CheckEntry("P5", Group.CONCURRENCY,
        "concurrent requests against the same requests one after the other",
        seen="{what} differs with concurrent requests", cause="P4")
    THREAD_SAFE = "thread-safe", CheckEntry("P5", Group.CONCURRENCY,
        "the first calls of `predict` in a new process, on several threads, against calls one after the other",
        seen="{what} differs if predict is called from several threads", cause="P4")
    EXPECTED = "expected", CheckEntry(NOTEBOOK, Group.NOTEBOOK,
        "the predictions of the notebook against those of each path",
        seen="{what} differs from the notebook")
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
