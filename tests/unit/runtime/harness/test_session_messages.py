"""What a harness answers arrives as it was sent."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import OutputError, Problem
from pyml.harness.session_messages import HarnessResponse, Refusal

ROWS = pa.RecordBatch.from_pydict({"y": [1.0]})
PROBLEMS = [Problem("a", "", ErrorCode.COLUMN_TYPE), Problem("b", "", ErrorCode.ROW_COUNT)]


@pytest.mark.parametrize(
    "refusal",
    [Refusal.of(OutputError("no", PROBLEMS)), Refusal("PerturbationError", "KeyError: 'x'")],
    ids=["ours", "not ours"],
)
def test_refusals_arrive_with_all_their_codes(refusal: Refusal) -> None:
    assert HarnessResponse.from_line(HarnessResponse(ROWS, {3: refusal}).to_line()).refusals == {3: refusal}


def test_the_first_code_of_a_refusal_is_its_code() -> None:
    assert Refusal.of(OutputError("no", PROBLEMS)).code is ErrorCode.COLUMN_TYPE
    assert Refusal("PerturbationError", "no").code is None
