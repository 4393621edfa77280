"""What it needs to show a finding again where no input does: time, chance, calls at once, or more rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from pyml_sandbox.compare.rendering.formatting import counted
from pyml_sandbox.parity.checks.statefulness import DAY_S, DAYS
from pyml_sandbox.parity.context.check_context import CLOCK_S
from pyml_sandbox.parity.diagnosis.rules import Diagnosis
from pyml_sandbox.parity.observations.catalogue import Check, Group, check_named
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.verdict import Finding, Severity

DIFFER: Mapping[Check, str] = {
    Check.REPEAT: "equal calls differ",
    Check.FRESH: "new processes differ",
    Check.MEMORY: "rows differ between processes whose memory is filled differently",
    Check.CONCURRENT: "requests at the same time differ",
    Check.THREAD_SAFE: "calls at the same time differ",
}
"""What was counted by the checks that repeat their calls."""
KINDS: Mapping[str, str] = {"D2": "time", "P1": "earlier calls", "P4": "concurrency", "B11": "concurrency"}
"""What such a difference needs, by the cause; else chance."""
STANDING: Mapping[str, str] = {
    "D2": ", and none do if the clock stands still",
    "E4": ", and none do in evaluation mode",
    "P1": ", and a new process gives the same again",
}
"""What removes a difference of equal calls, by the cause."""
AGREE = "on the smallest input that was found both real paths agree"


def needs_of(diagnosis: Diagnosis, ended: str = "") -> str:
    """What it needs to show a cause for which there is no counterexample.

    Args:
        diagnosis: the cause and its observations.
        ended: why the search for a counterexample ended early; empty if it did not.
    """
    first = diagnosis.observations[0]
    differing, of = first.odds
    if of:
        standing = STANDING.get(diagnosis.code, "") if first.check is Check.REPEAT else ""
        kind = KINDS.get(diagnosis.code, "chance")
        return f"{kind}: {differing:,} of {of:,} {DIFFER[first.check]}{standing}"
    if ended:
        return f"not known: the search for the smallest input ended early, since {ended}"
    return _of_check(first)


def _of_check(seen: Observation) -> str:
    """What it needs, by the check that saw it and its group."""
    if seen.check is Check.CLOCK:
        days = (datetime.fromtimestamp(CLOCK_S + days * DAY_S, UTC) for days in (0, DAYS))
        return f"time: it differs between {' and '.join(f'{day:%Y-%m-%d}' for day in days)}; {AGREE}"
    if seen.check in (Check.FRAMES, Check.STORED, Check.LOST):
        return f"the fixture: {_shown_by(seen.rows, 'of it')}"
    if seen.check.entry.is_remark:
        return "no input: it is a habit that changes no prediction"
    by_group = {
        Group.READ: "no input: it is read from the model, and not from predictions",
        Group.STATE: f"earlier calls of the same process; {AGREE}",
        Group.ENVIRONMENT: f"a new process with {seen.example.other.variation.name}; {AGREE}",
        Group.REQUESTS: "a request with a missing or an undeclared column",
    }
    return by_group.get(seen.group, f"more than the smallest input; {AGREE}, and {_shown_by(seen.rows)}")


def with_needs(finding: Finding) -> Finding:
    """A finding of the comparisons of the real paths, which has no counterexample, with what it needs.

    Args:
        finding: any; one that has a counterexample, or says what it needs, stays as it is.
    """
    if finding.witness or finding.needs:
        return finding
    return replace(finding, needs=_of_comparison(finding))


def _of_comparison(finding: Finding) -> str:
    check = check_named(finding.check)
    if finding.weight is Severity.WARNS and finding.check == Check.SIZES:
        return "batches of different sizes: rounding differs with them"
    if check is not None and check.entry.group is Group.CONCURRENCY and finding.rows:
        return f"concurrency: {_shown_by(finding.rows, 'that were sent at the same time')}"
    if finding.rows:
        where = f" in the comparison `{finding.comparison}`" if finding.comparison else ""
        return f"the fixture: {_shown_by(finding.rows, 'of it')}{where}"
    return "any row" if finding.columns else "the request that shows it, with its rows"


def _shown_by(rows: int, which: str = "among those that were tried") -> str:
    return f"{counted(rows, 'row')} {which} {'shows' if rows == 1 else 'show'} it"
