"""What the text, the HTML page and the JUnit file of a parity report say in the same words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pyml_sandbox.compare.result import Comparison
from pyml_sandbox.compare.words.formatting import counted, listed, plain, short, value_words
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.failures import words_of
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.verdict import CheckResult, Counterexample, Finding, Hop, NoiseFloor, Seen, Severity
from pyml_sandbox.parity.verdict_rules import BATCHES, ROWS

STATIONS: tuple[tuple[str, Hop | None], ...] = (
    ("Hive | client", None),
    ("Spark | gateway", Hop.BOUNDARY),
    ("predict", Hop.COMPUTE),
    ("table | answer", Hop.STORAGE),
)
"""Both paths in one line, offline first, and the hop that a station stands for."""

HOP_SENTENCES: Mapping[Hop, str] = MappingProxyType(
    {
        Hop.BOUNDARY: "before predict: the two paths hand it other values",
        Hop.COMPUTE: "in predict: from the same values it gives other predictions",
        Hop.STORAGE: "after predict: the same predictions are stored, or received, as other values",
    }
)

ABOVE_HEADING = "Above the level that is needed"
MAX_ROWS = 10
MAX_DEFAULTS = 6


def level_words(report: Report) -> str:
    """The level that was reached against the one that is needed."""
    reached, needed = report.decision.level, report.declared_level
    if not needed:
        return f"level {reached}" if reached else ""
    return f"level {reached} of {needed} needed" if reached else f"no level, {needed} needed"


def first_failing(report: Report) -> CheckResult | None:
    """The lowest check above the level reached, of those that led to a finding which fails."""
    blamed = {name for finding in report.findings if finding.weight is Severity.FAILS for name in checks_of(finding)}
    reached = report.decision.level or ""
    fired = [check for check in report.checks if check.fired and check.level > reached and check.name in blamed]
    return min(fired, key=lambda check: check.level, default=None)


def checks_of(finding: Finding) -> tuple[str, ...]:
    """Every check that shows a finding, the one that shows it best first."""
    return tuple(dict.fromkeys(name for name in (finding.check, *finding.checks) if name))


def of_severity(report: Report, severity: Severity) -> list[tuple[int, Finding]]:
    """The findings of one severity, each with its number in the whole list, from 1."""
    return [(number, one) for number, one in enumerate(report.findings, 1) if one.weight is severity]


def check_words(report: Report) -> str:
    """What the checks that were made saw, in one sentence; of none nothing is claimed."""
    if not report.checks:
        return "No check was made."
    fired = list(dict.fromkeys(check.name for check in report.checks if check.fired))
    made = counted(len(report.checks), "check")
    if fired:
        return f"{made}: {listed(fired)} saw a difference."
    return f"{made} made." if of_severity(report, Severity.FAILS) else f"{made}: none saw a difference."


def explained_failures(report: Report) -> list[str]:
    """Paths that failed for a reason that a finding names, each with its exception; other failures are findings."""
    told = "\n".join(finding.sentence for finding in report.findings)
    return [lines(words) for words in map(words_of, report.failures) if words not in told]


def title(finding: Finding) -> str:
    """Code and name of the cause."""
    return plain(f"{finding.code or ''} {finding.name}".strip()) or "no cause named"


def lines(text: str) -> str:
    """A text of a user's with its own line breaks and tabs, and everything else as `plain` has it."""
    return plain(text, "\n\t")


def sentence(finding: Finding) -> str:
    """What happens and what to change, with a full stop; an exception in it keeps its lines."""
    text = lines(finding.sentence).rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def hop_line(hop: Hop) -> str:
    """Both paths in one line of text, with the hop in brackets."""
    return " -> ".join(f"[{name}]" if mark is hop else name for name, mark in STATIONS)


def floor_words(floor: NoiseFloor) -> str:
    """`at most 7.8e-16 (4 ulps)`; noise of float32 is named as such, since a DOUBLE may hold what float32 made."""
    width = " of float32" if floor.width == "float32" else ""
    return f"at most {floor.max_abs:.2g} ({short(floor.max_ulps)} ulp{'' if floor.max_ulps == 1 else 's'}{width})"


