"""From comparisons to a verdict: the order of the questions, and what each difference is said to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyml.error_code import ErrorCode
from pyml_sandbox.compare import Comparison, KeyComparison, KeyList, SchemaComparison, TypeDifference
from pyml_sandbox.parity.diagnosis.notebook_findings import EXPECTED_OFFLINE, EXPECTED_ONLINE
from pyml_sandbox.parity.failures import merged
from pyml_sandbox.parity.noise.ties import Ties
from pyml_sandbox.parity.verdict import NOTEBOOK, Finding, PathFailure, Severity, Verdict
from pyml_sandbox.parity.verdict_rules import ALONE, BATCHES, REPEAT, ROWS, decide
from support.comparisons import column, comparison

ONE = KeyList(1, 2, (("17",),))
FOUR = KeyList(4, 4, (("1",), ("2",), ("3",), ("4",)))


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict.PASS, 0), (Verdict.FAIL, 1), (Verdict.CANNOT_CERTIFY, 4)], ids=lambda it: str(it)
)
def test_each_verdict_has_its_exit_code(verdict: Verdict, code: int) -> None:
    assert verdict.exit_code == code


def test_agreement_on_every_way_of_asking_passes_at_the_first_level() -> None:
    agreeing = [comparison(name, column(), column("q")) for name in (BATCHES, ROWS, ALONE, REPEAT)]
    found = decide(agreeing)
    assert (found.verdict, found.level, found.reason, found.findings) == (Verdict.PASS, "P1", "", ())


@pytest.mark.parametrize(
    ("comparisons", "inconclusive", "reason"),
    [
        ([], (), "nothing was compared"),
        ([comparison(BATCHES, rows=0)], (), "there are no rows to compare"),
        ([comparison(BATCHES, column()), comparison(ROWS, rows=0)], (), "no row was sent one by one"),
        ([comparison(BATCHES, column())], ("the key repeats",), "the key repeats"),
        (
            [comparison(BATCHES, column(), keys=KeyComparison(repeated_left=ONE, repeated_right=ONE, repeated_both=1))],
            (),
            "1 key occurs more than once",
        ),
        (
            [comparison(BATCHES, column(), keys=KeyComparison(null_left=3, null_right=3))],
            (),
            "the key `id` is null in 3 rows",
        ),
        ([comparison(REPEAT, column(differing=3)), comparison(BATCHES, column())], (), "3 of 1,000 rows of `p` differ"),
    ],
)
def test_rows_that_decide_nothing_give_no_verdict_but_a_reason(
    comparisons: list[Comparison], inconclusive: tuple[str, ...], reason: str
) -> None:
    found = decide(comparisons, inconclusive)
    assert (found.verdict, found.level) == (Verdict.CANNOT_CERTIFY, None)
    assert reason in found.reason


def test_a_model_that_differs_from_itself_is_said_nothing_else_about() -> None:
    found = decide([comparison(BATCHES, column(differing=900)), comparison(REPEAT, column(differing=900))])
    assert found.verdict is Verdict.CANNOT_CERTIFY
    assert "not deterministic" in found.reason
    assert not found.findings


@pytest.mark.parametrize(
    ("keys", "sentence", "rows"),
    [
        (KeyComparison(missing=ONE), "1 key was predicted offline and not online in batches: 17", 2),
        (KeyComparison(missing=FOUR), "4 keys were predicted offline and not online in batches, such as 1, 2, 3", 4),
        (KeyComparison(extra=ONE), "1 key was predicted online in batches and not offline: 17", 2),
        (KeyComparison(repeated_left=ONE), "1 key was repeated offline: 17", 2),
        (KeyComparison(repeated_right=FOUR), "4 keys were repeated online in batches, such as 1, 2, 3", 4),
        (KeyComparison(null_right=1), "the key of 1 row was lost online in batches: it is null there", 1),
    ],
)
def test_rows_that_one_path_lost_or_made_are_findings(keys: KeyComparison, sentence: str, rows: int) -> None:
    found = decide([comparison(BATCHES, column(), keys=keys)])
    assert found.verdict is Verdict.FAIL
    assert [(finding.sentence, finding.rows, finding.code) for finding in found.findings] == [(sentence, rows, "R4")]


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        (SchemaComparison(missing=("q",)), "column `q` exists offline but not online in batches"),
        (SchemaComparison(extra=("q",)), "column `q` exists online in batches but not offline"),
        (
            SchemaComparison(types=(TypeDifference("p", "DOUBLE", "FLOAT"),)),
            "`p` is DOUBLE offline and FLOAT online in batches; the values are the same",
        ),
    ],
)
def test_columns_that_are_not_of_one_kind_are_findings_once(schema: SchemaComparison, sentence: str) -> None:
    found = decide([comparison(BATCHES, column(), schema=schema), comparison(ROWS, column(), schema=schema)])
    assert found.verdict is Verdict.FAIL
    assert [finding.sentence for finding in found.findings] == [sentence]


def test_columns_in_another_order_pass() -> None:
    assert decide([comparison(BATCHES, column(), schema=SchemaComparison(order_differs=True))]).verdict is Verdict.PASS


DEPENDS = "the output of a row depends on the other rows of its batch"


@pytest.mark.parametrize(
    ("batches", "rows", "alone", "sentence"),
    [
        (0, 40, None, f"40 of 200 rows of `p` differ between offline and online one by one, none when sent in batches: {DEPENDS}"),
        (1, 1, None, "1 of 1,000 rows of `p` differs between offline and online in batches, and 1 of 200 rows sent one by one"),
        (500, 0, None, f"500 of 1,000 rows of `p` differ between offline and online in batches, none of 200 sent one by one: {DEPENDS}"),
        (3, 0, None, "3 of 1,000 rows of `p` differ between offline and online in batches, none of the 200 sent one by one"),
        (900, 190, 200, f"900 of 1,000 rows of `p` differ between offline and online in batches; online 200 of 200 rows differ between a batch and a request of one row, so {DEPENDS}"),
        (900, 190, 0, "900 of 1,000 rows of `p` differ between offline and online in batches, and 190 of 200 rows sent one by one; online a row has the same value alone and in a batch, so the batch is not the reason"),
        (900, None, None, "900 of 1,000 rows of `p` differ between offline and online in batches"),
    ],
)  # fmt: skip
def test_what_differs_on_which_way_of_asking_says_whether_the_batch_matters(
    batches: int, rows: int | None, alone: int | None, sentence: str
) -> None:
    comparisons = [comparison(BATCHES, column(differing=batches))]
    if rows is not None:
        comparisons.append(comparison(ROWS, column(rows=200, differing=rows), rows=200))
    if alone is not None:
        comparisons.append(comparison(ALONE, column(rows=200, differing=alone), rows=200))
    found = decide(comparisons)
    assert found.verdict is Verdict.FAIL
    assert [(finding.code, finding.sentence) for finding in found.findings] == [(None, sentence)]


@pytest.mark.parametrize(
    ("mismatch", "words"),
    [("null_mismatches", "is null"), ("nan_mismatches", "is NaN"), ("infinity_mismatches", "is infinite")],
)
def test_mismatches_of_one_kind_are_said_so(mismatch: str, words: str) -> None:
    (finding,) = decide([comparison(BATCHES, column(differing=7, mismatches={mismatch: 7}))]).findings
    assert finding.sentence.endswith(f". In each of them one side {words}")
    (finding,) = decide([comparison(BATCHES, column(differing=7, mismatches={mismatch: 6}))]).findings
    assert words not in finding.sentence


def test_each_differing_column_is_a_finding_after_those_about_rows() -> None:
    found = decide(
        [comparison(BATCHES, column("p", differing=1), column("q"), column("r", differing=2), keys=KeyComparison(missing=ONE))]
    )  # fmt: skip
    assert [finding.columns for finding in found.findings] == [(), ("p",), ("r",)]
    assert [finding.rows for finding in found.findings] == [2, 1, 2]


def test_findings_stand_beside_a_doubt() -> None:
    found = decide([comparison(BATCHES, column(differing=5))], ["the key repeats"])
    assert found.verdict is Verdict.CANNOT_CERTIFY
    assert len(found.findings) == 1


def found_by(code: str, level: str, weight: Severity = Severity.FAILS, columns: tuple[str, ...] = ("p",)) -> Finding:
    return Finding(f"{code} was found", code, level=level, weight=weight, columns=columns)


@pytest.mark.parametrize(
    ("findings", "verdict", "level"),
    [
        ([], Verdict.PASS, "P5"),
        ([found_by("B1", "P2")], Verdict.FAIL, "P1"),
        ([found_by("D3", "P3")], Verdict.FAIL, "P2"),
        ([found_by("E5", "P1")], Verdict.FAIL, None),
        ([found_by("B12", "P4", Severity.ABOVE)], Verdict.PASS, "P3"),
        ([found_by("B12", "P4")], Verdict.FAIL, "P3"),
        ([found_by("B10", "P2", Severity.WARNS)], Verdict.PASS, "P5"),
    ],
)
def test_the_level_earned_is_the_highest_below_every_finding(
    findings: list[Finding], verdict: Verdict, level: str | None
) -> None:
    found = decide([comparison(BATCHES, column())], (), findings, checked="P5")
    assert (found.verdict, found.level) == (verdict, level)


def test_a_model_that_draws_at_random_cannot_be_certified_and_its_cause_is_named() -> None:
    found = decide([comparison(BATCHES, column(differing=5))], (), [found_by("D1", "P1")], checked="P5")
    assert found.verdict is Verdict.CANNOT_CERTIFY
    assert found.reason == "the model is not deterministic: D1 was found"
    assert [finding.code for finding in found.findings] == ["D1"]


def test_what_a_cause_explains_is_not_said_twice_and_names_its_comparison() -> None:
    differing = comparison(BATCHES, column("p", differing=5), column("q", differing=2))
    found = decide([differing], (), [found_by("B1", "P2")], checked="P5")
    assert [(finding.code, finding.columns, finding.comparison) for finding in found.findings] == [
        ("B1", ("p",), BATCHES),
        (None, ("q",), BATCHES),
    ]


# ---- the noise of the model itself


def test_what_the_size_of_the_batch_alone_changes_is_judged_at_the_second_level() -> None:
    differing = [comparison(BATCHES, column(differing=200), column("q", differing=3))]
    found = decide(differing, size_dependent={"p"})
    assert {finding.columns: finding.level for finding in found.findings} == {("p",): "P2", ("q",): "P1"}
    assert found.verdict is Verdict.FAIL


def test_a_label_all_of_whose_differing_rows_are_ties_is_warned_of() -> None:
    ties = Ties("label", (3, 8), (3, 8), ("p",))
    shown = [comparison(name, column("label", differing=2)) for name in (BATCHES, ROWS)]
    found = decide(shown, ties={BATCHES: {"label": ties}, ROWS: {"label": ties}})
    assert found.verdict is Verdict.PASS
    assert [(each.code, each.weight, each.comparison) for each in found.findings] == [("B10", Severity.WARNS, BATCHES)]


@pytest.mark.parametrize(
    "ties",
    [
        {BATCHES: {"label": Ties("label", (3, 8), (3,))}, ROWS: {"label": Ties("label", (3, 8), (3, 8))}},
        {BATCHES: {"label": Ties("label", (3, 8), (3, 8))}},
        {},
    ],
    ids=["a row that is none", "one comparison alone", "no scores"],
)
def test_a_label_that_differs_in_any_row_that_is_no_tie_fails(ties: dict[str, dict[str, Ties]]) -> None:
    shown = [comparison(name, column("label", differing=2)) for name in (BATCHES, ROWS)]
    assert decide(shown, ties=ties).verdict is Verdict.FAIL


# ---- the level is what the real paths showed


@pytest.mark.parametrize("name", [BATCHES, ROWS])
def test_a_cause_of_what_the_real_paths_show_breaks_the_level_that_they_break(name: str) -> None:
    """Its check alone would break P2: asked for P1 alone the same rows give no level, either."""
    compared = {BATCHES: comparison(BATCHES, column()), ROWS: comparison(ROWS, column())}
    compared[name] = comparison(name, column(differing=900))
    found = decide(list(compared.values()), (), [found_by("B3", "P2")], checked="P5")
    assert (found.verdict, found.level) == (Verdict.FAIL, None)
    (finding,) = found.findings
    assert (finding.code, finding.level, finding.comparison) == ("B3", "P1", name)
    assert "paths" in finding.checks


def test_a_cause_that_only_its_check_shows_keeps_its_own_level() -> None:
    found = decide([comparison(BATCHES, column(), column("q"))], (), [found_by("B3", "P2")], checked="P5")
    assert (found.level, found.findings[0].level, found.findings[0].checks) == ("P1", "P2", ())


def test_what_the_comparisons_show_names_its_check() -> None:
    parts = [
        comparison(BATCHES, column(differing=5), keys=KeyComparison(missing=KeyList(1, 1, (("1",),))), schema=SchemaComparison(missing=("q",))),
    ]  # fmt: skip
    assert {(finding.check, finding.checks) for finding in decide(parts).findings} == {("paths", ("paths",))}


# ---- paths that failed

BOOM = "predict raised ValueError: one\n\n  three (model.py:13 in predict)"
ONLINE = ("online in batches", "online one by one", "online, the sample at once")


def failures_of(
    *paths: str, message: str = BOOM, code: ErrorCode = ErrorCode.PREDICT_RAISED
) -> tuple[PathFailure, ...]:
    return merged([PathFailure((path,), message, BATCHES, code) for path in paths])


def test_a_model_that_fails_on_both_paths_earns_no_level_and_is_told_once_with_the_whole_exception() -> None:
    found = decide([], failures=failures_of("offline", *ONLINE), checked="P5")
    assert (found.verdict, found.level) == (Verdict.FAIL, None)
    (finding,) = found.findings
    assert finding.sentence == (
        "Both paths failed with the same exception (offline, online in batches, online one by one, online, the sample "
        f"at once), so no row was compared: {BOOM}"
    )
    assert (finding.code, finding.level, finding.checks) == (None, "P1", ("paths",))


def test_exceptions_that_are_not_the_same_are_told_apart() -> None:
    failures = merged([*failures_of("offline"), *failures_of(*ONLINE[:2], message="boom")])
    found = decide([], failures=failures)
    assert [finding.sentence for finding in found.findings] == [
        f"Offline failed: {BOOM}",
        "Online in batches, online one by one failed: boom",
    ]


def test_a_failure_that_a_finding_explains_takes_every_level_from_it() -> None:
    refusing = replace(found_by("B8", "P2", Severity.ABOVE, columns=()), check="alone", checks=("alone",))
    found = decide([comparison(BATCHES, column())], (), [refusing], failures=failures_of(ONLINE[1]), checked="P5")
    assert (found.verdict, found.level) == (Verdict.FAIL, None)
    (finding,) = found.findings
    assert (finding.code, finding.level, finding.weight, finding.checks) == (
        "B8",
        "P1",
        Severity.FAILS,
        ("alone", "paths"),
    )


def test_no_level_is_earned_where_one_path_gave_no_rows_to_compare() -> None:
    found = decide([comparison(ROWS, column())], (), [found_by("E1", "P3", columns=())], checked="P5")
    assert (found.verdict, found.level) == (Verdict.FAIL, None)


@pytest.mark.parametrize(
    ("code", "message", "setting"),
    [
        (ErrorCode.REQUEST_TOO_LARGE, "the request has 95.4 MiB, this model accepts up to 64 MiB", "max_request_mb"),
        (ErrorCode.QUEUE_FULL, "the queue of model m is full: 64 requests wait for predict", "max_queue"),
        (ErrorCode.DEADLINE, "no answer within the deadline", "batch_rows"),
    ],
)
def test_requests_of_the_check_that_meet_a_limit_show_no_disparity(code: ErrorCode, message: str, setting: str) -> None:
    failures = failures_of(ONLINE[0], message=message, code=code)
    found = decide([comparison(ROWS, column())], failures=failures, checked="P5")
    assert (found.verdict, found.level) == (Verdict.CANNOT_CERTIFY, None)
    assert message in found.reason
    assert setting in found.reason
    assert [(finding.code, finding.weight) for finding in found.findings] == [(None, Severity.WARNS)]


# ---- checks that could not be made

GAP = "check `clock` was not finished: the model gave no answer within 120 s"


def test_checks_that_could_not_be_made_keep_a_model_from_passing_and_are_no_finding() -> None:
    found = decide([comparison(BATCHES, column())], gaps=[GAP])
    assert (found.verdict, found.reason, found.level, found.findings) == (Verdict.CANNOT_CERTIFY, GAP, None, ())


@pytest.mark.parametrize(
    ("compared", "findings", "failures"),
    [
        ([comparison(BATCHES, column(differing=5))], [], ()),
        ([comparison(BATCHES, column())], [found_by("B1", "P2")], ()),
        ([], [], failures_of("offline")),
    ],
)
def test_a_failure_stays_a_failure_whatever_could_not_be_asked_beside_it(
    compared: list[Comparison], findings: list[Finding], failures: tuple[PathFailure, ...]
) -> None:
    found = decide(compared, (), findings, failures=failures, gaps=[GAP])
    assert (found.verdict, found.reason) == (Verdict.FAIL, GAP)


class TestTheNotebook:
    """A level of its own: what differs from the notebook fails, and the level that is earned stays."""

    AGREEING = (comparison(BATCHES, column()), comparison(ROWS, column()))

    def test_agreement_with_it_passes(self) -> None:
        found = decide([*self.AGREEING, comparison(EXPECTED_OFFLINE, column()), comparison(EXPECTED_ONLINE, column())])
        assert (found.verdict, found.level, found.findings) == (Verdict.PASS, "P1", ())

    @pytest.mark.parametrize(("checked", "level", "code"), [("P1", "P1", None), ("P5", "P5", "N1")])
    def test_paths_that_agree_and_differ_from_it_fail_with_the_earned_level(
        self, checked: str, level: str, code: str | None
    ) -> None:
        beside = [comparison(name, column(differing=12)) for name in (EXPECTED_OFFLINE, EXPECTED_ONLINE)]
        found = decide([*self.AGREEING, *beside], checked=checked)
        assert (found.verdict, found.level) == (Verdict.FAIL, level)
        (finding,) = found.findings
        assert finding.sentence.startswith(
            "Both paths agree with each other and differ from the notebook: `p` in 12 of 1,000 rows"
        )
        assert (finding.code, finding.level, finding.weight) == (code, NOTEBOOK, Severity.FAILS)
        assert (finding.check, finding.rows, finding.comparison) == ("expected", 12, EXPECTED_OFFLINE)

    def test_one_path_alone_may_differ_from_it(self) -> None:
        found = decide(
            [
                comparison(BATCHES, column(differing=12)),
                comparison(EXPECTED_OFFLINE, column()),
                comparison(EXPECTED_ONLINE, column(differing=12)),
            ]
        )
        assert (found.verdict, found.level, [each.level for each in found.findings]) == (
            Verdict.FAIL, None, ["P1", NOTEBOOK],
        )  # fmt: skip
        assert "between the notebook and online in batches; offline agrees with it" in found.findings[1].sentence

    def test_paths_that_differ_from_each_other_are_not_said_to_agree(self) -> None:
        beside = [comparison(name, column(differing=9)) for name in (EXPECTED_OFFLINE, EXPECTED_ONLINE)]
        found = decide([comparison(BATCHES, column(differing=3)), *beside])
        assert found.findings[1].sentence == "Both paths differ from the notebook: `p` in 9 of 1,000 rows"

    def test_a_key_that_was_not_predicted_is_said_once(self) -> None:
        lost = KeyComparison(missing=FOUR)
        beside = [comparison(name, column(), keys=lost) for name in (EXPECTED_OFFLINE, EXPECTED_ONLINE)]
        found = decide([*self.AGREEING, *beside])
        assert [each.sentence for each in found.findings] == [
            "4 keys were predicted in the notebook and not offline, such as 1, 2, 3"
        ]
        assert (found.verdict, found.level) == (Verdict.FAIL, "P1")

    def test_an_output_that_cannot_be_compared_is_said(self) -> None:
        beside = [comparison(EXPECTED_OFFLINE, schema=SchemaComparison(extra=("p",)))]
        found = decide([*self.AGREEING, *beside], misfits={"p": "column `p` is missing"})
        assert [each.sentence for each in found.findings] == [
            "The notebook's `p` cannot be compared: column `p` is missing"
        ]

    def test_a_cause_covers_its_columns_where_they_differ(self) -> None:
        caused = Finding("raw", "T4", level=NOTEBOOK, check="expected", columns=("p", "same"), inputs=("s",), rows=3)
        beside = comparison(EXPECTED_OFFLINE, column(differing=12), column("q", differing=1), column("same"))
        found = decide([*self.AGREEING, beside], findings=[caused], checked="P5")
        first, second = found.findings
        assert (first.code, first.columns, first.inputs) == ("T4", ("p",), ("s",))
        assert "`p` in 12 of 1,000 rows" in first.sentence or "12 of 1,000 rows of `p`" in first.sentence
        assert first.sentence.endswith("Test for missing values only with isna(), never with `is None`, `==` or the truth value.")  # fmt: skip
        assert (second.code, second.columns) == ("N1", ("q",))
        assert found.level == "P5"

    def test_a_cause_of_columns_that_agree_is_left_out(self) -> None:
        caused = Finding("raw", "T4", level=NOTEBOOK, check="expected", columns=("p",))
        found = decide([*self.AGREEING, comparison(EXPECTED_OFFLINE, column())], findings=[caused], checked="P5")
        assert (found.verdict, found.findings) == (Verdict.PASS, ())

    def test_a_label_that_rounding_decides_is_a_warning(self) -> None:
        label = replace(column("label", differing=2), tolerance=None)
        ties = {EXPECTED_OFFLINE: {"label": Ties("label", (3, 5), (3, 5), ("p",))}}
        found = decide([*self.AGREEING, comparison(EXPECTED_OFFLINE, label)], ties=ties, checked="P5")
        assert (found.verdict, [(each.code, each.weight) for each in found.findings]) == (
            Verdict.PASS, [("B10", Severity.WARNS)],
        )  # fmt: skip
