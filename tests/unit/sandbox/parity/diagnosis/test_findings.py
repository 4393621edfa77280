"""From diagnoses to findings: the sentence, the level, the hop, and what it means for the verdict."""

from __future__ import annotations

import pytest

from pyml.harness.session_messages import Refusal
from pyml.package.settings import LEVELS
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.diagnosis.findings import finding_of, in_order, noise_findings
from pyml_sandbox.parity.diagnosis.rules import Diagnosis
from pyml_sandbox.parity.noise.column_noise import ColumnNoise, Noise
from pyml_sandbox.parity.noise.ties import Ties
from pyml_sandbox.parity.observations.catalogue import Check, Group, checks_of
from pyml_sandbox.parity.observations.features import Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import InputRow
from pyml_sandbox.parity.verdict import NOTEBOOK, Counterexample, Finding, Hop, Severity

ROW = Condition((InputRow({"a": 1.0}, 0),))
SILENT = (Check.SEEDED, Check.FROZEN_CLOCK, Check.SAME_HISTORY, Check.TRAINING_MODE, Check.TRAINING_SWITCH)
"""Checks that only say why: no finding is ever shown by one of them."""

CHECKS = [check for check in Check if not (check.entry.is_remark or check.entry.group is Group.REAL)]


def diagnosis(
    code: str, check: Check = Check.NEIGHBOUR, *, output: str = "p", inputs: tuple[str, ...] = ("a",), message: str = ""
) -> Diagnosis:
    observation = Observation(
        check, output, (Example(output, ROW, ROW),), inputs, rows=7, message=message, variable="MODE"
    )
    return Diagnosis(code, (output,) if output else (), inputs, (observation,))


# ---- weight and level


@pytest.mark.parametrize("declared", LEVELS)
@pytest.mark.parametrize("code", [code for code in CAUSES if code not in ("B10", "N1")])
def test_a_cause_fails_up_to_the_declared_level_and_is_above_it_else(code: str, declared: str) -> None:
    check = next(check for check in CHECKS if check.entry.level == CAUSES[code].level)
    found = finding_of(diagnosis(code, check), declared)
    assert found.level == CAUSES[code].level
    assert found.weight is (Severity.FAILS if CAUSES[code].level <= declared else Severity.ABOVE)


@pytest.mark.parametrize("declared", LEVELS)
@pytest.mark.parametrize("code", ["N1", "T4", "D3"])
def test_a_difference_from_the_notebook_has_a_level_of_its_own_and_always_fails(code: str, declared: str) -> None:
    found = finding_of(diagnosis(code, Check.EXPECTED), declared)
    assert (found.level, found.weight) == (NOTEBOOK, Severity.FAILS)


@pytest.mark.parametrize("declared", LEVELS)
@pytest.mark.parametrize("check", sorted(checks_of(Group.REAL)))
def test_what_the_real_paths_show_breaks_the_first_level_whatever_its_cause(check: Check, declared: str) -> None:
    found = finding_of(diagnosis("B12", check), declared)
    assert (found.level, found.weight) == ("P1", Severity.FAILS)


def test_the_first_observation_says_where_it_was_seen() -> None:
    plain, real = (diagnosis("T6", check).observations[0] for check in (Check.COPIES, Check.PATHS))
    assert finding_of(Diagnosis("T6", ("p",), (), (plain, real)), "P5").check == "copies"
    assert finding_of(Diagnosis("T6", ("p",), (), (real, plain)), "P5").level == "P1"


def test_a_cause_breaks_the_level_of_the_check_that_shows_it() -> None:
    assert finding_of(diagnosis("P3", Check.NEIGHBOUR), "P3").level == "P2"
    assert finding_of(diagnosis("B1", Check.CONCURRENT), "P3").level == "P2"


@pytest.mark.parametrize("declared", LEVELS)
@pytest.mark.parametrize("check", [check for check in Check if check.entry.is_remark])
def test_a_habit_that_has_reached_no_prediction_is_a_warning_at_every_level(check: Check, declared: str) -> None:
    found = finding_of(diagnosis(check.entry.cause, check, output=""), declared)
    assert found.weight is Severity.WARNS


