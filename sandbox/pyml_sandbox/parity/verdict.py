"""The three answers of a parity check, and what each way in which the paths part is reported as."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pyml.error_code import ErrorCode


class Verdict(StrEnum):
    """What a parity check says: never a plain yes or no."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    CANNOT_CERTIFY = "CANNOT-CERTIFY"

    @property
    def exit_code(self) -> int:
        """Of the command that says it: 0, 1 or 4."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.CANNOT_CERTIFY: 4}[self]


class Hop(StrEnum):
    """Where the paths part, seen from `predict`."""

    BOUNDARY = "boundary"
    """Before it: the two paths hand it other values."""
    COMPUTE = "compute"
    """In it: from the same values it gives other predictions."""
    STORAGE = "storage"
    """After it: the same predictions are stored, or received, as other values."""


class Severity(StrEnum):
    """What a finding means for the verdict."""

    FAILS = "fails"
    """It breaks a level that the model declares."""
    ABOVE = "above"
    """It breaks a level above the one that the model declares."""
    WARNS = "warns"
    """It breaks none: differences within the measured noise floor."""


@dataclass(frozen=True)
class Seen:
    """What one row of a counterexample was predicted as under one condition.

    Attributes:
        where: "offline, alone", "online, together", "a process with PYTHONHASHSEED=1", ...
        outputs: the differing output columns' values as text, by name; empty where the call was refused.
        error: why it was refused; empty where it was not.
    """

    where: str
    outputs: dict[str, str | None] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Counterexample:
    """The smallest input that shows a finding, re-run in both real paths before it is given.

    Attributes:
        columns: names of the input columns that matter; all others are at a default (see `defaults`).
        rows: their values as text in Python notation, row by row; None is null.
        row: number of the row whose prediction differs.
        defaults: the values of the other input columns, as text by name.
        seen: what that row was predicted as, in each situation and on each path.
        snippet: Python that shows it, to be run beside a sandbox.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    row: int = 0
    defaults: dict[str, str | None] = field(default_factory=dict)
    seen: tuple[Seen, ...] = ()
    snippet: str = ""


@dataclass(frozen=True)
class Finding:
    """One way in which the paths part.

    Attributes:
        sentence: what happens and what to change, for a reader who knows the model and not the tool.
        code: of the cause, with a page in docs/causes; None where none could be named.
        name: of the cause.
        level: the parity level that it breaks: the cause's own, or a lower one where the real paths show it.
        weight: its severity: what that means for the verdict.
        hop: the first hop at which the paths part.
        check: the check that shows it best; a name of docs/parity-report.md.
        checks: every check that fired for it, `paths` among them where a comparison of the real paths shows it.
        columns: output columns concerned; empty where rows are missing or not predicted at all.
        inputs: input columns that drive it; empty where none could be singled out.
        rows: how many of the rows that were tried show it.
        comparison: name of the comparison of both paths that shows it as well; empty where none does.
        witness: the smallest input that shows it; None where none did so on both real paths.
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
    witness: Counterexample | None = None


@dataclass(frozen=True)
class PathFailure:
    """Ways of asking the real paths that raised the same exception instead of predicting.

    Attributes:
        paths: which: "offline", "online in batches", "online one by one", "online, the sample at once".
        message: the exception, with all its lines.
        comparison: the first that could not be made for it.
        code: what is wrong, for programs; see docs/errors.md.
    """

    paths: tuple[str, ...]
    message: str
    comparison: str = ""
    code: ErrorCode = ErrorCode.ERROR


@dataclass(frozen=True)
class CheckResult:
    """One check that was made.

    Attributes:
        name: see docs/parity-report.md.
        level: parity level that it belongs to.
        fired: it saw a difference.
        rows: how many rows it asked about; 0 where it asks about none.
        seconds: wall time; checks that share their calls share their time evenly.
    """

    name: str
    level: str
    fired: bool
    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class NoiseFloor:
    """Largest difference that a column's own arithmetic makes in batches of a different size.

    Attributes:
        column: output column.
        max_abs: largest absolute difference.
        max_ulps: largest difference in units in the last place of `width`.
        width: "float32" or "float64": of the arithmetic that the values come from. DOUBLE can hold what float32 made.
        max_rel: largest relative difference of values that are not small for the column.
    """

    column: str
    max_abs: float
    max_ulps: int
    width: str = "float64"
    max_rel: float = 0.0


@dataclass(frozen=True)
class Decision:
    """The verdict and its grounds.

    Attributes:
        verdict: the answer.
        reason: why nothing can be certified; beside a FAIL why further checks could not be made; else empty.
        level: highest parity level earned; None where none was.
        findings: every difference, those that fail first; they also stand where the verdict is CANNOT-CERTIFY.
    """

    verdict: Verdict
    reason: str = ""
    level: str | None = None
    findings: tuple[Finding, ...] = ()
