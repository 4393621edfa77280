"""Hypotheses weighed on an observation: what rules them out, how certain they are, which one is the close second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.diagnosis.hypotheses import (
    NOTHING_BETTER,
    Hypothesis,
    all_of,
    any_of,
    by_check,
    calls,
    calls_none,
    close_second,
    driven_by,
    explained_by,
    shown_by_kinds,
    shown_only_by,
    shown_without,
    tagged,
    untagged,
    weigh,
)
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import DriverType, Explanation, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import InputRow
from pyml_sandbox.parity.verdict import Candidate, Certainty

ROW = Condition((InputRow({"a": 1.0}, 0),))
RANKED = tagged(Tag.AS_RANK)
ORDERED = tagged(Tag.ORDER)


def saw(*tags: Tag) -> Observation:
    return Observation(Check.NEIGHBOUR, "p", (Example("p", ROW, ROW),), tags=frozenset(tags))


def weighed(*hypotheses: Hypothesis, seen: Observation) -> list[Candidate]:
    return list(weigh(hypotheses, seen))


def test_every_sign_that_is_needed_has_to_be_seen() -> None:
    both = Hypothesis("B1", needs=(RANKED, ORDERED))
    assert weighed(both, seen=saw(Tag.AS_RANK)) == []
    assert [each.code for each in weighed(both, seen=saw(Tag.AS_RANK, Tag.ORDER))] == ["B1"]


def test_one_sign_against_it_is_enough_to_rule_a_hypothesis_out() -> None:
    assert weighed(Hypothesis("B1", rules_out=(RANKED, ORDERED)), seen=saw(Tag.ORDER)) == []


def test_a_doubt_is_told_and_makes_the_cause_less_certain() -> None:
    (sure,) = weighed(Hypothesis("B1", needs=(RANKED,), doubts=(ORDERED,)), seen=saw(Tag.AS_RANK))
    (unsure,) = weighed(Hypothesis("B1", needs=(RANKED,), doubts=(ORDERED,)), seen=saw(Tag.AS_RANK, Tag.ORDER))
    assert (sure.certainty, sure.speaks_against) == (Certainty.LIKELY, ())
    assert (unsure.certainty, unsure.speaks_against) == (Certainty.POSSIBLE, (Tag.ORDER.says,))


def test_a_hypothesis_without_a_sign_is_possible_and_says_that_nothing_is_better() -> None:
    assert weighed(Hypothesis("B1"), seen=saw()) == [
        Candidate("B1", CAUSES["B1"].name, Certainty.POSSIBLE, (NOTHING_BETTER,))
    ]


def test_the_best_ground_comes_first_and_says_how_certain_the_cause_is() -> None:
    switched = tagged(Tag.EVALUATION, certainty=Certainty.SHOWN)
    (found,) = weighed(Hypothesis("E4", needs=(RANKED, switched)), seen=saw(Tag.AS_RANK, Tag.EVALUATION))
    assert (found.certainty, found.speaks_for) == (Certainty.SHOWN, (Tag.EVALUATION.says, Tag.AS_RANK.says))


@pytest.mark.parametrize(("second", "is_close"), [(ORDERED, True), (calls({"rank"}), False)])
def test_a_second_candidate_is_close_where_it_is_as_certain(second: object, is_close: bool) -> None:
    seen = Observation(
        Check.NEIGHBOUR,
        "p",
        (Example("p", ROW, ROW),),
        tags=frozenset({Tag.AS_RANK, Tag.ORDER}),
        called=frozenset({"rank"}),
    )
    found = weighed(Hypothesis("B5", needs=(RANKED,)), Hypothesis("B6", needs=(second,)), seen=seen)  # type: ignore[arg-type]
    assert bool(close_second(found)) is is_close


def test_the_same_cause_for_a_different_reason_is_no_second_candidate() -> None:
    seen = saw(Tag.AS_RANK, Tag.ORDER)
    assert (
        close_second(weighed(Hypothesis("B5", needs=(RANKED,)), Hypothesis("B5", needs=(ORDERED,)), seen=seen)) is None
    )


def test_a_check_that_alone_shows_a_cause_is_named_with_what_it_compares() -> None:
    found = by_check("E3", Check.VARIABLE, name="variable:MODE")
    assert found.certainty is Certainty.SHOWN
    assert found.speaks_for == (
        "the check variable:MODE saw a difference: a new process in which MODE, which the model reads, is different or unset",
    )


SIGNS = {
    "tag": (tagged(Tag.ORDER), saw(Tag.ORDER)),
    "no tag": (untagged(Tag.COUNTS, "they do not count"), saw()),
    "kinds alone": (shown_only_by({Kind.NULL, Kind.NAN}), Observation(Check.COPIES, "p", (), kinds=frozenset({Kind.NULL}))),
    "kinds": (shown_by_kinds(Kind.ZERO), Observation(Check.COPIES, "p", (), kinds=frozenset({Kind.ZERO, Kind.OTHER}))),
    "no kinds": (shown_without(Kind.ZERO), Observation(Check.COPIES, "p", (), kinds=frozenset({Kind.OTHER}))),
    "a function": (calls({"rank"}), Observation(Check.COPIES, "p", (), called=frozenset({"rank", "len"}))),
    "no function": (calls_none({"rank"}, "it does not rank"), saw()),
    "a type": (driven_by(DriverType.INT), Observation(Check.COPIES, "p", (), driver_type=DriverType.INT)),
    "a change": (
        explained_by(Explanation.SINGLE),
        Observation(Check.COPIES, "p", (), explanations=frozenset({Explanation.SINGLE})),
    ),
}  # fmt: skip
OPPOSITES = Observation(
    Check.COPIES,
    "p",
    (),
    tags=frozenset({Tag.COUNTS}),
    kinds=frozenset({Kind.ZERO, Kind.TENTH}),
    called=frozenset({"rank"}),
)


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_is_told_in_words_where_it_is_seen_and_nothing_is_told_where_it_is_not(name: str) -> None:
    sign, seen = SIGNS[name]
    assert [ground.says for ground in sign(seen)] != []
    unseen = OPPOSITES if name.startswith(("no", "kinds alone")) else Observation(Check.COPIES, "p", ())
    assert list(sign(unseen)) == []


@given(st.lists(st.sampled_from(sorted(SIGNS)), min_size=1, max_size=4), st.sampled_from(sorted(SIGNS)))
def test_all_signs_are_told_together_or_not_at_all_and_any_of_them_each_by_itself(names: list[str], of: str) -> None:
    signs, seen = [SIGNS[name][0] for name in names], SIGNS[of][1]
    each = [list(sign(seen)) for sign in signs]
    assert list(any_of(*signs)(seen)) == [ground for grounds in each for ground in grounds]
    assert list(all_of(*signs)(seen)) == ([ground for grounds in each for ground in grounds] if all(each) else [])


@given(st.sets(st.sampled_from(sorted(Tag))), st.permutations(["B1", "B3", "B5", "B6"]))
def test_the_order_of_the_hypotheses_is_that_of_the_candidates(tags: set[Tag], codes: list[str]) -> None:
    hypotheses = [
        Hypothesis(code, needs=(tagged(tag),), rules_out=(tagged(Tag.RAISED),))
        for code, tag in zip(codes, sorted(Tag), strict=False)
    ]
    found = weighed(*hypotheses, seen=saw(*tags))
    assert [each.code for each in found] == [code for code in codes if code in {each.code for each in found}]
    assert all(each.certainty is Certainty.LIKELY for each in found)


@pytest.mark.parametrize("feature", [*Tag, *Explanation])
def test_every_feature_has_words_for_a_report(feature: Tag | Explanation) -> None:
    assert feature.says[0].islower() or feature.says.startswith(("NaN", "NumPy", "0"))
    assert not feature.says.endswith(".")