# ---- hop


@pytest.mark.parametrize(
    ("check", "hop"),
    [
        (Check.FRAMES, Hop.BOUNDARY),
        (Check.FORMS, Hop.BOUNDARY),
        (Check.LOST, Hop.BOUNDARY),
        (Check.METADATA, Hop.BOUNDARY),
        (Check.STORED, Hop.STORAGE),
        (Check.NEIGHBOUR, Hop.COMPUTE),
        (Check.COPIES, Hop.COMPUTE),
        (Check.PATHS, Hop.COMPUTE),
        (Check.HASH_SEED, Hop.COMPUTE),
        (Check.VARIABLE, Hop.COMPUTE),
        (Check.EMPTY, Hop.COMPUTE),
    ],
)
def test_the_check_that_shows_it_tells_the_hop(check: Check, hop: Hop) -> None:
    assert finding_of(diagnosis("E5", check), "P3").hop is hop


# ---- the sentence


@pytest.mark.parametrize("check", [name for name in Check if name not in SILENT])
def test_a_sentence_says_what_was_seen_in_which_column_and_what_to_change(check: Check) -> None:
    found = finding_of(diagnosis("B1", check), "P3")
    assert found.sentence.endswith(f". {CAUSES['B1'].advice}")
    assert "{" not in found.sentence
    assert ".." not in found.sentence
    assert found.sentence[0].isupper() or found.sentence.startswith(("`p` ", "predict "))


def test_each_check_has_words_of_its_own() -> None:
    sentences = {name: finding_of(diagnosis("B1", name), "P3").sentence for name in Check if name not in SILENT}
    assert len(set(sentences.values())) == len(sentences)


@pytest.mark.parametrize("check", [Check.REPEAT, Check.WARM, Check.COPIES, Check.NEIGHBOUR, Check.TOGETHER, Check.CROWD, Check.HASH_SEED, Check.PATHS, Check.CONCURRENT])  # fmt: skip
def test_a_sentence_names_the_output_and_the_inputs_that_drive_it(check: Check) -> None:
    whole = diagnosis("B1", check, inputs=("a", "b c"))
    sentence = finding_of(Diagnosis("B1", ("p", "q"), whole.inputs, whole.observations), "P3").sentence
    assert sentence.startswith("`p`, `q` ")
    assert "(column `a`, `b c`)" in sentence


def test_no_inputs_are_not_spoken_of() -> None:
    assert "column" not in finding_of(diagnosis("B6", Check.SHUFFLE, inputs=()), "P3").sentence.partition(". ")[0]


def test_a_variable_is_named() -> None:
    assert "environment variable MODE" in finding_of(diagnosis("E3", Check.VARIABLE), "P3").sentence


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Check.CONTRACT, "does not match the declared outputs"),
        (Check.EMPTY, "predict fails on a batch without rows"),
        (Check.ALONE, "A row is refused alone"),
        (Check.COPIES, "refused under another"),
        (Check.NEIGHBOUR, "refused under another"),
        (Check.WORKING_DIRECTORY, "depends on the working directory"),
        (Check.HASH_SEED, "depends on PYTHONHASHSEED"),
        (Check.VERSIONS, "A different version of a library"),
    ],
)
def test_a_refusal_is_quoted_in_its_own_words(check: Check, words: str) -> None:
    message = "it does not fit\n  - column `p` is short\n      fix: make it longer\n\n  - so is `q`\nmore\nand more"
    sentence = finding_of(diagnosis("R1", check, output="", inputs=(), message=message), "P3").sentence
    assert words in sentence
    assert ": it does not fit; column `p` is short; so is `q`. " in sentence
    assert "make it longer" not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "check",
    [Check.FRAMES, Check.STORED, Check.LOST, Check.FORMS, Check.NAMES, Check.METADATA, Check.PACKAGES, Check.MUTATION],
)
def test_what_is_no_refusal_is_not_called_one(check: Check) -> None:
    sentence = finding_of(diagnosis("E5", check, output="", message="`k` offline, in 3 rows"), "P3").sentence
    assert "refused" not in sentence
    assert ": `k` offline, in 3 rows. " in sentence


