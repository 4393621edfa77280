"""What the size of a batch alone does to a model: noise of honest networks, and logic, on every row that is judged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path

import numpy as np
import pytest

from pyml.types.schema import Schema
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.parity.context.size_noise import measure_noise
from pyml_sandbox.parity.examine import examine
from pyml_sandbox.parity.noise.column_noise import Noise
from support.harnesses import Source, harnesses_of

ROWS = 300
X = np.random.default_rng(3).normal(size=(ROWS, 8))
INPUTS = ", ".join(f"x{number} DOUBLE NOT NULL" for number in range(8))
FIXTURE = {f"x{number}": X[:, number].tolist() for number in range(8)}
NETWORK = """
RANDOM = np.random.default_rng(11)
W = RANDOM.normal(size=(8, 512)).astype("float32")
V = RANDOM.normal(size=(512, 10)).astype("float32") / 8


def hidden(frame):
    return np.maximum(frame.to_numpy("float32") @ W, 0)


def softmax(frame):
    scores = hidden(frame) @ V
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)
"""
HONEST = {
    "softmax in FLOAT": Source(INPUTS, "p FLOAT NOT NULL", "return pd.DataFrame({'p': softmax(frame)[:, 3]})", FIXTURE, top=NETWORK),
    "softmax in DOUBLE": Source(INPUTS, "p DOUBLE NOT NULL", "return pd.DataFrame({'p': softmax(frame)[:, 3].astype('float64')})", FIXTURE, top=NETWORK),
    "per cent in DOUBLE": Source(INPUTS, "p DOUBLE NOT NULL", "return pd.DataFrame({'p': softmax(frame)[:, 3].astype('float64') * 100 / 3})", FIXTURE, top=NETWORK),
    "regression in DOUBLE": Source(INPUTS, "p DOUBLE NOT NULL", "return pd.DataFrame({'p': (hidden(frame) @ V[:, 0] * 1000).astype('float64') + 0.1})", FIXTURE, top=NETWORK),
    "softmax in ARRAY": Source(INPUTS, "p ARRAY<FLOAT> NOT NULL", "return pd.DataFrame({'p': list(softmax(frame))})", FIXTURE, top=NETWORK),
    "softmax in ARRAY of DOUBLE": Source(INPUTS, "p ARRAY<DOUBLE> NOT NULL", "return pd.DataFrame({'p': list(softmax(frame).astype('float64') * 2.5)})", FIXTURE, top=NETWORK),
    "linear in DOUBLE": Source(INPUTS, "p DOUBLE NOT NULL", "return pd.DataFrame({'p': frame.to_numpy('float64') @ np.linspace(-1, 1, 8)})", FIXTURE),
}  # fmt: skip


BUDGET_S = 6.0


def noise_of(
    source: Source,
    folder: Path,
    *,
    clock: Iterator[float] | None = None,
    batch_rows: int = 100,
    budget_s: float = BUDGET_S,
    row_s: float = 0.0,
) -> Noise:
    with harnesses_of(source.write(folder)).start() as harness:
        outputs, ticks = Schema(source.outputs), clock or iter([0.0] * 1000)
        return measure_noise(
            harness,
            source.full_batch,
            outputs,
            batch_rows,
            budget_s=budget_s,
            row_s=row_s,
            clock=lambda: next(ticks),
        )


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_network_has_noise_and_nothing_departs(name: str, tmp_path: Path) -> None:
    found = noise_of(HONEST[name], tmp_path)
    assert (dict(found.size_dependent), found.rows, found.of) == ({}, ROWS, ROWS)
    assert found.columns["p"].max_abs > 0


@pytest.mark.parametrize("name", [name for name in HONEST if "linear" not in name])
def test_a_planted_relative_error_of_1e_4_departs_in_a_network(name: str, tmp_path: Path) -> None:
    honest = HONEST[name]
    planted = "frame = frame.copy()\nn = 1 + 1e-4 * (len(frame) == 1)\n" + honest.predict
    for part in ("softmax(frame)", "hidden(frame)"):
        planted = planted.replace(part, f"({part} * np.float32(n))")
    source = Source(honest.inputs, honest.outputs, planted, honest.rows, top=honest.top)
    found = noise_of(source, tmp_path)
    assert len(found.size_dependent["p"]) > ROWS / 10
    assert found.tolerances(Tolerances()).columns["p"].rtol < 1e-4


def test_rows_that_need_company_of_many_are_found_in_the_whole_fixture(tmp_path: Path) -> None:
    source = Source("a DOUBLE NOT NULL", "p DOUBLE NOT NULL", "return pd.DataFrame({'p': frame.a + (len(frame) >= 8) * (frame.a > 298)})", {"a": [float(number) for number in range(ROWS)]})  # fmt: skip
    with source.context(tmp_path) as context:
        found = [observation for observation in examine(context).observations if observation.check == "sizes"]
        assert [(each.output, each.rows) for each in found] == [("p", 1)]
        case = found[0].example
        assert (case.reference.row.values, len(case.other.rows)) == ({"a": 299.0}, 8)  # as few as the fault needs


def test_a_label_that_flips_where_its_scores_tie_is_a_tie_and_departs_not(tmp_path: Path) -> None:
    body = "s = hidden(frame)[:, :2] * 0 + np.float32(1)\ns[:, 0] += np.float32(1e-7) * (len(frame) > 1)\nreturn pd.DataFrame({'p': s[:, 0], 'q': s[:, 1], 'label': np.where(s[:, 0] > s[:, 1], 'p', 'q')})"
    source = Source(INPUTS, "p FLOAT NOT NULL, q FLOAT NOT NULL, label STRING NOT NULL", body, FIXTURE, top=NETWORK)
    found = noise_of(source, tmp_path)
    assert dict(found.size_dependent) == {}
    assert len(found.ties["label"].tied) == ROWS


def test_a_label_that_flips_for_the_size_alone_departs(tmp_path: Path) -> None:
    source = Source("a DOUBLE NOT NULL", "label STRING NOT NULL", "return pd.DataFrame({'label': ['one' if len(frame) == 1 else 'many'] * len(frame)})", {"a": X[:, 0].tolist()})  # fmt: skip
    found = noise_of(source, tmp_path)
    assert (len(found.size_dependent["label"]), dict(found.ties)) == (ROWS, {})


def test_where_time_is_short_the_rows_that_are_asked_lie_far_apart(tmp_path: Path) -> None:
    body = "return pd.DataFrame({'p': frame.a + (len(frame) == 1)})"
    source = Source("a DOUBLE NOT NULL", "p DOUBLE NOT NULL", body, {"a": [float(number) for number in range(ROWS)]})
    found = noise_of(source, tmp_path, clock=iter([0.0] * 6 + [1.0, 1.0, 9.0]), batch_rows=64)
    assert (found.rows, found.of) == (64 + 44, ROWS)  # the first slice and the last
    assert found.rest_s == pytest.approx(9.0 * (ROWS - 108) / 108)
    assert {row // 64 for row in found.size_dependent["p"]} == {0, 4}


def test_a_model_with_slow_calls_is_asked_about_whole_batches_and_fewer_small_ones(tmp_path: Path) -> None:
    body = "return pd.DataFrame({'p': frame.a + (len(frame) >= 250) * (frame.a < 9)})"
    source = Source("a DOUBLE NOT NULL", "p DOUBLE NOT NULL", body, {"a": [float(number) for number in range(ROWS)]})
    found = noise_of(source, tmp_path, batch_rows=ROWS, row_s=0.05)
    assert 0 < found.rows <= 30
    assert set(found.size_dependent["p"]) == set(range(9))


def test_more_time_is_more_rows_and_what_is_needed_for_all_is_enough(tmp_path: Path) -> None:
    source = Source("a DOUBLE NOT NULL", "p DOUBLE NOT NULL", "return pd.DataFrame({'p': frame.a})", {"a": [float(number) for number in range(ROWS)]})  # fmt: skip
    rows = []
    for number, budget_s in enumerate((0.6, BUDGET_S, 20.0)):
        found = noise_of(source, tmp_path / str(number), batch_rows=ROWS, row_s=0.05, budget_s=budget_s)
        rows.append(found.rows)
        assert ROWS * 0.05 < found.needed_s < 2 * ROWS * 0.05
        assert found.rest_s < found.needed_s
    assert sorted(set(rows)) == rows
    found = noise_of(source, tmp_path / "all", batch_rows=ROWS, row_s=0.05, budget_s=found.needed_s)
    assert (found.rows, found.rest_s, found.needed_s) == (ROWS, 0.0, 0.0)


def test_a_model_that_is_slow_with_each_row_is_asked_about_smaller_batches(tmp_path: Path) -> None:
    ticks = chain([0.0, 0.0, 64.0], (number * 100.0 for number in count(1)))
    found = noise_of(HONEST["linear in DOUBLE"], tmp_path, clock=ticks)
    assert 0 < found.rows < ROWS


@pytest.mark.parametrize("alone_refused", [True, False])
def test_rows_that_are_refused_in_one_size_are_found_and_the_others_measured(
    alone_refused: bool, tmp_path: Path
) -> None:
    condition = "len(frame) == 1 and frame.a.iloc[0] == 7" if alone_refused else "len(frame) > 8"
    body = f"if {condition}:\n    raise ValueError('no')\nreturn pd.DataFrame({{'p': frame.a + 5 * (len(frame) == 2)}})"
    source = Source("a DOUBLE NOT NULL", "p DOUBLE NOT NULL", body, {"a": [float(number) for number in range(ROWS)]})
    found = noise_of(source, tmp_path)
    assert found.refused == ((7,) if alone_refused else tuple(range(ROWS)))
    assert len(found.size_dependent["p"]) == ROWS


def test_a_row_that_is_refused_in_every_size_is_no_difference(tmp_path: Path) -> None:
    body = "if (frame.a == 7).any():\n    raise ValueError('no')\nreturn pd.DataFrame({'p': frame.a})"
    source = Source("a DOUBLE NOT NULL", "p DOUBLE NOT NULL", body, {"a": [float(number) for number in range(ROWS)]})
    found = noise_of(source, tmp_path)
    assert (found.refused, found.size_dependent) == ((), {})
