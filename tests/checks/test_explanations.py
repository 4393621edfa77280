"""Explanations: the change to a row, or to its frame, that gives, under one condition, the output of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from pyml_sandbox.parity.checks.baseline import one_row
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.diagnosis.explanations import Explainer
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.features import Explanation, Tag
from pyml_sandbox.parity.observations.observation import Condition, Example, Observation
from pyml_sandbox.parity.rows.synthetic import InputRow
from support.harnesses import Source

P = "p DOUBLE NOT NULL"
T = datetime(2024, 1, 15, 2, 30, tzinfo=UTC)
IN_COMPANY = "len(frame) > 1"
"""When the faulty branch of each model is taken."""


def branched(ddl: str, value: object, faulty: str, predict: str, *, also: object = None) -> Source:
    """A model that changes `v`, its column, in company alone; then `predict` makes `p` of it."""
    text = f"v = frame.v\nif {IN_COMPANY}:\n    v = {faulty}\nreturn pd.DataFrame({{'p': {predict}}}, dtype='float64')"
    return Source(f"v {ddl}", P, text, {"v": [value, value if also is None else also]})


def twice(context: CheckContext, rows: Sequence[InputRow], inputs: tuple[str, ...] = ("v",)) -> Observation:
    """Each row alone against the same row beside a copy of itself."""
    cases = tuple(Example("p", one_row(row), Condition((row, row), 1)) for row in rows)
    return Observation(Check.COPIES, "p", cases, inputs)


def explained(context: CheckContext, observation: Observation) -> frozenset[Explanation]:
    """The explanations of an observation by itself."""
    return Explainer(context).explain(observation).explanations


CHANGES = [
    (Explanation.SINGLE, "DOUBLE", 0.1, "v.astype('float32').astype('float64')", "v * 3"),
    (Explanation.WRITTEN, "DOUBLE", 0.123456789, "v.map(lambda x: float(f'{x:.6g}'))", "v * 3"),
    (Explanation.NULL_ZERO, "DOUBLE", None, "v.fillna(0.0)", "v.fillna(7.0)"),
    (Explanation.NULL_NAN, "DOUBLE", None, "v.astype('float64')", "[1.0 if x is pd.NA else 2.0 for x in v]"),
    (Explanation.NAN_ZERO, "DOUBLE", float("nan"), "v.map(lambda x: 0.0 if x != x else x)", "[5.0 if x != x else x for x in v]"),
    (Explanation.ZERO_NULL, "DOUBLE", 0.0, "v.replace(0.0, pd.NA)", "v.fillna(7.0)"),
    (Explanation.ZERO_NULL, "BIGINT", 0, "v.replace(0, pd.NA)", "v.fillna(7)"),
    (Explanation.NULL_ZERO, "BIGINT", None, "v.fillna(0)", "v.fillna(7)"),
    (Explanation.VIA_FLOAT64, "BIGINT", 2**53 + 1, "v.astype('float64').astype('int64')", "(v % 1000).astype('float64')"),
    (Explanation.FLOATS, "BIGINT", 3, "v.astype('float64')", "[float(len(str(x))) for x in v]"),
    (Explanation.OBJECTS, "BIGINT", 3, "v.astype(object)", "[float(v.dtype == object)] * len(v)"),
    (Explanation.EMPTY_NULL, "STRING", "", "[x or None for x in v]", "[float(x is None) for x in v]"),
    (Explanation.NULL_EMPTY, "STRING", None, "v.fillna('')", "[float(x is None) for x in v]"),
    (Explanation.NULL_TEXT, "STRING", None, "[str(x) for x in v]", "[float(len(x or '')) for x in v]"),
    (Explanation.GUESSED, "STRING", "007", "[str(int(x)) for x in v]", "[float(len(x)) for x in v]"),
    (Explanation.BYTES, "STRING", "abc", "[x.encode() for x in v]", "[float(x == 'abc') for x in v]"),
    (Explanation.CATEGORIES, "STRING", "abc", "v.astype('category')", "[float(isinstance(v.dtype, pd.CategoricalDtype))] * len(v)"),
    (Explanation.TEXT, "BINARY", b"abc", "[x.decode() for x in v]", "[float(x == b'abc') for x in v]"),
    (Explanation.NAN, "BOOLEAN", None, "v.astype('float64')", "[1.0 if x is pd.NA else 2.0 for x in v]"),
    (Explanation.ARRAYS, "ARRAY<DOUBLE>", [1.0, 2.0], "[np.array(x) for x in v]", "[float(isinstance(x, list)) for x in v]"),
    (Explanation.HOURS, "TIMESTAMP", T, "v - pd.Timedelta(hours=5)", "v.dt.hour"),
    (Explanation.NAIVE, "TIMESTAMP", T, "v.dt.tz_localize(None)", "[float(v.dt.tz is None)] * len(v)"),
    (Explanation.DECIMAL_FLOATS, "DECIMAL(10, 2)", Decimal("0.15"), "v.map(float)", "[float(round(x, 1)) for x in v]"),
    (Explanation.INNER_FLOATS, "STRUCT<n: INT>", {"n": 3}, "[{'n': float(x['n'])} for x in v]", "[float(len(str(x['n']))) for x in v]"),
    (Explanation.DOUBLE, "FLOAT", 0.5, "v.astype('float64')", "[float(v.dtype in ('float64', 'Float64'))] * len(v)"),
]  # fmt: skip


@pytest.mark.parametrize(("explanation", "ddl", "value", "faulty", "predict"), CHANGES)
def test_what_a_model_does_to_a_column_in_company_explains_the_difference(
    explanation: Explanation, ddl: str, value: object, faulty: str, predict: str, tmp_path: Path
) -> None:
    with branched(ddl, value, faulty, predict).context(tmp_path) as context:
        observation = twice(context, context.fixture)
        assert explanation in explained(context, observation)


@pytest.mark.parametrize(
    "explanation",
    [Explanation.ORDER, Explanation.MISSING, Explanation.OTHER_CASE, Explanation.EXTRA, Explanation.INDEX],
)
def test_what_a_model_does_to_names_and_places_explains_the_difference(
    explanation: Explanation, tmp_path: Path
) -> None:
    changes = {
        Explanation.ORDER: ("frame[['w', 'v']]", "2 * f.iloc[:, 0] + 3 * f.iloc[:, 1]"),
        Explanation.MISSING: ("frame[['w']]", "[1.0 if 'v' in f else 2.0] * len(f)"),
        Explanation.OTHER_CASE: ("frame.rename(columns=str.upper)", "[2.0 if 'V' in f else 1.0] * len(f)"),
        Explanation.EXTRA: ("frame.assign(extra=1.0)", "[float('extra' in f)] * len(f)"),
        Explanation.INDEX: ("frame.set_axis(range(1, len(frame) + 1))", "[float(n) for n in f.index]"),
    }
    faulty, predict = changes[explanation]
    text = (
        f"f = frame\nif {IN_COMPANY}:\n    f = {faulty}\nreturn pd.DataFrame({{'p': list({predict})}}, dtype='float64')"
    )
    source = Source("v DOUBLE NOT NULL, w DOUBLE NOT NULL", P, text, {"v": [1.5, 4.5], "w": [2.25, 0.75]})
    with source.context(tmp_path) as context:
        rows = context.fixture
        first = tuple(Example("p", one_row(row), Condition((row, row), 0)) for row in rows)
        assert explanation in explained(context, Observation(Check.COPIES, "p", first, ()))


def test_a_difference_that_no_change_brings_about_stays_unexplained(tmp_path: Path) -> None:
    source = branched("DOUBLE NOT NULL", 0.75, "v * 1.7 + 0.3", "v")
    with source.context(tmp_path) as context:
        assert explained(context, twice(context, context.fixture)) == frozenset()


def test_a_change_must_explain_every_case(tmp_path: Path) -> None:
    faulty = "v.map(lambda x: float(np.float32(x)) if x < 1 else x * 1.7)"
    with branched("DOUBLE NOT NULL", 0.1, faulty, "v", also=2.3).context(tmp_path) as context:
        small, large = context.fixture
        assert Explanation.SINGLE in explained(context, twice(context, [small]))
        assert Explanation.SINGLE not in explained(context, twice(context, [small, large]))


def test_a_change_that_changes_nothing_explains_nothing(tmp_path: Path) -> None:
    """0.5 is the same in float32; the model is wrong in another way."""
    with branched("DOUBLE NOT NULL", 0.5, "v + 1", "v").context(tmp_path) as context:
        assert Explanation.SINGLE not in explained(context, twice(context, context.fixture))


def test_only_the_columns_that_drive_it_are_looked_at(tmp_path: Path) -> None:
    text = f"v = frame.v.astype('float32') if {IN_COMPANY} else frame.v\nreturn pd.DataFrame({{'p': v.astype('float64') * 3}})"
    source = Source("v DOUBLE NOT NULL, w DOUBLE NOT NULL", P, text, {"v": [0.1], "w": [0.1]})
    with source.context(tmp_path) as context:
        assert Explanation.SINGLE in explained(context, twice(context, context.fixture))
        assert Explanation.SINGLE not in explained(context, twice(context, context.fixture, ("w",)))


def test_a_change_of_all_columns_at_once_is_tried_too(tmp_path: Path) -> None:
    text = f"f = frame.astype('float32').astype('float64') if {IN_COMPANY} else frame\nreturn pd.DataFrame({{'p': f.v + f.w}})"
    source = Source("v DOUBLE NOT NULL, w DOUBLE NOT NULL", P, text, {"v": [0.1], "w": [0.7]})
    with source.context(tmp_path) as made:
        context = replace(made, noise_model=replace(made.noise_model, single=frozenset()))
        assert Explanation.SINGLE in explained(context, twice(context, context.fixture, ()))


def test_outputs_of_the_real_paths_are_explained_from_the_side_of_the_harness(tmp_path: Path) -> None:
    source = Source("v DOUBLE NOT NULL", P, "return pd.DataFrame({'p': frame.v * 3})", {"v": [0.1, 0.7]})
    with source.context(tmp_path) as context:
        cases = tuple(Example("p", one_row(row), one_row(row)) for row in context.fixture)
        exact = [{"p": cast(float, row.values["v"]) * 3} for row in context.fixture]
        narrow = [{"p": output["p"] * (1 + 1e-3)} for output in exact]
        rounded = [{"p": value} for value in (0.30000000447034836, 2.0999999642372133)]
        for pairs in (zip(exact, rounded, strict=True), zip(rounded, exact, strict=True)):
            observation = Observation(Check.PATHS, "p", cases, outputs=tuple(pairs))
            assert Explanation.SINGLE in explained(context, observation)
        neither = Observation(Check.PATHS, "p", cases, outputs=tuple(zip(narrow, rounded, strict=True)))
        assert explained(context, neither) == frozenset()


# ---- evaluation


LAYER = "class Layer:\n    def __init__(self):\n        self.training = True"


@pytest.mark.parametrize(("mean", "silent"), [("self.layer.training", True), ("True", False)])
def test_a_difference_that_goes_out_of_training_is_one_of_training(mean: str, silent: bool, tmp_path: Path) -> None:
    text = f"m = frame.v.sum() if {mean} else 5.0\nreturn pd.DataFrame({{'p': frame.v - m}})"
    source = Source("v DOUBLE NOT NULL", P, text, {"v": [0.1, 0.7]}, "self.layer = Layer()", LAYER)
    with source.context(tmp_path) as context:
        observation = twice(context, context.fixture)
        assert (Tag.EVALUATION in Explainer(context).explain(observation).tags) is silent


@pytest.mark.parametrize(
    ("check", "output", "tags"),
    [
        (Check.EMPTY, "", ()),
        (Check.HASH_SEED, "p", ()),
        (Check.NEIGHBOUR, "", ()),
        (Check.NEIGHBOUR, "p", (Tag.BY_VALUE,)),
        (Check.TOGETHER, "p", ()),
    ],
)
def test_observations_that_need_no_explanation_are_unchanged(
    check: Check, output: str, tags: tuple[Tag, ...], tmp_path: Path
) -> None:
    source = branched("DOUBLE NOT NULL", 0.1, "v.astype('float32').astype('float64')", "v * 3")
    with source.context(tmp_path) as context:
        observation = Observation(check, output, (twice(context, context.fixture).example,), tags=frozenset(tags))
        assert Explainer(context).explain(observation) is observation


# ---- what it costs


def test_observations_of_the_same_rows_share_their_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "v = frame.v\nif len(frame) > 1:\n    v = v.round(3)\nreturn pd.DataFrame({'p': v, 'q': -v})"
    source = Source("v DOUBLE NOT NULL", f"{P}, q DOUBLE NOT NULL", text, {"v": [0.123456]})
    with source.context(tmp_path) as context:
        of_p = twice(context, context.fixture)
        of_q = replace(of_p, output="q", examples=tuple(replace(example, output="q") for example in of_p.examples))
        asked: list[str] = []
        answer = context.harness.session.ask

        def counted(line: str, limit: float) -> str:
            asked.append(line)
            return answer(line, limit)

        monkeypatch.setattr(context.harness.session, "ask", counted)
        Explainer(context).explain(of_p)
        of_one = len(asked)
        both = Explainer(context).explain_all([of_p, of_q])
        assert len(asked) - of_one < of_one + 5
        assert [each.explanations for each in both] == [explained(context, of_p), explained(context, of_q)]


def test_a_change_to_the_row_and_one_to_all_rows_of_a_call_are_different_calls(tmp_path: Path) -> None:
    text = (
        "has_null = len(frame) > 1 and frame.v.isna().any()\nreturn pd.DataFrame({'p': [float(has_null)] * len(frame)})"
    )
    with Source("v DOUBLE", P, text, {"v": [None, None]}).context(tmp_path) as context:
        pair = (context.fixture[0], context.fixture[1])
        example = Example("p", Condition(pair, 0), one_row(pair[0]))
        of_pairs = Observation(Check.NULL_NEIGHBOUR, "p", (example,), ("v",))  # the row alone is changed
        of_copies = Observation(Check.COPIES, "p", (example,), ("v",))  # every row is changed
        found = [each.explanations for each in Explainer(context).explain_all([of_pairs, of_copies])]
        assert [Explanation.NULL_ZERO in each for each in found] == [False, True]


def test_what_time_does_not_allow_explains_nothing_and_each_observation_has_its_share(tmp_path: Path) -> None:
    source = branched("DOUBLE NOT NULL", 0.1, "v.astype('float32').astype('float64')", "v * 3")
    with source.context(tmp_path) as context:
        observation = twice(context, context.fixture)
        none = Explainer(context, 0.0, clock=iter(range(10_000)).__next__).explain_all([observation])
        assert none[0].explanations == frozenset()
        ticks = map(float, range(10_000))
        both = Explainer(context, 100.0, clock=ticks.__next__).explain_all(
            [observation, twice(context, context.fixture)]
        )
        assert all(Explanation.SINGLE in each.explanations for each in both)


def test_a_value_beside_a_row_that_widens_a_column_of_floats_is_explained_by_that_column(tmp_path: Path) -> None:
    text = (
        "v = frame.v.astype('float64') if (frame.s == 'loan').any() else frame.v\nreturn pd.DataFrame({'p': v >= 0.7})"
    )
    source = Source(
        "v FLOAT NOT NULL, s STRING NOT NULL", "p BOOLEAN NOT NULL", text, {"v": [0.7, 0.7], "s": ["card", "loan"]}
    )
    with source.context(tmp_path) as context:
        card, loan = context.fixture
        pair = Example("p", one_row(card), Condition((card, loan), 0))
        seen = Observation(Check.TEXT_NEIGHBOUR, "p", (pair,), ("s",), tags=frozenset({Tag.PLAIN}))
        assert explained(context, seen) == frozenset({Explanation.DOUBLE})


def test_a_change_that_flips_a_label_has_to_give_the_number_beside_it(tmp_path: Path) -> None:
    text = (
        f"n = frame.s.map({{'bus': 5.0}}).astype('float64').fillna(0.0)\nif {IN_COMPANY}:\n    n = n * 0.5\n"
        "return pd.DataFrame({'n': n, 'p': n > 3})"
    )
    source = Source("s STRING NOT NULL", "n DOUBLE NOT NULL, p BOOLEAN NOT NULL", text, {"s": ["bus", "bus"]})
    with source.context(tmp_path) as context:
        row = context.fixture[0]
        seen = Observation(Check.COPIES, "p", (Example("p", one_row(row), Condition((row, row), 1)),), ("s",))
        assert explained(context, seen) == frozenset()