def test_a_long_refusal_is_cut() -> None:
    sentence = finding_of(diagnosis("R1", Check.CONTRACT, output="", message="x" * 5000), "P3").sentence
    assert sentence.count("x") < 400


# ---- the rest of a finding


def test_a_finding_carries_everything_that_its_diagnosis_has() -> None:
    witness = Counterexample(("a",), (("1.0",),))
    first = diagnosis("B1").observations[0]
    second = Observation(Check.TOGETHER, "q", (Example("q", ROW, ROW),), rows=9)
    found = finding_of(Diagnosis("B1", ("p", "q"), ("a",), (first, second)), "P3", witness)
    assert (found.code, found.name) == ("B1", CAUSES["B1"].name)
    assert (found.check, found.checks) == ("neighbour", (Check.NEIGHBOUR, "together"))
    assert (found.columns, found.inputs, found.rows, found.witness) == (("p", "q"), ("a",), 9, witness)


def test_a_finding_without_a_witness_stands_all_the_same() -> None:
    assert finding_of(diagnosis("B1"), "P3").witness is None


# ---- noise


def test_noise_warns_and_breaks_nothing() -> None:
    columns = [
        ColumnNoise("p", False, 1.0, 7.8e-16),
        ColumnNoise("q", True, 1.0, 1.2345e-7),
        ColumnNoise("r", True, 1.0),
    ]
    (found,) = noise_findings(Noise({each.column: each for each in columns}))
    assert (found.code, found.weight, found.columns) == ("B10", Severity.WARNS, ("p", "q"))
    assert "`p` by up to 7.8e-16, `q` by up to 1.2e-07" in found.sentence


def test_an_exact_model_is_warned_of_nothing() -> None:
    assert noise_findings(Noise({"p": ColumnNoise("p", False, 1.0)})) == []


def test_a_label_that_flips_where_scores_tie_is_told_as_such() -> None:
    (found,) = noise_findings(Noise(ties={"label": Ties("label", (3, 8), (3, 8), ("p", "q"))}, rows=1797, of=1797))
    assert (found.code, found.weight, found.columns, found.rows) == ("B10", Severity.WARNS, ("label",), 2)
    assert found.sentence.startswith("2 of 1,797 rows of `label` flip with the size of the batch")
    assert "(`p`, `q`) differ from one another, or from a threshold, by less than the noise" in found.sentence


# ---- order


def test_what_fails_stands_first_then_what_is_above_then_warnings_and_else_as_it_was() -> None:
    weights = [Severity.WARNS, Severity.ABOVE, Severity.FAILS, Severity.ABOVE, Severity.FAILS, Severity.WARNS]
    findings = [Finding(str(number), weight=weight) for number, weight in enumerate(weights)]
    assert [each.sentence for each in in_order(findings)] == ["2", "4", "1", "3", "0", "5"]


def test_a_refusal_is_no_output_column() -> None:
    refused = Observation(Check.ALONE, "", (Example("", ROW, ROW),), message=Refusal("PredictError", "no").message)
    assert finding_of(Diagnosis("B8", (), (), (refused,)), "P3").columns == ()


@pytest.mark.parametrize(
    ("kinds", "row"), [({Kind.NULL}, "a row that has a null"), ({Kind.NULL, Kind.ZERO}, "a row"), (set(), "a row")]
)
def test_a_row_that_changes_because_of_its_own_value_is_told_from_one_beside_such_a_row(
    kinds: set[Kind], row: str
) -> None:
    own = frozenset({Tag.OWN_VALUE})
    seen = Observation(Check.NULL_NEIGHBOUR, "p", (Example("p", ROW, ROW),), ("a",), own, kinds=frozenset(kinds))
    sentence = finding_of(Diagnosis("T4", ("p",), ("a",), (seen,)), "P3").sentence
    assert sentence.startswith(f"`p` of {row} depends on the other rows of its batch (column `a`). ")
