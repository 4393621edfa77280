"""The verdict of a parity check and its grounds, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pyml.error_code import ErrorCode

NOTEBOOK = "notebook"
"""The level of its own, beside P1 to P5: both paths agree with what the notebook predicted."""


class Verdict(StrEnum):
    """The verdict of a parity check."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    CANNOT_CERTIFY = "CANNOT-CERTIFY"

    @property
    def exit_code(self) -> int:
        """Exit code of the command that gives it: 0, 1 or 4."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.CANNOT_CERTIFY: 4}[self]


class Hop(StrEnum):
    """The stage at which the paths differ, seen from `predict`."""

    BOUNDARY = "boundary"
    """Before it: the two paths pass different values to it."""
    COMPUTE = "compute"
    """In it: it returns different predictions for the same values."""
    STORAGE = "storage"
    """After it: equal predictions are stored, or received, as different values."""


class Severity(StrEnum):
    """What a finding means for the verdict."""

    FAILS = "fails"
    """It breaks a level that the model declares."""
    ABOVE = "above"
    """It breaks a level above the one that the model declares."""
    WARNS = "warns"
    """It breaks none: differences within the measured noise floor, or a habit that has reached no prediction."""


class Certainty(StrEnum):
    """How sure it is that a cause is the cause of a finding; the surest first."""

    SHOWN = "shown"
    """A change to nothing but what the cause names makes the difference, or takes it away."""
    LIKELY = "likely"
    """The output changes with the rows as it does with this cause, and with few others."""
    POSSIBLE = "possible"
    """Only what models without the cause have as well speaks for it: a type, a function; or no other cause fits."""

    @property
    def rank(self) -> int:
        """0 for the surest, and more for those that are less sure."""
        return list(Certainty).index(self)

    @property
    def one_step_less(self) -> Certainty:
        """The next that is less sure; the least sure for itself."""
        return list(Certainty)[self.rank :][:2][-1]


@dataclass(frozen=True)
class Candidate:
    """A cause that a finding may have.

    Attributes:
        code: of the cause, with a page in docs/causes.
        name: of the cause.
        certainty: that of the best ground for it, and one step less if a ground speaks against it.
        speaks_for: the grounds for it, the best first, as clauses.
        speaks_against: the grounds against it, likewise.
    """

    code: str
    name: str
    certainty: Certainty
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """The prediction of one row of a counterexample under one condition.

    Attributes:
        where: "offline, alone", "online, together", "a process with PYTHONHASHSEED=1", ...
        outputs: values of the differing output columns as strings, by name; empty if the call was refused.
        error: why the call was refused; empty if it was not.
    """

    where: str
    outputs: dict[str, str | None] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Counterexample:
    """The smallest input that shows a finding, confirmed on both real paths.

    Attributes:
        columns: names of the input columns that matter; all others have a default value (see `defaults`).
        rows: their values as strings in Python notation, row by row; None is null.
        row: number of the row whose prediction differs.
        defaults: values of all other input columns as strings, by name.
        seen: the prediction of that row, under each condition and on each path.
        snippet: Python code that shows the difference in a running sandbox.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    row: int = 0
    defaults: dict[str, str | None] = field(default_factory=dict)
    seen: tuple[Seen, ...] = ()
    snippet: str = ""


@dataclass(frozen=True)
class Finding:
    """One difference of the paths, with its cause.

    Attributes:
        sentence: what happens and what to change, for a reader who knows the model but not pyml.
        code: of the cause, with a page in docs/causes; None if no cause could be named.
        name: of the cause.
        level: the parity level that it breaks: that of the cause, or a lower one if the real paths show it;
            `notebook` if the paths differ from the notebook.
        weight: its severity: what that means for the verdict.
        hop: the first stage at which the paths differ.
        check: the check that shows it best; a name of docs/reference/parity-report.md.
        checks: all checks that fired for it; includes `paths` if a comparison of the real paths shows it.
        columns: output columns that differ; empty if rows are missing or not predicted at all.
        inputs: input columns that cause it; empty if they are not known.
        rows: how many of the rows that were tried show it.
        comparison: name of the comparison of both paths that shows it as well; empty if none does.
        needs: what it needs to be seen again where no input shows it: time, chance or concurrency, with how often it
            was seen, or more rows; empty if there is a witness.
        witness: the counterexample; None if no input shows it on both real paths.
        candidates: the cause with its grounds, and the second candidate if it is as certain; empty where a comparison
            of the real paths alone shows the finding.
    """

    sentence: str
    code: str | None = None
    name: str = ""
    level: str = "P1"
    weight: Severity = Severity.FAILS
    hop: Hop | None = None
    check: str = "paths"
    checks: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    rows: int = 0
    comparison: str = ""
    needs: str = ""
    witness: Counterexample | None = None
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class PathFailure:
    """Kinds of requests to the real paths that failed with the same exception.

    Attributes:
        paths: the kinds: "offline", "online in batches", "online one by one", "online, the sample at once".
        message: message of the exception, with all its lines.
        comparison: the first comparison that could not be made.
        code: what is wrong, for programs; see docs/reference/errors.md.
    """

    paths: tuple[str, ...]
    message: str
    comparison: str = ""
    code: ErrorCode = ErrorCode.ERROR


@dataclass(frozen=True)
class CheckResult:
    """The result of one check that was made.

    Attributes:
        name: of the check, see docs/reference/parity-report.md.
        level: parity level that it belongs to.
        fired: whether it saw a difference.
        rows: how many rows it used; 0 for a check without rows.
        seconds: wall time; checks that share their calls share their time evenly.
    """

    name: str
    level: str
    fired: bool
    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Undone:
    """What the time budget of a check left undone in one of its parts.

    Attributes:
        part: the part; docs/reference/parity-report.md lists all of them.
        sentence: how much of it was done, and how long the rest would take.
        budget_s: the `budget_s` of pyml.toml in which the part does all of it, in seconds; twice that of the check if
            that cannot be known.
    """

    part: str
    sentence: str
    budget_s: float


@dataclass(frozen=True)
class NoiseFloor:
    """Largest difference that a column's own arithmetic makes in batches of a different size.

    Attributes:
        column: output column.
        max_abs: largest absolute difference.
        max_ulps: largest difference in units in the last place of `width`.
        width: "float32" or "float64", of the arithmetic that computed the values; a DOUBLE column may hold either.
        max_rel: largest relative difference among values that are not small for the column.
    """

    column: str
    max_abs: float
    max_ulps: int
    width: str = "float64"
    max_rel: float = 0.0


@dataclass(frozen=True)
class Notebook:
    """What the notebook predicted, and whether both paths agree with it.

    Attributes:
        file: the file or the Hive table, as `pyml.toml` names it.
        rows: how many rows it has.
        agrees: whether both paths agree with it; None if nothing could be compared with it.
    """

    file: str
    rows: int
    agrees: bool | None


@dataclass(frozen=True)
class Decision:
    """The verdict and its grounds.

    Attributes:
        verdict: the verdict.
        reason: why nothing can be certified; for a FAIL, why further checks could not be made; else empty.
        level: highest parity level earned; None if none was.
        findings: all differences, those that fail first; also given if the verdict is CANNOT-CERTIFY.
    """

    verdict: Verdict
    reason: str = ""
    level: str | None = None
    findings: tuple[Finding, ...] = ()
