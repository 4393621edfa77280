"""The first call of a model on rows of its user, with a harness in a process of this environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import PackageError, PredictError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.models.environment import BuildResult, Environment
from pyml_sandbox.models.first_call import predict_rows
from pyml_sandbox.models.interpreter_files import InterpreterFiles
from pyml_sandbox.models.model_session import LineSession, ProgramEnd, Session
from pyml_sandbox.workspace.events import OnEvent
from support.packages import write_package

MODEL = """
import pandas as pd
from pyml import DataFrameModel, Schema

class Model(DataFrameModel):
    inputs = Schema("a DOUBLE NOT NULL")
    outputs = Schema("b DOUBLE NOT NULL")

    def __init__(self, parameters):
        pass

    def predict(self, frame):
        {body}
        return pd.DataFrame({{"b": frame["a"]}})
"""


class ThisEnvironment:
    """Opens sessions with this Python."""

    def with_inputs(self, wheels: Path | None, ca_bundle: Path | None) -> ThisEnvironment:
        return self

    def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
        raise NotImplementedError

    def ensure(
        self, package: ModelPackage, folder: Path, lock: str, pinned: str | None, on_event: OnEvent
    ) -> Environment:
        raise NotImplementedError

    def import_image(self, reference: str, folder: Path, on_event: OnEvent) -> tuple[str, BuildResult]:
        raise NotImplementedError

    def files(self, environment: Environment) -> AbstractContextManager[InterpreterFiles]:
        raise NotImplementedError

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        given, printed = process.stdin, process.stdout
        if given is None or printed is None:
            raise NotImplementedError

        def write(line: str) -> None:
            given.write(line)
            given.flush()

        def end() -> None:
            given.close()
            process.wait()
            printed.close()

        return LineSession(write, printed, lambda: ProgramEnd(process.wait(), ""), end)


def call(folder: Path, body: str) -> None:
    package = write_package(folder / "model", MODEL.format(body=body))
    environment = Environment("key", sys.executable, str(package))
    predict_rows(ThisEnvironment(), environment, pa.record_batch({"a": [1.0, -1.0]}))


def test_a_model_that_predicts_the_rows_is_left_alone(tmp_path: Path) -> None:
    call(tmp_path, "pass")


def test_what_predict_raises_is_told_whole_and_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(PredictError) as caught:
        call(tmp_path, 'raise ValueError("no\\n\\nnegative numbers")')
    assert caught.value.codes[0] is ErrorCode.PREDICT_RAISED
    for part in ("first 2 of your rows", "negative numbers", "model.py", "--rows FILE"):
        assert part in str(caught.value)


def test_predictions_that_do_not_fit_are_told(tmp_path: Path) -> None:
    with pytest.raises(PredictError, match="declared DOUBLE"):
        call(tmp_path, 'return pd.DataFrame({"b": [1, 2]})')


def test_a_model_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot be loaded"):
        call(tmp_path, "return (")
