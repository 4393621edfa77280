"""Labels that flip since their scores tie within the noise, told from labels that flip for any other reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml_sandbox.compare import Tolerance, Tolerances, compare
from pyml_sandbox.parity.noise.ties import Ties, aligned, labels_in, ties_in

NOISE = Tolerance(rtol=1e-5, atol=1e-6)


def table(labels: list[object], **scores: Sequence[object]) -> pa.Table:
    return pa.table({"label": labels, **scores})


def test_two_largest_scores_within_the_noise_are_a_tie() -> None:
    scores = {"a": [0.5, 0.2, 0.1], "b": [0.5000001, 0.7, 0.8], "c": [0.0, 0.1, 0.1]}
    found = ties_in(
        table(["a", "b", "b"], **scores), table(["b", "b", "b"], **scores), "label", dict.fromkeys("abc", NOISE)
    )
    assert found == Ties("label", (0,), (0,), ("a", "b", "c"))
    assert found.explains


def test_a_clear_winner_is_no_tie() -> None:
    scores = {"a": [0.5, 0.2], "b": [0.4, 0.7]}
    found = ties_in(table(["a", "b"], **scores), table(["b", "b"], **scores), "label", dict.fromkeys("ab", NOISE))
    assert found == Ties("label", (0,), ())
    assert not found.explains


def test_the_elements_of_a_list_are_scores_of_one_another() -> None:
    scores: dict[str, list[object]] = {"p": [[0.1, 0.45, 0.4500001], [0.9, 0.05, 0.05]]}
    found = ties_in(table([1, 0], **scores), table([2, 0], **scores), "label", {"p": NOISE})
    assert (found.tied, found.scores) == ((0,), ("p",))


@pytest.mark.parametrize(("score", "is_tied"), [(0.4999999, True), (0.3, False)])
def test_a_score_on_the_limit_between_its_two_labels_is_a_tie(score: float, is_tied: bool) -> None:
    scores = {"p": [0.1, 0.4999, score, 0.5001, 0.9]}
    left = table(["no", "no", "no", "yes", "yes"], **scores)
    right = table(["no", "no", "yes", "yes", "yes"], **scores)
    assert ties_in(left, right, "label", {"p": NOISE}).explains is is_tied


@pytest.mark.parametrize(
    ("label", "other"), [(["x"], ["z"]), (["x", "y"], ["x", "z"]), ({"x": 1}, {"x": 2}), (b"x", b"z"), (None, "z")]
)
def test_a_label_may_be_of_any_type(label: object, other: object) -> None:
    scores = {"p": [0.1, 0.4999, 0.4999999, 0.5001, 0.9]}
    left, right = table([label] * 3 + [other] * 2, **scores), table([label] * 2 + [other] * 3, **scores)
    assert ties_in(left, right, "label", {"p": NOISE}).explains


def test_without_scores_a_flip_is_a_difference() -> None:
    assert not ties_in(table(["a"]), table(["b"]), "label", {"p": NOISE}).explains


def test_one_row_that_is_no_tie_leaves_the_column_different() -> None:
    scores = {"a": [0.5, 0.1], "b": [0.5, 0.9]}
    found = ties_in(table(["a", "b"], **scores), table(["b", "a"], **scores), "label", dict.fromkeys("ab", NOISE))
    assert (found.differing, found.tied, found.explains) == ((0, 1), (0,), False)


def test_a_row_is_tied_if_it_is_in_every_comparison_in_which_it_differs() -> None:
    first, second = Ties("label", (0, 1), (0, 1), ("a",)), Ties("label", (1, 2), (2,), ("b",))
    assert Ties.joined("label", [first, second]) == Ties("label", (0, 1, 2), (0, 2), ("a", "b"))


def test_rows_are_aligned_by_key_whatever_their_order_and_types() -> None:
    left = pa.table({"id": [1, 2, 3], "p": [[1.0], [2.0], [3.0]]})
    right = pa.table({"id": [3, 1], "p": [[3.5], [1.5]]})
    one, other = aligned(left, right, ["id"])
    assert (one["id"].to_pylist(), other["id"].to_pylist()) == ([1, 3], [1, 3])
    assert other["p"].to_pylist() == [[1.5], [3.5]]


def test_a_score_whose_type_is_different_on_both_sides_is_no_label(tmp_path: Path) -> None:
    left, right = tmp_path / "left.parquet", tmp_path / "right.parquet"
    pq.write_table(pa.table({"id": [1, 2], "label": ["a", "b"], "p": [0.5, 1.0]}), left)
    pq.write_table(pa.table({"id": [1, 2], "label": ["b", "b"], "p": [0, 1]}), right)
    tolerances = Tolerances(columns={"p": NOISE})
    comparison = compare(left, right, ["id"], tolerances=tolerances)
    assert {column.name for column in comparison.differing_columns()} == {"label", "p"}
    assert labels_in(left, right, ["id"], comparison, tolerances) == {"label": Ties("label", (0,), ())}
