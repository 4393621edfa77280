"""Thresholds mined by bisection: the two neighbouring numbers between which an output changes, and rows beside them."""

from __future__ import annotations

import operator as op
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.thresholds import MAX_BRACKETS, beside_thresholds
from pyml_sandbox.parity.harness_process import HarnessProcess
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.noise_model import NOISE_OF_DOUBLE
from pyml_sandbox.parity.rows.row_kind import Kind
from pyml_sandbox.parity.rows.synthetic import Cell, InputRow
from support.harnesses import Source

A = [1.5, 2.25, 3.5, 0.75]
P = "p DOUBLE NOT NULL"


def of_a(predict: str, inputs: str = "a DOUBLE NOT NULL", rows: list[float] | None = None) -> Source:
    return Source(inputs, P, f"return pd.DataFrame({{'p': {predict}}}, dtype='float64')", {"a": rows or A})


def number(row: InputRow, column: str = "a") -> float:
    return cast(float, row.values[column])


def mined(source: Source, folder: Path) -> list[InputRow]:
    with source.context(folder) as context:
        return beside_thresholds(context.with_alone())


@pytest.mark.parametrize("threshold", [0.3, 2.3, -0.27, 1e-3, 0.1 + 0.2, 2.0])
@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
def test_a_row_stands_where_rounding_to_float32_changes_the_answer(
    threshold: float, operator: str, tmp_path: Path
) -> None:
    found = [number(row) for row in mined(of_a(f"(frame.a {operator} {threshold!r})"), tmp_path)]
    rounded = [float(np.float32(value)) for value in found]
    decides = {"<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge}[operator]
    assert any(
        decides(value, threshold) != decides(single, threshold) for value, single in zip(found, rounded, strict=True)
    )


@pytest.mark.parametrize("threshold", [0.3, 2.3])
def test_every_row_is_further_from_the_step_than_noise_and_within_float32(threshold: float, tmp_path: Path) -> None:
    found = [number(row) for row in mined(of_a(f"(frame.a < {threshold})"), tmp_path)]
    spacing = float(np.spacing(np.float32(threshold)))
    assert all(NOISE_OF_DOUBLE * threshold < abs(value - threshold) <= 2 * spacing for value in found)


def test_a_smooth_model_has_no_step(tmp_path: Path) -> None:
    assert mined(of_a("frame.a * 2"), tmp_path) == []


def test_every_row_is_an_ordinary_one_but_for_the_column_with_the_threshold(tmp_path: Path) -> None:
    source = Source(
        "a DOUBLE NOT NULL, s STRING, c DOUBLE",
        P,
        "return pd.DataFrame({'p': (frame.c.fillna(0.0) < 0.3).astype('float64')})",
        {"a": A, "s": ["x", None, "y", "z"], "c": [0.2, 0.9, None, 0.1]},
    )
    with source.context(tmp_path) as context:
        base = context.ordinary[0]
        found = beside_thresholds(context.with_alone())
    assert len(found) >= 4
    for row in found:
        assert (row.column, row.kind) == ("c", Kind.BOUNDARY)
        assert {**row.values, "c": base.values["c"]} == base.values


def test_the_rows_of_one_step_are_on_both_sides_of_it(tmp_path: Path) -> None:
    with of_a("(frame.a < 0.3)").context(tmp_path) as context:
        rows = beside_thresholds(context.with_alone())
        outputs = [repr(output) for (output,) in context.calls([[row] for row in rows])]
    assert len(set(outputs)) == 2


@pytest.mark.parametrize("predict", ["[1.0] * len(frame)", "frame.a.isna()"])
def test_a_model_without_a_step_has_no_rows(predict: str, tmp_path: Path) -> None:
    assert mined(of_a(predict), tmp_path) == []


def test_integers_lose_nothing_as_float32(tmp_path: Path) -> None:
    assert mined(of_a("(frame.a < 2)", "a BIGINT NOT NULL", [1, 2, 3, 4]), tmp_path) == []


@pytest.mark.parametrize("limit", [1.1, 2.0, 3.3])
def test_in_a_column_of_float_the_limit_itself_is_made(limit: float, tmp_path: Path) -> None:
    made = mined(of_a(f"(frame.a < np.float32({limit}))", "a FLOAT NOT NULL"), tmp_path)
    assert {row.values["a"] for row in made} == {float(np.float32(limit))}


def test_in_a_column_of_float_a_limit_that_nobody_wrote_is_left_alone(tmp_path: Path) -> None:
    assert mined(of_a("(frame.a < np.float32(2.1234567))", "a FLOAT NOT NULL"), tmp_path) == []


def test_a_model_that_refuses_some_numbers_is_mined_all_the_same(tmp_path: Path) -> None:
    source = Source(
        "a DOUBLE NOT NULL",
        P,
        "if (frame.a < 0).any():\n    raise ValueError('negative')\n"
        "return pd.DataFrame({'p': (frame.a < 0.3).astype('float64')})",
        {"a": A},
    )
    assert any(abs(number(row) - 0.3) < 1e-6 for row in mined(source, tmp_path))


def test_a_base_without_the_value_is_left_alone(tmp_path: Path) -> None:
    source = Source(
        "a DOUBLE", P, "return pd.DataFrame({'p': (frame.a.fillna(1.0) < 0.3).astype('float64')})", {"a": [None, None]}
    )
    assert mined(source, tmp_path) == []


def test_many_columns_cost_no_more_than_a_few_ways(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(12)]
    source = Source(
        ", ".join(f"{name} DOUBLE NOT NULL" for name in names),
        P,
        f"return pd.DataFrame({{'p': (frame[{names!r}] < 0.3).sum(axis=1).astype('float64')}})",
        dict.fromkeys(names, A),
    )
    with source.context(tmp_path) as context:
        assert 0 < len(_steps(context)) <= MAX_BRACKETS


@pytest.mark.parametrize("refuses", [False, True])
def test_where_no_row_depends_on_its_batch_the_same_steps_are_found_in_fewer_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, refuses: bool
) -> None:
    refusal = "if (frame.a < 0.2).any():\n    raise ValueError('low')\n" if refuses else ""
    predict = f"{refusal}return pd.DataFrame({{'p': (frame.a < 0.3).astype(float) + (frame.b < 2.3)}})"
    asked: list[int] = []
    harness_calls = HarnessProcess.calls

    def counted(harness: HarnessProcess, rows: pa.RecordBatch, groups: list[list[int]], *args: Any, **more: Any) -> Any:
        asked.append(len(groups))
        return harness_calls(harness, rows, groups, *args, **more)

    with Source("a DOUBLE NOT NULL, b DOUBLE NOT NULL", P, predict, {"a": A, "b": A}).context(tmp_path) as context:
        alone = context.with_alone()
        monkeypatch.setattr(HarnessProcess, "calls", counted)
        one_by_one = _values(alone)
        before, asked = sum(asked), []
        together = _values(replace(alone, noise=Noise(rows=4, of=4)))
    assert one_by_one
    assert together == one_by_one
    assert sum(asked) <= before * (2 if refuses else 0.5)


def _values(context: CheckContext) -> list[dict[str, Cell]]:
    return [dict(row.values) for row in beside_thresholds(context)]


def _steps(context: CheckContext) -> set[tuple[str, float]]:
    return {(row.column, round(number(row, row.column), 6)) for row in beside_thresholds(context.with_alone())}


def test_steps_in_rows_that_were_taken_in_are_asked_about_like_any_other(tmp_path: Path) -> None:
    with of_a("(frame.a < 0.3)").context(tmp_path) as context:
        made = context.with_alone()
        found = beside_thresholds(made)
        more = made.with_rows(found)
        assert list(more.input_rows[-len(found) :]) == found
        assert list(more.alone[-len(found) :]) == [output for (output,) in context.calls([[row] for row in found])]
