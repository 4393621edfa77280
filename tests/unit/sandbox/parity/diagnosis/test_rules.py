"""From what the checks saw to causes: what each set of symptoms is named, and what several of them together are."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.parity.diagnosis import rules
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.diagnosis.rules import SKIPPED, STATE, WHOLE, diagnose
from pyml_sandbox.parity.observations.catalogue import CATALOGUE
from pyml_sandbox.parity.observations.observation import NEIGHBOURS, Condition, Example, Observation
from pyml_sandbox.parity.rows.synthetic import InputRow

ROW = Condition((InputRow({"a": 1.0}, 0),))


def saw(check: str, *tags: str, output: str = "p", inputs: tuple[str, ...] = ("a",), rows: int = 1) -> Observation:
    return Observation(check, output, (Example(output, ROW, ROW),), inputs, frozenset(tags), rows)


def codes(*observations: Observation) -> list[str]:
    return [found.code for found in diagnose(observations)]


def beside(*tags: str) -> Observation:
    """An ordinary row changes with the number that stands beside it."""
    return saw("neighbour", "plain", "type:DOUBLE", "kind:other", *tags)


def beside_text(*tags: str, check: str = "text-neighbour") -> Observation:
    return saw(check, "plain", "type:STRING", *tags)


def beside_null(*tags: str) -> Observation:
    return saw("null-neighbour", "null-only", "null", *tags)


def alone_and_twice(*tags: str) -> Observation:
    return saw("copies", *tags)


def on_both_paths(*tags: str) -> Observation:
    return saw("paths", *tags)


CODES = beside_text("kind:other", "kind:digits", "grows")
"""Numbers for texts, counted in the batch."""


def test_nothing_seen_is_nothing_named() -> None:
    assert diagnose([]) == []


# ---- one cause


STATE_CASES = [
    ("D1", [saw("repeat")]),
    ("D1", [saw("repeat"), saw("seeded", output="")]),
    ("D2", [saw("repeat"), saw("frozen-clock", output="")]),
    ("P1", [saw("repeat"), saw("same-history", output="")]),
    ("P1", [saw("repeat"), saw("same-history", output=""), saw("frozen-clock", output="")]),
    ("D1", [saw("repeat"), saw("seeded", output=""), saw("same-history", output="")]),
    ("E4", [saw("repeat"), saw("training-mode", output=""), saw("seeded", output="")]),
    ("D1", [saw("fresh")]),
    ("P1", [saw("warm")]),
    ("P1", [saw("warm"), saw("same-size"), saw("first-batch")]),
    ("P2", [saw("first-batch")]),
    ("P2", [saw("same-size")]),
    ("P5", [saw("same-size", "earlier-answer")]),
    ("P5", [saw("same-size", "earlier-answer"), saw("first-batch")]),
    ("P5", [saw("same-size"), saw("first-batch", "keyed")]),
    ("D2", [saw("clock")]),
    ("P3", [saw("mutation", output="")]),
]
SURROUNDINGS_CASES = [
    ("D3", [saw("hash-seed")]),
    ("T11", [saw("time-zone")]),
    ("D4", [saw("threads")]),
    ("E3", [saw("locale")]),
    ("E3", [saw("variable:MODE")]),
    ("E2", [saw("working-directory", "loading", output="")]),
    ("E1", [saw("versions", output="")]),
    ("E1", [saw("packages", output="")]),
    ("S4", [saw("metadata", output="")]),
]
NEIGHBOUR_CASES = [
    ("B1", [beside()]),
    ("B1", [beside("null", "kind:null")]),
    ("B5", [beside("as-rank")]),
    ("B5", [beside("as-rank", "grows")]),
    ("B3", [beside("as-rank", "grows", "dense")]),
    ("T14", [saw("neighbour", "plain", "type:DOUBLE", "kind:zero", "as-rank")]),
    ("B5", [beside("calls:Series.quantile")]),
    ("B1", [saw("together", inputs=())]),
    ("B5", [saw("together", "calls:rank", inputs=())]),
    ("B6", [beside_text("kind:other", "order")]),
    ("B3", [beside_text("kind:other", "order", "calls:factorize")]),
    ("B4", [beside_text("kind:other", "grows", "calls:get_dummies")]),
    ("T13", [beside_text("kind:digits", "kind:word", "known-silent")]),
    ("B4", [beside_text("kind:digits", "kind:word", "known-silent", "calls:get_dummies")]),
    ("T9", [beside_text("kind:other", "kind:digits", "calls:read_csv")]),
    ("B9", [beside_text("kind:other", "shorter-only")]),
    ("B6", [beside("order")]),
    ("B6", [beside("order", "as-rank")]),
    ("B6", [beside("order", "borrowed")]),
    ("B3", [CODES]),
    ("B4", [beside_text("kind:other", "kind:digits", "raised")]),
    ("B4", [CODES, saw("empty", output="")]),
    ("B9", [beside_text("longer-only", "kind:long", check="long-neighbour")]),
    ("T9", [beside_text("kind:word", "kind:text")]),
    ("B3", [beside_text("kind:word", "grows")]),
    ("B9", [saw("long-neighbour", "plain", "type:ARRAY", "longer-only", "kind:long")]),
    ("T12", [saw("neighbour", "plain", "type:ARRAY", "kind:short", "kind:inner-null")]),
    ("B1", [saw("neighbour", "plain", "type:ARRAY", "kind:other")]),
    ("T12", [saw("neighbour", "plain", "type:MAP", "kind:short")]),
    ("T12", [saw("neighbour", "plain", "type:STRUCT", "kind:inner-null")]),
    ("R2", [beside_null("swapped", "kind:null")]),
    ("R3", [beside("swapped")]),
    ("R1", [beside_null("row-count", "kind:null")]),
    ("T16", [beside_null("type", "kind:null")]),
    ("T5", [beside_null("nan-for-null", "kind:null")]),
    ("E4", [beside("evaluation")]),
]
NULL_CASES = [
    ("T1", [beside_null("type:BIGINT", "kind:null")]),
    ("T4", [beside_null("type:DOUBLE", "kind:null")]),
    ("B1", [beside_null("type:DOUBLE", "kind:nan")]),
    ("R2", [beside_null("type:DOUBLE", "kind:null", "others-output", "order")]),
    ("T4", [beside_null("type:DOUBLE", "kind:null", "others-output")]),
    ("T8", [beside_null("type:BINARY", "kind:null")]),
    ("T12", [beside_null("type:STRUCT", "kind:inner-null")]),
    ("T7", [beside_null("type:DECIMAL", "kind:null")]),
    ("B6", [beside_null("type:DOUBLE", "kind:nan", "order")]),
    ("T2", [beside_null("type:BIGINT", "kind:null", "as:via-float64")]),
    ("T3", [beside_null("type:BIGINT", "kind:null", "as:floats")]),
    ("B2", [saw("null-neighbour", "own-value", "null", "type:DOUBLE", "kind:null", "by-value")]),
    ("T4", [saw("null-neighbour", "own-value", "null", "type:DOUBLE", "kind:null")]),
    ("T14", [saw("null-neighbour", "own-value", "type:DOUBLE", "kind:zero")]),
    ("T6", [saw("null-neighbour", "own-value", "type:DOUBLE", "kind:zero", "kind:null", "as:single")]),
    ("B2", [saw("null-neighbour", "own-value", "type:DOUBLE", "kind:zero", "kind:null")]),
]
EXPLAINED = [
    ("T2", ("as:via-float64", "as:floats")),
    ("T6", ("as:single", "as:written")),
    ("T6", ("as:double",)),
    ("T10", ("as:hours",)),
    ("T10", ("as:naive",)),
    ("T15", ("as:empty-null",)),
    ("T15", ("as:null-empty", "as:nan")),
    ("T8", ("as:bytes",)),
    ("T8", ("as:text",)),
    ("T9", ("as:guessed",)),
    ("T7", ("as:decimal-floats",)),
    ("T12", ("as:arrays",)),
    ("T12", ("as:inner-floats",)),
    ("T14", ("as:zero-null",)),
    ("T4", ("as:null-zero", "as:null-nan")),
    ("T14", ("as:zero-nan",)),
    ("T14", ("as:nan-zero",)),
    ("T4", ("as:nan",)),
    ("T4", ("as:null-nan",)),
    ("T4", ("as:nan-null",)),
    ("T4", ("as:null-text",)),
    ("T1", ("as:floats", "as:objects")),
    ("T3", ("as:floats",)),
    ("T1", ("as:objects",)),
    ("T13", ("as:categories",)),
    ("T17", ("as:ulp",)),
    ("T17", ("as:written",)),
    ("S1", ("as:other-case",)),
    ("S3", ("as:other-case", "mixed-case")),
    ("S2", ("as:other-case", "as:missing")),
    ("S3", ("as:other-case", "as:missing", "mixed-case")),
    ("S2", ("as:missing",)),
    ("S2", ("as:extra",)),
    ("S1", ("as:order",)),
    ("S3", ("as:other-case", "mixed-case", "as:floats", "as:order")),
]
BY_KIND = [
    ("T4", ("kind:null",)),
    ("T4", ("kind:null", "kind:nan")),
    ("T14", ("kind:zero",)),
    ("T15", ("kind:empty",)),
    ("T2", ("kind:big", "kind:end")),
    ("T6", ("kind:ulp", "kind:boundary")),
    ("T12", ("kind:inner-null", "kind:short")),
    ("T10", ("kind:dst", "kind:hour")),
    ("T9", ("kind:digits", "kind:date")),
]
COPIES_CASES = [
    ("B8", [alone_and_twice("kind:fixture")]),
    ("B6", [alone_and_twice("position")]),
    ("B7", [alone_and_twice("position", "as:index")]),
    ("T5", [alone_and_twice("nan-for-null", "kind:null")]),
    ("E4", [alone_and_twice("evaluation", "position")]),
]
WHOLE_CASES = [
    ("B1", [saw("together", inputs=())]),
    ("B1", [saw("crowd", inputs=())]),
    ("B1", [saw("crowd", "type:DOUBLE")]),
    ("B3", [saw("crowd", "type:STRING", "grows")]),
    ("B6", [saw("shuffle", inputs=())]),
    ("B1", [saw("shuffle", inputs=()), saw("split", inputs=())]),
    ("E4", [saw("together", "evaluation", inputs=())]),
]
SHAPE_CASES = [
    ("B8", [saw("alone", output="", inputs=())]),
    ("B8", [saw("alone", "type", "all-rows", output="", inputs=())]),
    ("T16", [saw("alone", "type", output="")]),
    ("R1", [saw("contract", "row-count", output="")]),
    ("T16", [saw("contract", "type", output="")]),
    ("B12", [saw("empty", output="", inputs=())]),
]
PATHS_CASES = [
    ("E5", [on_both_paths()]),
    ("E5", [on_both_paths("kind:fixture", "kind:null")]),
    ("R4", [saw("lost", output="", inputs=())]),
    ("S2", [saw("names", output="")]),
    ("E5", [saw("frames", "offline", output="")]),
    ("E5", [saw("stored", "online", inputs=())]),
    ("E5", [saw("forms", output="", inputs=())]),
    ("P4", [saw("concurrent", inputs=())]),
    ("P4", [saw("thread-safe", inputs=())]),
    ("B11", [saw("concurrent", "row-count", output="", inputs=())]),
]
ONE_CAUSE = [
    *STATE_CASES,
    *SURROUNDINGS_CASES,
    *NEIGHBOUR_CASES,
    *NULL_CASES,
    *COPIES_CASES,
    *[(code, [alone_and_twice(*tags)]) for code, tags in (*EXPLAINED, *BY_KIND)],
    *[(code, [on_both_paths(*tags)]) for code, tags in (*EXPLAINED, *BY_KIND)],
    *WHOLE_CASES,
    *SHAPE_CASES,
    *PATHS_CASES,
]


def _named(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    return "; ".join(f"{observation.check} {' '.join(sorted(observation.tags))}".strip() for observation in value)


@pytest.mark.parametrize(("code", "observations"), ONE_CAUSE, ids=_named)
def test_a_set_of_symptoms_is_one_cause(code: str, observations: list[Observation]) -> None:
    found = codes(*observations)
    assert found == ([code, "B12"] if observations[-1].check == "empty" and code != "B12" else [code])


@pytest.mark.parametrize("check", ["seeded", "frozen-clock", "same-history", "training-mode", "training-switch"])
def test_what_only_says_why_is_no_cause_by_itself(check: str) -> None:
    assert codes(saw(check, output="")) == []


@pytest.mark.parametrize("kind", sorted(SKIPPED))
def test_rows_that_are_exchanged_were_skipped_where_their_values_could_be_taken_for_missing(kind: str) -> None:
    assert codes(saw("neighbour", "swapped", "plain", "type:DOUBLE", f"kind:{kind}")) == ["R2"]
    assert codes(saw("neighbour", "swapped", "plain", "type:DOUBLE", f"kind:{kind}", "kind:other")) == ["R3"]


# ---- several


@pytest.mark.parametrize("check", sorted(WHOLE))
def test_a_column_whose_neighbours_were_seen_is_not_explained_by_whole_batches_again(check: str) -> None:
    assert codes(CODES, saw(check, inputs=())) == ["B3"]


def test_copies_add_a_cause_only_in_columns_that_no_neighbour_drives() -> None:
    assert codes(beside(), alone_and_twice("kind:zero", "as:single")) == ["B1"]
    assert codes(beside(), saw("copies", "kind:zero", "as:single", inputs=("b",))) == ["B1", "T6"]
    assert codes(beside(), saw("copies", "kind:fixture", inputs=())) == ["B1"]


def test_lists_of_other_lengths_that_are_refused_together_come_last() -> None:
    ragged = saw("neighbour", "plain", "raised", "type:ARRAY", "kind:short", output="")
    assert codes(ragged, saw("empty", output=""))[0] == "B12"
    assert codes(replace(ragged, output="p"), saw("empty", output=""))[0] != "B12"


def test_a_neighbour_that_differs_in_every_column_counts_only_where_no_single_column_does() -> None:
    whole_row = saw("neighbour", "plain", "type:ROW", "kind:fixture", inputs=("",))
    assert codes(whole_row) == ["B1"]
    assert codes(whole_row, CODES) == ["B3"]


def test_two_columns_with_two_causes_have_both() -> None:
    found = diagnose([beside(), replace(CODES, output="q")])
    assert [(each.code, each.outputs) for each in found] == [("B1", ("p",)), ("B3", ("q",))]


def test_one_column_driven_by_two_has_both_causes() -> None:
    found = diagnose([beside(), replace(CODES, inputs=("s",))])
    assert [(each.code, each.inputs) for each in found] == [("B1", ("a",)), ("B3", ("s",))]


def test_one_cause_in_several_columns_is_named_once() -> None:
    (found,) = diagnose(
        [beside(), saw("neighbour", "plain", "type:DOUBLE", "kind:other", output="q", inputs=("b",), rows=7)]
    )
    assert (found.code, found.outputs, found.inputs, found.rows) == ("B1", ("p", "q"), ("a", "b"), 7)


def test_a_diagnosis_knows_every_check_that_showed_it_once() -> None:
    (found,) = diagnose([saw("first-batch"), saw("same-size"), saw("same-size", output="q")])
    assert found.checks == ("first-batch", "same-size")
    assert len(found.observations) == 3


def test_the_paths_say_nothing_about_a_column_that_the_laboratory_explained() -> None:
    assert codes(beside(), on_both_paths("as:single")) == ["B1"]
    assert codes(beside(), saw("paths", "as:single", output="q")) == ["B1", "T6"]


def test_what_was_lost_on_a_path_is_told_whatever_else_there_is() -> None:
    assert codes(beside(), saw("stored", "offline", inputs=()), saw("lost", output="")) == ["B1", "E5", "R4"]


@pytest.mark.parametrize("unsteady", ["repeat", "fresh", "first-batch"])
@pytest.mark.parametrize("check", ["hash-seed", "time-zone", "threads", "locale", "working-directory", "variable:X"])
def test_where_a_fresh_process_alone_answers_otherwise_nothing_is_put_down_to_its_surroundings(
    unsteady: str, check: str
) -> None:
    assert codes(saw(unsteady), saw(check)) == codes(saw(unsteady))


@pytest.mark.parametrize(("check", "code"), [("versions", "E1"), ("packages", "E1"), ("metadata", "S4")])
def test_what_is_read_off_and_not_asked_counts_for_an_unsteady_model_too(check: str, code: str) -> None:
    assert codes(saw("repeat"), saw(check, output="")) == ["D1", code]


def test_state_surroundings_batches_paths_and_threads_stand_in_this_order() -> None:
    found = codes(
        saw("concurrent"), saw("frames", output=""), saw("empty", output=""), beside(), saw("locale"), saw("mutation", output="")
    )  # fmt: skip
    assert found == ["P3", "E3", "B1", "B12", "E5", "P4"]


# ---- every one


def test_every_code_that_is_written_in_the_rules_is_a_cause() -> None:
    source = Path(rules.__file__).read_text(encoding="utf-8")
    written = set(re.findall(r'"([BRTSDPE]\d+)"', source))
    assert len(written) > 40
    assert written <= CAUSES.keys()


def test_every_cause_that_can_be_tested_here_is_named_by_some_rule_and_has_a_case() -> None:
    elsewhere = {"B10", "D5"}  # by the gauge; by nothing that one machine can show
    assert {code for code, _ in ONE_CAUSE} == CAUSES.keys() - elsewhere


TRAITS = sorted(
    {trait for _, observations in ONE_CAUSE for observation in observations for trait in observation.tags}
    | {f"kind:{kind}" for kind in SKIPPED}
)
CHECKS = sorted({*CATALOGUE, *NEIGHBOURS, *WHOLE, *STATE, "variable:MODE"})
any_symptom = st.builds(
    lambda check, tags, output, inputs: saw(check, *tags, output=output, inputs=inputs),
    st.sampled_from(CHECKS),
    st.sets(st.sampled_from(TRAITS), max_size=5),
    st.sampled_from(["", "p", "q"]),
    st.sampled_from([(), ("",), ("a",), ("a", "b")]),
)


@given(st.lists(any_symptom, max_size=6))
def test_whatever_was_seen_each_named_cause_is_known_named_once_and_shown_by_what_was_seen(
    observations: list[Observation],
) -> None:
    found = diagnose(observations)
    assert {each.code for each in found} <= CAUSES.keys()
    assert len({each.code for each in found}) == len(found)
    assert all(observation in observations for each in found for observation in each.observations)


@given(st.lists(any_symptom, max_size=6), st.randoms(use_true_random=False))
def test_the_order_in_which_checks_were_made_names_no_other_causes(
    observations: list[Observation], random: Random
) -> None:
    shuffled = random.sample(observations, len(observations))
    assert set(codes(*shuffled)) == set(codes(*observations))
