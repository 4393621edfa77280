"""What a refusal is about is read from its codes: its sentence may say anything."""

from __future__ import annotations

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import OutputError, PredictError, Problem
from pyml.harness.session_messages import Refusal
from pyml_sandbox.parity.checks.baseline import tags_of_refusal
from pyml_sandbox.parity.observations.features import Tag

LOST = Problem("any words", "", ErrorCode.ROW_COUNT)
MISTYPED = Problem("any words", "", ErrorCode.COLUMN_TYPE)
NULL = Problem("column `y` is declared NOT NULL, found null", "", ErrorCode.COLUMN_NULL)


@pytest.mark.parametrize(
    ("refusal", "tags"),
    [
        (Refusal.of(OutputError("what predict returned does not fit", [LOST])), {Tag.ROW_COUNT}),
        (Refusal.of(OutputError("what predict returned does not fit", [MISTYPED, LOST])), {Tag.ROW_COUNT, Tag.TYPE}),
        (Refusal.of(OutputError("what predict returned does not fit", [NULL])), set()),
        (Refusal.of(PredictError("it raised")), {Tag.RAISED}),
        (Refusal.of(PredictError("predict raised ValueError: 3 rows in, 2 rows out")), {Tag.RAISED}),
        (
            Refusal(
                "PerturbationError", "predict raised: `y` is declared DOUBLE, found float32; 3 rows in, 2 rows out"
            ),
            set(),
        ),
        (None, set()),
        ({"y": 1.0}, set()),
    ],
)
def test_the_codes_of_a_refusal_give_its_tags(refusal: Refusal | None, tags: set[Tag]) -> None:
    assert tags_of_refusal(refusal) == tags
