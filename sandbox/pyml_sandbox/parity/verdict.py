"""The three answers of a parity check, and what each difference is reported as."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a parity check says: never a plain yes or no."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    CANNOT_CERTIFY = "CANNOT-CERTIFY"

    @property
    def exit_code(self) -> int:
        """Of the command that says it: 0, 1 or 4."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.CANNOT_CERTIFY: 4}[self]


@dataclass(frozen=True)
class Witness:
    """The smallest input that shows a finding, re-run in both real paths before it is given.

    Attributes:
        columns: names of the input columns.
        rows: their values as text, row by row; None is null.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Finding:
    """One way in which the paths part.

    Attributes:
        sentence: what was found, for a reader who knows the model and not the tool.
        comparison: name of the comparison that shows it.
        columns: output columns concerned; empty where rows are missing or repeated.
        rows: how many rows.
        code: class of the cause, a letter of docs/parity-report.md; None where the comparison alone cannot tell.
        hop: first hop at which the paths part; None until the frames of both paths are compared.
        witness: None until one was found and re-run.
    """

    sentence: str
    comparison: str
    columns: tuple[str, ...] = ()
    rows: int = 0
    code: str | None = None
    hop: str | None = None
    witness: Witness | None = None


@dataclass(frozen=True)
class Judgement:
    """The verdict and its grounds.

    Attributes:
        verdict: the answer.
        reason: why nothing can be certified; empty for the other two answers.
        level: highest parity level earned; None where none was.
        findings: every difference; they also stand where the verdict is CANNOT-CERTIFY, for the rows that were matched.
    """

    verdict: Verdict
    reason: str = ""
    level: str | None = None
    findings: tuple[Finding, ...] = ()
