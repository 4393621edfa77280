"""The sentences that the text, the HTML page and the JUnit file of a parity report share. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pyml.command_line import command
from pyml_sandbox.compare.rendering.formatting import counted, listed, plain, seconds_text, short, value_text
from pyml_sandbox.compare.result import Comparison
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.failures import failure_message
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.verdict import (
    NOTEBOOK,
    CheckResult,
    Counterexample,
    Finding,
    Hop,
    NoiseFloor,
    Seen,
    Severity,
    Verdict,
)
from pyml_sandbox.parity.verdict_rules import BATCHES, ROWS
from pyml_sandbox.workspace.state import DRIVERS

STATIONS: tuple[tuple[str, Hop | None], ...] = (
    ("Hive | client", None),
    ("Spark | gateway", Hop.BOUNDARY),
    ("predict", Hop.COMPUTE),
    ("table | answer", Hop.STORAGE),
)
"""Both paths in one line, offline first, with the stage of each station."""

HOP_SENTENCES: Mapping[Hop, str] = MappingProxyType(
    {
        Hop.BOUNDARY: "before predict: the two paths pass different values to it",
        Hop.COMPUTE: "in predict: it returns different predictions for the same values",
        Hop.STORAGE: "after predict: equal predictions are stored, or received, as different values",
    }
)

NOT_COUNTED = "upload, environment, deployment and the start of Spark"
SHORTEST_S = 0.05
"""What is printed as less than 0.1 s."""
ABOVE_HEADING = "Above the required level"
MAX_ROWS = 10
MAX_GROUNDS = 3
MAX_DEFAULTS = 6


def level_message(report: Report) -> str:
    """The level that was reached, and the required level."""
    reached, required = report.decision.level, report.declared_level
    if not required:
        return f"level {reached}" if reached else ""
    return f"{f'level {reached}' if reached else 'no level'} ({required} required)"


def notebook_message(report: Report) -> str:
    """Whether both paths agree with the notebook, in one line; empty if there is no notebook."""
    found = report.notebook
    if found is None:
        return ""
    what = {True: "both paths agree with it", False: "it differs", None: "it was not compared"}[found.agrees]
    return f"Notebook: {what} ({plain(found.file)}, {counted(found.rows, 'row')})."


def breaks(finding: Finding) -> str:
    """The level that a finding breaks."""
    return "differs from the notebook" if finding.level == NOTEBOOK else f"breaks {finding.level}"


def first_failing(report: Report) -> CheckResult | None:
    """The check of the lowest level, above the one that was reached, that led to a finding which fails."""
    blamed = {name for finding in report.findings if finding.weight is Severity.FAILS for name in checks_of(finding)}
    reached = report.decision.level or ""
    fired = [check for check in report.checks if check.fired and check.level > reached and check.name in blamed]
    return min(fired, key=lambda check: check.level, default=None)


def checks_of(finding: Finding) -> tuple[str, ...]:
    """All checks that show a finding; the one that shows it best is the first."""
    return tuple(dict.fromkeys(name for name in (finding.check, *finding.checks) if name))


def of_severity(report: Report, severity: Severity) -> list[tuple[int, Finding]]:
    """The findings of one severity, each with its number in the whole list, from 1."""
    return [(number, one) for number, one in enumerate(report.findings, 1) if one.weight is severity]


def checks_message(report: Report) -> str:
    """The result of the checks that were made, in one sentence."""
    if not report.checks:
        return "No check was made."
    fired = list(dict.fromkeys(check.name for check in report.checks if check.fired))
    made = counted(len(report.checks), "check")
    if fired:
        return f"{made}: {listed(fired)} saw a difference."
    silent = "none saw a difference"
    if of_severity(report, Severity.WARNS):
        silent += " beyond the warnings"
    if report.verdict is Verdict.CANNOT_CERTIFY:
        return f"{made} made, not all of them: {silent}."
    return f"{made} made." if of_severity(report, Severity.FAILS) else f"{made}: {silent}."


def undone_message(report: Report) -> str:
    """That the time budget left something undone, and which one would do all of it; empty if nothing was."""
    if not report.undone:
        return ""
    needed_s = max(each.budget_s for each in report.undone)
    setting = "budget_s in table [parity] of pyml.toml, or --budget"
    budget = f"the time budget of {seconds_text(report.budget_s)}"
    return f"Not tried in {budget} ({seconds_text(needed_s)} may do: {setting}):"


def undone_lines(report: Report) -> list[str]:
    """What the time budget left undone, a line for each part."""
    return [plain(f"{each.part}: {each.sentence}") for each in report.undone]


def explained_failures(report: Report) -> list[str]:
    """Failures of paths that a finding explains, each with its exception; other failures are findings themselves."""
    sentences = "\n".join(finding.sentence for finding in report.findings)
    return [lines(words) for words in map(failure_message, report.failures) if words not in sentences]


def title(finding: Finding) -> str:
    """Code and name of the cause."""
    return plain(f"{finding.code or ''} {finding.name}".strip()) or "no cause named"


def lines(text: str) -> str:
    """A user's string with its line breaks and tabs, and otherwise as `plain` prints it."""
    return plain(text, "\n\t")


def sentence(finding: Finding) -> str:
    """The sentence of a finding with a full stop; an exception in it keeps its lines."""
    text = lines(finding.sentence).rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def grounds(finding: Finding) -> Iterator[tuple[str, str]]:
    """How sure the cause is and why, what speaks against it, and the second candidate; each with its title."""
    for number, one in enumerate(finding.candidates):
        name = f"{one.code} {one.name}, {one.certainty}" if number else str(one.certainty)
        yield "or" if number else "cause", f"{name}: {plain('; '.join(one.speaks_for[:MAX_GROUNDS]))}"
        if one.speaks_against:
            yield "against", plain("; ".join(one.speaks_against[:MAX_GROUNDS]))


