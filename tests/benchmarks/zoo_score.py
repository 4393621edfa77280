"""What the parity check said of each model of the zoo, held against what is known of it. Pure: no file is written, nothing is run."""

from __future__ import annotations

import statistics
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ERROR = "error"
FOUND = ("FAIL", "CANNOT-CERTIFY")
SMALL_ROWS = 3
NOISE = "B10"
"""The benign cause: a warning with the measured floor (parity levels are not touched by it)."""


@dataclass(frozen=True)
class Expectation:
    """What is known of a model.

    Attributes:
        name: folder of the model, below `half`.
        half: ``broken`` or ``honest``.
        family: first letter of the cause, or the kind of an honest model.
        causes: codes that are a right first answer; none for an honest model.
        hop: where the paths differ; empty for an honest model.
        note: what it does, in a few words.
        least_rows: the rows of a call that shows it, at least.
    """

    name: str
    half: str
    family: str
    causes: tuple[str, ...] = ()
    hop: str = ""
    note: str = ""
    least_rows: int = 1


@dataclass(frozen=True)
class Finding:
    """One finding of a report; the witness by its size, None where the report has none, and what it needs then."""

    code: str | None
    hop: str | None
    sentence: str
    witness_rows: int | None = None
    witness_columns: int | None = None
    needs: str = ""


@dataclass(frozen=True)
class Outcome:
    """What the command said of a model.

    Attributes:
        name: of the model.
        version: of the package that was checked.
        verdict: PASS, FAIL, CANNOT-CERTIFY, or ``error`` where the command gave no report.
        level: highest level earned.
        declared_level: the level that the model asks for.
        seconds: wall time of the whole command.
        findings: in the order of the report.
        said: reason of the verdict, or the last words of a command that failed.
    """

    name: str
    version: str
    verdict: str
    level: str | None
    declared_level: str | None
    seconds: float
    findings: tuple[Finding, ...] = ()
    said: str = ""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outcome:
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**value, "findings": tuple(Finding(**finding) for finding in value["findings"])})


def outcome_of(report: Mapping[str, Any], name: str, version: str, seconds: float) -> Outcome:
    """The outcome of a command that printed a report; fields that a report lacks are None or empty."""
    return Outcome(
        name=name,
        version=version,
        verdict=str(report["verdict"]),
        level=report.get("level"),
        declared_level=report.get("declared_level"),
        seconds=round(seconds, 1),
        findings=tuple(_finding(finding) for finding in report.get("findings", ())),
        said=str(report.get("reason") or ""),
    )


def _finding(finding: Mapping[str, Any]) -> Finding:
    witness = finding.get("witness")
    return Finding(
        code=finding.get("code"),
        hop=finding.get("hop"),
        sentence=str(finding.get("sentence", "")),
        witness_rows=len(witness["rows"]) if witness else None,
        witness_columns=len(witness["columns"]) if witness else None,
        needs=str(finding.get("needs") or ""),
    )


def expectations(zoo: Path) -> list[Expectation]:
    """Every model that `expected.toml` and `honest.toml` name, the broken half first."""
    broken = tomllib.loads((zoo / "expected.toml").read_text(encoding="utf-8")).get("broken", {})
    honest = tomllib.loads((zoo / "honest.toml").read_text(encoding="utf-8")).get("honest", {})
    return [_broken(name, entry) for name, entry in broken.items()] + [
        Expectation(name, "honest", entry["family"], note=entry["about"]) for name, entry in honest.items()
    ]


def _broken(name: str, entry: Mapping[str, Any]) -> Expectation:
    causes = (entry["cause"], *entry.get("also", ()))
    least_rows = entry.get("rows", 1)
    return Expectation(name, "broken", entry["cause"][0], causes, entry["hop"], entry.get("note", ""), least_rows)


@dataclass(frozen=True)
class Share:
    """A part of a whole."""

    part: int
    whole: int

    def reaches(self, bar: float) -> bool:
        """True where the part is at least `bar`, a fraction of the whole; an empty whole reaches nothing."""
        return self.whole > 0 and self.part >= bar * self.whole

    def __str__(self) -> str:
        return f"{self.part} of {self.whole} ({100 * self.part / self.whole:.1f} %)" if self.whole else "none ran"


