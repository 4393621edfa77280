"""The catalogue of causes: its pages agree with the code, and every model on them does what its page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyml.errors import PymlError
from pyml.package.settings import LEVELS
from pyml_sandbox.parity.diagnosis.causes import CAUSES, FAMILIES
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.verdict import NOTEBOOK
from support.cause_cases import CASES, CONTEXTS, Example, Trial, together

PAGES = Path(__file__).parents[2] / "docs" / "causes"
HEADINGS = ["What happens", "Why the paths differ", "How it shows", "How to fix", "Evidence"]
CHECKS = {name.partition(":")[0] for name in Check}


def page(code: str) -> str:
    return (PAGES / f"{code}.md").read_text(encoding="utf-8")


def models(code: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page(code), re.MULTILINE | re.DOTALL)


def checks(code: str, word: str) -> set[str]:
    listed = re.search(rf"{word}: ([^.]*)\.", page(code))
    assert listed is not None
    return set(re.findall(r"`([^`]*)`", listed[1]))


def trial(code: str, which: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    (folder := tmp_path / "model").mkdir()
    return Trial(models(code)[which], folder, monkeypatch)


def outcome(trial: Trial, case: Example, context: str) -> str:
    """What came out, as text: NaN equals itself there, and an error is an outcome like another."""
    try:
        with trial.patch.context() as patch:
            return repr(CONTEXTS[context](Trial(trial.source, trial.folder, patch), case))
    except (PymlError, ValueError) as error:
        return type(error).__name__


def test_pages_and_causes_and_cases_are_the_same_set() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == set(CAUSES) == set(CASES)


def test_the_index_lists_every_cause_by_family() -> None:
    lines = (PAGES / "README.md").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line.startswith(("## ", "- "))]
    expected = []
    for letter, family in FAMILIES.items():
        expected.append(f"## {letter}: {family}")
        causes = [cause for cause in CAUSES.values() if cause.code[0] == letter]
        expected += [f"- [{cause.code}]({cause.code}.md): {cause.name} ({cause.level})" for cause in causes]
    assert listed == expected


@pytest.mark.parametrize("code", CAUSES)
class TestAPage:
    def test_has_the_cause_as_its_title_and_the_headings_in_order(self, code: str) -> None:
        assert page(code).splitlines()[0] == f"# {code}: {CAUSES[code].name}"
        assert re.findall(r"^## (.*)$", page(code), re.MULTILINE) == HEADINGS

    def test_begins_its_fix_with_the_advice(self, code: str) -> None:
        fix = page(code).partition("## How to fix\n")[2]
        assert " ".join(fix.split()).startswith(CAUSES[code].advice)

    def test_holds_a_broken_and_a_fixed_model(self, code: str) -> None:
        assert [
            len(re.findall(r"^class Model\(DataFrameModel\):$", source, re.MULTILINE)) for source in models(code)
        ] == [1, 1]

    def test_names_checks_that_exist_each_on_one_side(self, code: str) -> None:
        fires, silent = checks(code, "Fires"), checks(code, "Silent")
        assert fires
        assert fires | silent <= CHECKS
        assert not fires & silent

    def test_links_to_pages_that_exist_and_to_whole_addresses(self, code: str) -> None:
        targets = re.findall(r"\]\(([^)]*)\)", page(code))
        threads = [target for target in targets if "://" in target]
        assert all(re.fullmatch(r"https://github\.com/[^/]+/[^/]+/(issues|pull)/\d+", thread) for thread in threads)
        assert all((PAGES / target).is_file() for target in targets if "://" not in target)
        evidence = page(code).partition("## Evidence\n")[2]
        assert "https://github.com/" in evidence or "Reproduced by measurement." in evidence

    def test_stays_short(self, code: str) -> None:
        lines = [line for line in page(code).splitlines() if line]
        assert 25 <= len(lines) <= 60
        assert not [line for line in lines if len(line) > 120 and "](https:" not in line]


def test_families_and_levels_are_known() -> None:
    assert [cause.code[0] for cause in CAUSES.values()] == sorted(
        (cause.code[0] for cause in CAUSES.values()), key=list(FAMILIES).index
    )
    assert {cause.level for cause in CAUSES.values()} == {*LEVELS, NOTEBOOK}
    assert all(cause.advice.endswith(".") and ". " not in cause.advice for cause in CAUSES.values())


NOT_SHOWN = {"B10", "S4"}
"""What no two contexts show: noise that the machine decides on, and a declaration that says nothing."""


def test_every_other_cause_has_two_contexts() -> None:
    assert {code for code, case in CASES.items() if case.contexts is None} == NOT_SHOWN


@pytest.mark.parametrize("code", CASES)
def test_both_models_predict(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, case = trial(code, 0, tmp_path, monkeypatch), CASES[code]
    fixed = Trial(models(code)[1], broken.folder, monkeypatch)
    assert len(together(broken, case)) == len(case.rows)
    assert len(together(fixed, case.of_fixed)) == len(case.of_fixed.rows)


@pytest.mark.parametrize("code", [code for code in CASES if code not in NOT_SHOWN])
class TestItsModels:
    def test_the_broken_one_differs_from_itself(
        self, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left, right = _in_both_contexts(trial(code, 0, tmp_path, monkeypatch), CASES[code])
        assert left != right
        assert left.startswith("[")

    def test_the_fixed_one_does_not(self, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        left, right = _in_both_contexts(trial(code, 1, tmp_path, monkeypatch), CASES[code].of_fixed)
        assert left == right
        assert left.startswith("[")


def _in_both_contexts(model: Trial, case: Example) -> list[str]:
    return [outcome(model, case, context) for context in case.contexts or ()]