def hop_line(hop: Hop) -> str:
    """Both paths in one line, with the stage of a finding in brackets."""
    return " -> ".join(f"[{name}]" if mark is hop else name for name, mark in STATIONS)


def floor_message(floor: NoiseFloor) -> str:
    """`at most 7.8e-16 (4 ulps)`; noise of float32 is marked, since a DOUBLE column may hold float32 values."""
    width = " of float32" if floor.width == "float32" else ""
    return f"at most {floor.max_abs:.2g} ({short(floor.max_ulps)} ulp{'' if floor.max_ulps == 1 else 's'}{width})"


def warning_lines(report: Report) -> Iterator[tuple[str, str]]:
    """The title and the measured noise, for each column of each finding that breaks no level.

    Noise of a column that fails for a different reason is not called harmless.
    """
    failing = {name for _, finding in of_severity(report, Severity.FAILS) for name in finding.columns}
    floors = {floor.column: floor for floor in report.floors}
    for _, finding in of_severity(report, Severity.WARNS):
        measured = [floors[name] for name in finding.columns if name in floors]
        for floor in measured:
            harmless = f", within the tolerance and harmless (pyml explain {finding.code})"
            words = f"{plain(floor.column)}: noise {floor_message(floor)}"
            yield title(finding), words if floor.column in failing else words + harmless
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
    """The rows to print, with the one that differs, and how many rows are left out."""
    rows = [
        CounterexampleRow(tuple("None" if cell is None else plain(cell) for cell in cells), number == found.row)
        for number, cells in enumerate(found.rows)
    ]
    first = max(0, min(found.row - 1, len(rows) - MAX_ROWS)) if len(rows) > MAX_ROWS else 0
    return rows[first : first + MAX_ROWS], max(0, len(rows) - MAX_ROWS)


def defaults_message(found: Counterexample) -> str:
    """The columns that do not matter, with their values; empty if there are none."""
    pairs = [f"{plain(name)} = {'None' if v is None else plain(v)}" for name, v in found.defaults.items()]
    more = f", and {len(pairs) - MAX_DEFAULTS} more" if len(pairs) > MAX_DEFAULTS else ""
    return ", ".join(pairs[:MAX_DEFAULTS]) + more


def seen_table(found: Counterexample) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The predictions of the row: names of the outputs, and their values under each condition.

    A refusal takes the place of the first output.
    """
    names = list(dict.fromkeys(name for seen in found.seen for name in seen.outputs)) or ["answer"]
    return [plain(name) for name in names], [(plain(seen.where), _cells(seen, names)) for seen in found.seen]


def _cells(seen: Seen, names: Sequence[str]) -> list[str]:
    if seen.error:
        return [f"refused: {lines(seen.error)}", *("" for _ in names[1:])]
    return [value_text(seen.outputs[name]) if name in seen.outputs else "" for name in names]


def commands(report: Report) -> list[str]:
    """The next commands: the page of the first cause that fails, the command that the check advises, and after a PASS
    how to serve the version.
    """
    codes = [one.code for one in report.findings if one.code in CAUSES and one.weight is not Severity.WARNS]
    explain = [f"pyml explain {codes[0]}"] if codes else []
    is_here = report.driver in DRIVERS  # elsewhere it is served already
    after = _after_pass(report) if report.verdict is Verdict.PASS and is_here else ""
    return list(dict.fromkeys(line for line in (*explain, report.next_command, after) if line))


def _after_pass(report: Report) -> str:
    """How to serve the version and ask it, and if it was not compared with the notebook, which page says how."""
    deploy = f"{command('pyml deploy', report.model)}   serves it, for pyml predict online"
    return deploy if report.notebook else f"{deploy}; docs/how-to/notebook.md compares it with the notebook"


@dataclass(frozen=True)
class Setting:
    """One setting of the environments of both paths.

    Attributes:
        name: of a package or variable, or "Python".
        values: on each path, in the order of the report; None if the path does not have it.
    """

    name: str
    values: tuple[str | None, ...]

    @property
    def differs(self) -> bool:
        """Whether it differs between the paths."""
        return len(set(self.values)) > 1


def settings_of(report: Report) -> list[Setting]:
    """The settings of both environments; those that differ come first."""
    sides = list(report.environments.values())
    names = dict.fromkeys(name for side in sides for name in side)
    found = [Setting(name, tuple(side.get(name) for side in sides)) for name in names]
    return sorted(found, key=lambda setting: not setting.differs)


def steps_message(report: Report) -> str:
    """How long the steps of the check took, and what is not counted; empty if no step was made."""
    if not report.steps:
        return ""
    steps = ", ".join(f"{step.name} {step.seconds:.1f} s" for step in report.steps)
    beside_s = sum(step.beside_s for step in report.steps)
    beside = f"; {beside_s:.1f} s of them at the same time as others" if beside_s >= SHORTEST_S else ""
    took_s = sum(step.seconds for step in report.steps) - beside_s
    return f"Took {took_s:.1f} s ({steps}{beside}), not counting {NOT_COUNTED}."


def cached_message(report: Report) -> str:
    """That nothing was run; empty if the check was run."""
    if not report.is_cached:
        return ""
    return "Nothing was run: this is the earlier report on the same version, rows and settings (--no-cache runs again)."


def deciding(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons of the two real paths that agree, on which a PASS rests."""
    return [one for one in comparisons if one.name in (BATCHES, ROWS) and one.agrees]
