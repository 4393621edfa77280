"""What a refusal is about is read from its codes: its sentence may say anything."""

from __future__ import annotations

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import OutputError, PredictError, Problem
from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.checks.baseline import tags_of_refusal

LOST = Problem("any words", "", ErrorCode.ROW_COUNT)
MISTYPED = Problem("any words", "", ErrorCode.COLUMN_TYPE)
NULL = Problem("column `y` is declared NOT NULL, found null", "", ErrorCode.COLUMN_NULL)


@pytest.mark.parametrize(
    ("refusal", "tags"),
    [
        (Refusal.of(OutputError("what predict returned does not fit", [LOST])), {"row-count"}),
        (Refusal.of(OutputError("what predict returned does not fit", [MISTYPED, LOST])), {"row-count", "type"}),
        (Refusal.of(OutputError("what predict returned does not fit", [NULL])), set()),
        (Refusal.of(PredictError("it raised")), {"raised"}),
        (Refusal.of(PredictError("predict raised ValueError: 3 rows in, 2 rows out")), {"raised"}),
        (Refusal("WhatIfError", "predict raised: `y` is declared DOUBLE, found float32; 3 rows in, 2 rows out"), set()),
        (None, set()),
        ({"y": 1.0}, set()),
    ],
)
def test_the_codes_of_a_refusal_are_its_traits(refusal: Refusal | None, tags: set[str]) -> None:
    assert tags_of_refusal(refusal) == tags
