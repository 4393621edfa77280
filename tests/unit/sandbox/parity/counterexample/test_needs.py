"""What a finding without a counterexample needs: time, chance, calls at once, or more rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyml_sandbox.parity.counterexample.needs import DIFFER, needs_of, with_needs
from pyml_sandbox.parity.diagnosis.rules import Diagnosis
from pyml_sandbox.parity.harness_process import Variation
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.synthetic import InputRow
from pyml_sandbox.parity.verdict import Counterexample, Finding, Severity
from support.reports import REPORTS

ROW = Condition((InputRow({"a": 1.0}, 0),))
NO_ODDS = (0, 0)


def diagnosis(code: str, check: Check, odds: tuple[int, int] = NO_ODDS, rows: int = 7) -> Diagnosis:
    varied = replace(ROW, variation=Variation.variable("TZ", "Asia/Kathmandu"))
    observation = Observation(check, "p", (Example("p", ROW, varied),), rows=rows, odds=odds)
    return Diagnosis(code, ("p",), (), (observation,))


@pytest.mark.parametrize(
    ("code", "check", "odds", "needs"),
    [
        ("D1", Check.REPEAT, (29, 32), "chance: 29 of 32 equal calls differ"),
        ("D1", Check.FRESH, (9, 12), "chance: 9 of 12 new processes differ"),
        ("D2", Check.REPEAT, (32, 32), "time: 32 of 32 equal calls differ, and none do if the clock stands still"),
        ("E4", Check.REPEAT, (30, 32), "chance: 30 of 32 equal calls differ, and none do in evaluation mode"),
        ("P1", Check.REPEAT, (32, 32), "earlier calls: 32 of 32 equal calls differ, and a new process gives the same"),
        ("D6", Check.MEMORY, (21, 400), "chance: 21 of 400 rows differ between processes whose memory is filled"),
        ("P4", Check.CONCURRENT, (88, 96), "concurrency: 88 of 96 requests at the same time differ"),
        ("B11", Check.THREAD_SAFE, (1_000, 9_600), "concurrency: 1,000 of 9,600 calls at the same time differ"),
        ("D2", Check.CLOCK, NO_ODDS, "time: it differs between 2023-11-14 and 2024-12-19; on the smallest input"),
        ("P2", Check.FIRST_BATCH, NO_ODDS, "earlier calls of the same process; on the smallest input"),
        ("T11", Check.TIME_ZONE, NO_ODDS, "a new process with TZ=Asia/Kathmandu; on the smallest input"),
        ("T1", Check.FRAMES, NO_ODDS, "the fixture: 7 rows of it show it"),
        ("E1", Check.PACKAGES, NO_ODDS, "no input: it is read from the model"),
        ("P3", Check.MUTATION, NO_ODDS, "no input: it is a habit"),
        ("S2", Check.NAMES, NO_ODDS, "a request with a missing or an undeclared column"),
        ("B1", Check.CROWD, NO_ODDS, "more than the smallest input; on the smallest input that was found both real paths agree, and 7 rows"),
    ],
)  # fmt: skip
def test_a_cause_without_a_counterexample_says_what_it_needs_with_the_odds(
    code: str, check: Check, odds: tuple[int, int], needs: str
) -> None:
    assert needs_of(diagnosis(code, check, odds)).startswith(needs)


@pytest.mark.parametrize("check", Check)
def test_every_check_has_words_for_what_it_needs(check: Check) -> None:
    odds = (1, 2) if check in DIFFER else NO_ODDS
    for rows in (1, 2):
        assert len(needs_of(diagnosis(check.entry.cause or "B1", check, odds, rows))) > 10


def test_a_search_that_ended_early_says_why_unless_the_odds_say_more() -> None:
    ended = "the model ended its Python process"
    assert needs_of(diagnosis("B1", Check.CROWD), ended).endswith(f"ended early, since {ended}")
    assert needs_of(diagnosis("D1", Check.REPEAT, (3, 4)), ended).startswith("chance")


@pytest.mark.parametrize(
    ("finding", "needs"),
    [
        (Finding("differs", columns=("p",), rows=1, comparison="batches"), "the fixture: 1 row of it shows it in the comparison `batches`"),
        (Finding("differs", check="concurrent", rows=3), "concurrency: 3 rows that were sent at the same time show it"),
        (Finding("noise", "B10", check="sizes", weight=Severity.WARNS, rows=3), "batches of different sizes: rounding"),
        (Finding("column `q` exists offline", columns=("q",), comparison="batches"), "any row"),
        (Finding("Offline failed: no", comparison="batches"), "the request that shows it, with its rows"),
        (Finding("differs", rows=3, needs="chance"), "chance"),
        (Finding("differs", rows=3, witness=Counterexample((), ())), ""),
    ],
)  # fmt: skip
def test_a_finding_of_the_paths_says_what_it_needs(finding: Finding, needs: str) -> None:
    found = with_needs(finding).needs
    assert found.startswith(needs)
    assert bool(found) is bool(needs)


@pytest.mark.parametrize("name", REPORTS)
def test_every_finding_has_a_witness_or_says_what_it_needs(name: str) -> None:
    for finding in map(with_needs, REPORTS[name].findings):
        assert bool(finding.witness) is not bool(finding.needs)
