"""The first call of a new model on rows of its user, in the model's own environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import PackageError, PredictError, Problem
from pyml_sandbox.models.load_time import TRIAL_TIMEOUT_S

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.inference.describe import Signature
    from pyml_sandbox.models.environment import Environment, EnvironmentBuilder

    RowsFor = Callable[[Signature], pa.RecordBatch]

TIMEOUT_S = 900
"""Seconds that the call may take; nothing is known of the model before it."""


def predict_rows(builder: EnvironmentBuilder, environment: Environment, rows: pa.RecordBatch) -> None:
    """Load a model in a process of its own and have it predict rows in one call. Blocks.

    Args:
        builder: of the environment.
        environment: of the model.
        rows: shape (rows, inputs), in the declared types.

    Raises:
        PredictError: the model raised, or returned what does not fit its outputs; quotes all of it.
        PackageError: the model cannot be loaded again, ended its Python, or gave no answer in time.
    """
    from pyml.harness.session_messages import HarnessRequest, HarnessResponse, LoadReport

    session = builder.open_session(environment, ["-m", "pyml.harness", "--package", environment.package])
    try:
        loaded = LoadReport.from_line(session.receive(TRIAL_TIMEOUT_S))
        if loaded.problem:
            raise PackageError("the model cannot be loaded", [Problem(loaded.problem)])
        request = HarnessRequest(rows, [range(rows.num_rows)])
        response = HarnessResponse.from_line(session.ask(HarnessRequest.to_line(request), TIMEOUT_S))
    finally:
        session.close()
    refusal = response.refusals.get(0)
    if refusal is not None:
        codes = refusal.codes or (ErrorCode.PREDICT_RAISED,)
        count = f"the first {rows.num_rows:,} of your rows" if rows.num_rows > 1 else "your row"
        hint = "mend predict in model.py; or give rows that the model knows: --rows FILE"
        raise PredictError(f"predict does not answer {count}: {refusal.message}", hint, *codes)
