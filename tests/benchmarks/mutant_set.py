"""The seeded bugs of tests/mutants: what each is, and what the parity check said of it. Pure, but for reading files."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyml.package.model_package import ModelPackage

FOLDER = Path(__file__).parents[1] / "mutants"
BAR = 0.99
ERROR = "error"
FOUND = ("FAIL", "CANNOT-CERTIFY")
WITHOUT = "no bug"
"""Begins the names of the outcomes of unmutated code."""


@dataclass(frozen=True)
class Mutant:
    """One bug.

    Attributes:
        name: of its patch, without the ending.
        what: the bug in one sentence.
        path: ``offline``, ``online`` or ``both``.
        subject: the model whose rows show it.
        why: why no comparison of the two paths can see it; empty for those that count.
    """

    name: str
    what: str
    path: str
    subject: str
    why: str = ""

    @property
    def patch(self) -> Path:
        """Its unified diff against the root of the repository."""
        return FOLDER / f"{self.name}.patch"

    @property
    def is_counted(self) -> bool:
        """Whether the bar counts it."""
        return not self.why

    @property
    def digest(self) -> str:
        """Changes with the patch and with the model."""
        return _digest(self.patch.read_bytes(), subject_version(self.subject).encode())


def load(folder: Path = FOLDER) -> list[Mutant]:
    """Every mutant that mutants.toml names, those that count first."""
    document = tomllib.loads((folder / "mutants.toml").read_text(encoding="utf-8"))
    return [Mutant(name, **entry) for group in ("counted", "undetectable") for name, entry in document[group].items()]


def subject_folder(name: str) -> Path:
    """Where a subject lies."""
    return FOLDER / "subjects" / name


def subject_version(name: str) -> str:
    """Version of a subject's package."""
    return ModelPackage(subject_folder(name)).version


def changed_lines(patch: str) -> Mapping[str, int]:
    """How many lines a patch changes in each file: those that it adds or those that it removes, whichever are more."""
    changed: dict[str, int] = {}
    for part in re.split(r"^--- a/", patch, flags=re.MULTILINE)[1:]:
        name, _, rest = part.partition("\n")
        lines = rest.splitlines()[1:]
        added = sum(line.startswith("+") and bool(line[1:].strip()) for line in lines)
        changed[name.strip()] = max(added, sum(line.startswith("-") for line in lines))
    return changed


@dataclass(frozen=True)
class Outcome:
    """What came of the check of one mutant, or of one subject without a bug.

    Attributes:
        name: of the mutant; `WITHOUT` and the subject where there was no bug.
        digest: of what was checked.
        verdict: PASS, FAIL, CANNOT-CERTIFY, or ``error`` where a command gave no report.
        seconds: wall time, with the restart of what runs the code.
        codes: of the findings, the first first; empty text for one without a cause.
        hops: likewise, where the paths differ.
        checks: every check that fired.
        said: the first finding, the reason of the verdict, or the command that failed and its last words.
    """

    name: str
    digest: str
    verdict: str
    seconds: float
    codes: tuple[str, ...] = ()
    hops: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    said: str = ""

    @property
    def is_caught(self) -> bool:
        """True where the bug did not pass: a verdict against it, or a command that failed where it did not before."""
        return self.verdict in (*FOUND, ERROR)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outcome:
        """The inverse of `dataclasses.asdict`."""
        lists = {name: tuple(value[name]) for name in ("codes", "hops", "checks")}
        return cls(**{**value, **lists})


def outcome_of(report: Mapping[str, Any], name: str, digest: str, seconds: float) -> Outcome:
    """The outcome of a check that gave a report; warnings and what lies above the needed level count for nothing."""
    findings = [each for each in report["findings"] if each.get("weight", "fails") == "fails"]
    checks = [check for each in findings for check in (each.get("checks") or [each.get("check", "paths")])]
    return Outcome(
        name=name,
        digest=digest,
        verdict=str(report["verdict"]),
        seconds=round(seconds, 1),
        codes=_distinct(each.get("code") for each in findings),
        hops=_distinct(each.get("hop") for each in findings),
        checks=_distinct(checks),
        said=str(report.get("reason") or (findings[0]["sentence"] if findings else ""))[:400],
    )


def _distinct(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value or "" for value in values))


def _digest(*parts: bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:16]


@dataclass(frozen=True)
class Score:
    """How many of the counted mutants were caught.

    Attributes:
        caught: of those that ran.
        ran: how many ran.
        known: how many there are.
    """

    caught: int
    ran: int
    known: int

    @property
    def is_met(self) -> bool:
        """Whether the bar is reached by those that ran."""
        return self.ran > 0 and self.caught >= BAR * self.ran

    def __str__(self) -> str:
        share = f"{self.caught} of {self.ran} ({100 * self.caught / self.ran:.1f} %)" if self.ran else "none ran"
        return share if self.ran == self.known else f"{share}, of {self.known} that there are"


def score(mutants: list[Mutant], outcomes: Mapping[str, Outcome]) -> Score:
    """The score of what ran."""
    counted = [mutant for mutant in mutants if mutant.is_counted]
    ran = [outcomes[mutant.name] for mutant in counted if mutant.name in outcomes]
    return Score(sum(outcome.is_caught for outcome in ran), len(ran), len(counted))