@dataclass(frozen=True)
class Judged:
    """A model: what is known of it, and what was said."""

    expected: Expectation
    outcome: Outcome

    @property
    def is_found(self) -> bool:
        """True where the check did not let it pass; of noise, which is no failure, where it said so."""
        is_noise_told = self.first is not None and self.first.code == NOISE and NOISE in self.expected.causes
        return self.outcome.verdict in FOUND or is_noise_told

    @property
    def first(self) -> Finding | None:
        """The first finding: the answer that counts."""
        return self.outcome.findings[0] if self.outcome.findings else None

    @property
    def is_cause_right(self) -> bool:
        """True where the first finding names a right cause."""
        return self.first is not None and self.first.code in self.expected.causes

    @property
    def is_hop_right(self) -> bool:
        """True where the first finding names the hop."""
        return self.first is not None and self.first.hop == self.expected.hop

    def is_small(self, finding: Finding) -> bool:
        """True where a finding has a witness of at most 3 rows, or of no more than the fault needs."""
        rows = finding.witness_rows
        return rows is not None and rows <= max(SMALL_ROWS, self.expected.least_rows)

    @property
    def fault(self) -> str:
        """What is wrong with the answer; empty where nothing is."""
        if self.expected.half == "honest":
            return "" if self.outcome.verdict == "PASS" else "false alarm"
        if not self.is_found:
            return "missed"
        wrong = [("cause", self.is_cause_right), ("hop", self.is_hop_right)]
        return ", ".join(f"wrong {what}" for what, is_right in wrong if not is_right)


@dataclass(frozen=True)
class Bar:
    """A figure and what it has to be; `is_met` is None where there is no bar."""

    what: str
    wanted: str
    measured: str
    is_met: bool | None


def judged(known: Sequence[Expectation], outcomes: Mapping[str, Outcome]) -> list[Judged]:
    """Every model that was run, in the order of what is known."""
    return [Judged(one, outcomes[one.name]) for one in known if one.name in outcomes]


def bars(models: Sequence[Judged]) -> list[Bar]:
    """Every figure that the zoo gives, with its bar."""
    broken, honest = ([model for model in models if model.expected.half == half] for half in ("broken", "honest"))
    alarms = sum(bool(model.fault) for model in honest)
    errors = sum(model.outcome.verdict == ERROR for model in models)
    return [
        _share_bar("broken models found", 0.99, [model.is_found for model in broken]),
        Bar("false alarms on honest models", "0", f"{alarms} of {len(honest)}", alarms == 0 and bool(honest)),
        *_bars_of_found([model for model in broken if model.is_found]),
        Bar("commands that gave no report", "0", f"{errors} of {len(models)}", errors == 0),
        Bar("seconds for a model: median, slowest", "", _seconds(models), None),
    ]


def _bars_of_found(found: Sequence[Judged]) -> list[Bar]:
    findings = [(model, each) for model in found for each in model.outcome.findings if each.code != NOISE]
    small = [model.is_small(each) for model, each in findings if not each.needs]
    without = sum(bool(each.needs) for _, each in findings)
    return [
        _share_bar("cause named right by the first finding", 0.92, [model.is_cause_right for model in found]),
        _share_bar("first hop named right", 0.95, [model.is_hop_right for model in found]),
        _share_bar("witnesses of at most 3 rows, or of as few as the fault needs", 0.97, small),
        Bar("findings without a witness, which say what they need", "", f"{without} of {len(findings)}", None),
    ]


def _share_bar(what: str, wanted: float, right: Sequence[bool]) -> Bar:
    share = Share(sum(right), len(right))
    return Bar(what, f"{100 * wanted:.0f} %", str(share), share.reaches(wanted))


def _seconds(models: Sequence[Judged]) -> str:
    seconds = [model.outcome.seconds for model in models]
    return f"{statistics.median(seconds):.0f}, {max(seconds):.0f}" if seconds else "none ran"


def families(models: Sequence[Judged]) -> list[tuple[str, str, Share, Share]]:
    """Half, family, models answered as they have to be (found, or let pass), and causes named right of those found."""
    rows = []
    for half, family in dict.fromkeys((model.expected.half, model.expected.family) for model in models):
        of = [model for model in models if (model.expected.half, model.expected.family) == (half, family)]
        found = [model for model in of if model.is_found]
        right = len(found) if half == "broken" else sum(not model.fault for model in of)
        rows.append((half, family, Share(right, len(of)), Share(sum(m.is_cause_right for m in found), len(found))))
    return rows
