"""A harness in this process instead of an isolated one, and small models to load into it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from textwrap import indent
from typing import cast

import pyarrow as pa

from pyml.errors import PymlError
from pyml.harness.answering import Harness
from pyml.harness.environ_trace import TracedEnvironment, trace_environment
from pyml.harness.session_messages import FORK, HarnessRequest, LoadReport
from pyml.harness.training import training_switches
from pyml.inference.describe import Signature
from pyml.inference.runner import Runner
from pyml.pinned_environment import PINNED
from pyml.types.schema import Schema
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.drivers.process.session import session_with_process
from pyml_sandbox.models.environment import Environment, EnvironmentBuilder
from pyml_sandbox.models.model_session import Session
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.examine import open_context
from pyml_sandbox.parity.harness_process import HarnessProcesses
from support.packages import write_package

Values = Mapping[str, Sequence[object]]
TIMEOUT_S = 60
CPUS = os.cpu_count()
_turn = threading.RLock()  # environment, working directory and the module `model` belong to the whole process


class SessionHere:
    """Answers as `python -m pyml.harness` does, in this process, without a hash seed of its own.

    Args:
        package: folder of the model.
        arguments: of `python -m pyml.harness`, after `--package`.
    """

    def __init__(self, package: Path, arguments: Sequence[str]) -> None:
        pairs = list(pairwise(arguments))
        self._set = dict(value.partition("=")[::2] for flag, value in pairs if flag == "--set")
        self._unset = [value for flag, value in pairs if flag == "--unset"]
        self._cpus = next((int(value) for flag, value in pairs if flag == "--cpus"), CPUS)
        self._folder = package.parent if "--elsewhere" in arguments else package
        self._package, self._asked = package, set[str]()
        self._harness: Harness | None = None
        with self._environment_of_process():
            self._greeting = self._loaded(package)

    def receive(self, timeout_s: float) -> str:
        return self._greeting.to_line()

    def ask(self, line: str, timeout_s: float) -> str:
        assert self._harness is not None
        if line == FORK:
            return "false"
        with self._environment_of_process():
            answer = self._harness.answer(HarnessRequest.from_line(line))
            self._asked |= TracedEnvironment.names
            return replace(answer, variables=sorted(self._asked)).to_line()

    def close(self) -> None:
        self._harness = None

    def _loaded(self, package: Path) -> LoadReport:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                runner = Runner.load(package)
            except PymlError as error:
                return LoadReport(problem=str(error))
        self._harness = Harness(runner)
        signature = Signature.of(runner)
        said = [f"{type(each.message).__name__}: {each.message}" for each in caught]
        switches, wants_empty = len(training_switches(runner.model)), runner.model.predicts_empty
        return LoadReport("", signature.to_json(), said, switches, predicts_empty=wants_empty)

    @contextmanager
    def _environment_of_process(self) -> Iterator[None]:
        with _turn, contextlib.chdir(self._folder):
            before, cpu_count = dict(os.environ), os.cpu_count
            os.cpu_count = lambda: self._cpus
            os.environ.update({**PINNED, **self._set})
            for name in self._unset:
                os.environ.pop(name, None)
            time.tzset()
            plain = os.environ.__class__
            trace_environment(self._package).clear()
            try:
                yield
            finally:
                os.cpu_count = cpu_count
                os.environ.__class__ = plain
                os.environ.clear()
                os.environ.update(before)
                time.tzset()


class BuilderHere:
    """Talks to models in this process."""

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        assert arguments[:3] == ["-m", "pyml.harness", "--package"]
        return SessionHere(Path(arguments[3]), arguments[4:])


class BuilderOfProcesses:
    """Talks to models in processes of their own, in the pinned environment."""

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return session_with_process([sys.executable, *arguments], {**inherited, **PINNED, "SPARE": "here"})


def harnesses_of(package: Path, builder: object | None = None) -> HarnessProcesses:
    """Harnesses of a model: in this process, unless a different environment builder is given."""
    return HarnessProcesses(
        cast(EnvironmentBuilder, builder or BuilderHere()), Environment("", sys.executable, str(package))
    )


# ---- models


@dataclass(frozen=True)
class Source:
    """A small model, and the rows that it is asked about.

    Attributes:
        inputs: declared.
        outputs: declared.
        predict: body of `predict`; `frame` is what it is given.
        rows: of its fixture, column by column.
        load: body of the constructor.
        top: of the module.
    """

    inputs: str
    outputs: str
    predict: str
    rows: Values
    load: str = "pass"
    top: str = ""

    def write(self, folder: Path) -> Path:
        """Write the package."""
        text = (
            "import numpy as np\nimport pandas as pd\nfrom pyml import DataFrameModel, Schema\n"
            f"{self.top}\n\nclass Model(DataFrameModel):\n"
            f"    inputs = Schema({self.inputs!r})\n    outputs = Schema({self.outputs!r})\n\n"
            f"    def __init__(self, parameters):\n{indent(self.load, ' ' * 8)}\n\n"
            f"    def predict(self, frame):\n{indent(self.predict, ' ' * 8)}\n"
        )
        return write_package(folder, model=text)

    @property
    def full_batch(self) -> pa.RecordBatch:
        """Its rows."""
        return pa.RecordBatch.from_pydict(dict(self.rows), schema=Schema(self.inputs).arrow)

    @contextmanager
    def context(self, folder: Path) -> Iterator[CheckContext]:
        """A check context with the model in this process."""
        signature = Signature("frame", Schema(self.inputs), Schema(self.outputs))
        with open_context(
            harnesses_of(self.write(folder)), signature, self.full_batch, self.full_batch, 1000, Tolerances()
        ) as context:
            yield context