def warning_lines(report: Report) -> Iterator[tuple[str, str]]:
    """A short line for each column of each finding that breaks no level: what it is, and what was measured."""
    floors = {floor.column: floor for floor in report.floors}
    for _, finding in of_severity(report, Severity.WARNS):
        measured = [floors[name] for name in finding.columns if name in floors]
        for floor in measured:
            yield title(finding), f"{plain(floor.column)}: noise {floor_words(floor)}"
        if not measured:
            yield title(finding), sentence(finding)


@dataclass(frozen=True)
class CounterexampleRow:
    """One row of a counterexample as a report prints it.

    Attributes:
        cells: its values in Python notation.
        is_marked: the prediction of this row is the one that differs.
    """

    cells: tuple[str, ...]
    is_marked: bool


def counterexample_rows(found: Counterexample) -> tuple[list[CounterexampleRow], int]:
    """The rows to show, the one that differs among them, and how many are left out."""
    rows = [
        CounterexampleRow(tuple("None" if cell is None else plain(cell) for cell in cells), number == found.row)
        for number, cells in enumerate(found.rows)
    ]
    first = max(0, min(found.row - 1, len(rows) - MAX_ROWS)) if len(rows) > MAX_ROWS else 0
    return rows[first : first + MAX_ROWS], max(0, len(rows) - MAX_ROWS)


def default_words(found: Counterexample) -> str:
    """The columns that do not matter, with their values; empty where there are none."""
    pairs = [f"{plain(name)} = {'None' if v is None else plain(v)}" for name, v in found.defaults.items()]
    more = f", and {len(pairs) - MAX_DEFAULTS} more" if len(pairs) > MAX_DEFAULTS else ""
    return ", ".join(pairs[:MAX_DEFAULTS]) + more


def seen_table(found: Counterexample) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """What the row was predicted as: names of the outputs, and for each situation their values.

    A refusal stands in the first output's place.
    """
    names = list(dict.fromkeys(name for seen in found.seen for name in seen.outputs)) or ["answer"]
    return [plain(name) for name in names], [(plain(seen.where), _cells(seen, names)) for seen in found.seen]


def _cells(seen: Seen, names: Sequence[str]) -> list[str]:
    if seen.error:
        return [f"refused: {lines(seen.error)}", *("" for _ in names[1:])]
    return [value_words(seen.outputs[name]) if name in seen.outputs else "" for name in names]


def commands(report: Report) -> list[str]:
    """What to run now: the page of the first cause that fails, then what the check itself advises."""
    codes = [one.code for one in report.findings if one.code in CAUSES and one.weight is not Severity.WARNS]
    explain = [f"pyml explain {codes[0]}"] if codes else []
    return list(dict.fromkeys(command for command in (*explain, report.next_command) if command))


@dataclass(frozen=True)
class Setting:
    """One thing that both paths ran in.

    Attributes:
        name: a package, a variable, the version of Python.
        values: on each path, in the order of the report; None where it is not there.
    """

    name: str
    values: tuple[str | None, ...]

    @property
    def differs(self) -> bool:
        """It is not the same on every path."""
        return len(set(self.values)) > 1


def settings_of(report: Report) -> list[Setting]:
    """The environments side by side, those things that differ first."""
    sides = list(report.environments.values())
    names = dict.fromkeys(name for side in sides for name in side)
    found = [Setting(name, tuple(side.get(name) for side in sides)) for name in names]
    return sorted(found, key=lambda setting: not setting.differs)


def cached_words(report: Report) -> str:
    """Why nothing was run; empty where it was."""
    if not report.is_cached:
        return ""
    return "Nothing was run: this is the earlier report on the same version, rows and settings (--no-cache runs again)."


def deciding(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Those of the two real paths that agree: what a PASS is made of."""
    return [one for one in comparisons if one.name in (BATCHES, ROWS) and one.agrees]
