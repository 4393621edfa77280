"""The seeded bugs of tests/mutants: each still fits the sources, touches the runtime alone, and is counted right."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.mutant_copy import apply
from benchmarks.mutant_set import FOLDER, Mutant, Outcome, changed_lines, load, outcome_of, score, subject_folder
from benchmarks.mutants_page import section, section_in, text, with_section

ROOT = Path(__file__).parents[3]
MUTANTS = load()
MOST_LINES = 6
ENOUGH = 50


@pytest.mark.skipif(shutil.which("git") is None, reason="git, which applies patches, is not installed")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_patch_applies_to_the_sources_as_they_are(mutant: Mutant, tmp_path: Path) -> None:
    changed = changed_lines(mutant.patch.read_text(encoding="utf-8"))
    for name in changed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    apply(mutant.patch, tmp_path)
    for name in changed:
        mutated = (tmp_path / name).read_text(encoding="utf-8")
        assert mutated != (ROOT / name).read_text(encoding="utf-8")
        compile(mutated, name, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_patch_is_small_and_changes_the_runtime_alone(mutant: Mutant) -> None:
    changed = changed_lines(mutant.patch.read_text(encoding="utf-8"))
    assert changed
    assert all(name.startswith("runtime/pyml/") for name in changed)
    assert 1 <= sum(changed.values()) <= MOST_LINES


def test_every_patch_is_listed_once_and_no_two_are_alike() -> None:
    assert sorted(mutant.patch.name for mutant in MUTANTS) == sorted(patch.name for patch in FOLDER.glob("*.patch"))
    assert len({mutant.name.partition("_")[2] for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.name.partition("_")[0] for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.patch.read_bytes() for mutant in MUTANTS}) == len(MUTANTS)


def test_every_mutant_says_what_it_is() -> None:
    for mutant in MUTANTS:
        assert mutant.what.endswith(".")
        assert mutant.path in ("offline", "online", "both")
        assert (subject_folder(mutant.subject) / "model.py").is_file()


def test_there_are_enough_that_count() -> None:
    assert sum(mutant.is_counted for mutant in MUTANTS) >= ENOUGH


FAILS = {
    "code": "T5",
    "hop": "boundary",
    "check": "frames",
    "checks": ["frames", "paths"],
    "weight": "fails",
    "sentence": "NaN is lost.",
}


def test_an_outcome_tells_what_fails_and_nothing_else() -> None:
    report = {"verdict": "FAIL", "reason": "", "findings": [FAILS, {**FAILS, "code": "P4", "weight": "above"}]}
    outcome = outcome_of(report, "01_a", "d", 12.34)
    assert outcome == Outcome("01_a", "d", "FAIL", 12.3, ("T5",), ("boundary",), ("frames", "paths"), "NaN is lost.")


@pytest.mark.parametrize(
    ("verdict", "is_caught"), [("FAIL", True), ("CANNOT-CERTIFY", True), ("error", True), ("PASS", False)]
)
def test_a_bug_is_caught_unless_the_check_passes(verdict: str, is_caught: bool) -> None:
    assert Outcome("01_a", "d", verdict, 1.0).is_caught is is_caught


def test_the_score_counts_what_ran_and_is_counted() -> None:
    mutants = [
        Mutant("01_a", "A.", "online", "m"),
        Mutant("02_b", "B.", "offline", "m"),
        Mutant("03_c", "C.", "both", "m", "Because."),
    ]
    outcomes = {
        name: Outcome(name, "d", verdict, 1.0)
        for name, verdict in (("01_a", "FAIL"), ("02_b", "PASS"), ("03_c", "PASS"))
    }
    reached = score(mutants, outcomes)
    assert (reached.caught, reached.ran, reached.known, reached.is_met) == (1, 2, 2, False)
    assert str(score(mutants, {})) == "none ran, of 2 that there are"
    assert "`02_b` on `m`: B." in text(mutants, outcomes)
    assert "`03_c` (PASS): C. Because." in section(mutants, outcomes, "A machine")


def test_the_section_takes_the_place_of_an_earlier_one() -> None:
    first, second = section([], {}, "A machine"), section([], {}, "Another machine")
    page = with_section("# Results\n\nThe zoo.\n", first)
    assert page == f"# Results\n\nThe zoo.\n\n{first}"
    assert section_in(page) == first
    assert with_section(page, second) == f"# Results\n\nThe zoo.\n\n{second}"
    assert with_section("", first) == first
    assert section_in("# Results\n") == ""
