"""What the real paths refuse: forms that cannot carry predictions are left out, by the code of the refusal alone."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError, PymlError
from pyml.harness.session_messages import Refusal
from pyml.types.schema import Schema
from pyml_sandbox.parity.paths import real_paths
from pyml_sandbox.parity.paths.real_paths import RealPaths
from pyml_sandbox.parity.rows import numbered
from pyml_sandbox.parity.rows.synthetic import InputRow
from pyml_sandbox.predict.online import OnlineError

ROW = InputRow({"x": 1.0}, 0)
SCHEMA = Schema("x DOUBLE")
RAISED = "predict raised ValueError: which JSON cannot represent"


def raising(error: Exception) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    def ask(rows: pa.RecordBatch) -> pa.RecordBatch:
        raise error

    return ask


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (OnlineError("any words", "", ErrorCode.CANNOT_CARRY), {}),
        (InputError("this side cannot write the rows", []), {}),
        (
            OnlineError(RAISED, "", ErrorCode.PREDICT_RAISED),
            {"REST": [Refusal("OnlineError", RAISED, (ErrorCode.PREDICT_RAISED,))]},
        ),
    ],
)
def test_a_form_that_cannot_carry_the_predictions_is_left_out(
    monkeypatch: pytest.MonkeyPatch, error: PymlError, found: dict[str, list[Refusal]]
) -> None:
    monkeypatch.setattr(real_paths, "wire_formats_of", lambda model, rest: {"REST": raising(error)})
    version = cast("Any", SimpleNamespace(signature=SimpleNamespace(inputs=SCHEMA)))
    paths = RealPaths(cast("Any", None), cast("Any", None), version, "", "", "run")
    assert paths.in_wire_formats([ROW]) == found


def test_an_answer_of_another_length_has_the_code_of_lost_rows() -> None:
    model = SimpleNamespace(predict=lambda batches: iter([pa.RecordBatch.from_pydict({"y": [1.0, 2.0]})]))
    version = cast("Any", SimpleNamespace(signature=SimpleNamespace(inputs=SCHEMA)))
    paths = RealPaths(cast("Any", None), cast("Any", model), version, "", "", "run")
    ((refusal,),) = paths.online([[ROW]])
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.ROW_COUNT


def test_names_go_to_hive_in_upper_case_only_where_that_is_the_same_name() -> None:
    table = pa.table({"a b": [1], "ß": [2], numbered.ROW: [0]})
    assert real_paths._reversed(table).column_names == [numbered.ROW, "ß", "A B"]
