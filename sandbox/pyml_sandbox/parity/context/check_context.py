"""Where the checks are made: the rows to ask about, a harness to ask, and a noise model that tells outputs apart."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import Refusal
from pyml.types.schema import Schema
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.parity.harness_process import HarnessProcess, HarnessProcesses, Output
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.noise_model import NoiseModel
from pyml_sandbox.parity.observations.check_record import CheckRecord
from pyml_sandbox.parity.rows.row_kind import FEW
from pyml_sandbox.parity.rows.synthetic import InputRow, batch_of

if TYPE_CHECKING:
    import pyarrow as pa

ORDINARY = 5
FEWEST = 24
FEWEST_OF_FIXTURE = 8


@dataclass(frozen=True)
class CheckContext:
    """The rows of one parity check and a harness in the pinned environment.

    A step that learns something gives a new one: `limited`, `with_alone`, `with_rows`.

    Attributes:
        inputs: the model's declared inputs.
        outputs: its declared outputs.
        harnesses: starts further harnesses.
        harness: the one that is open for the whole check.
        noise_model: tells outputs apart.
        fixture: rows of the fixture.
        first: their outputs in the first call that the harness answered.
        full_batch: rows of the fixture, those of the sample first and once more among the others.
        judged: every row of the fixture: columns of the model's inputs.
        batch_rows: as many rows as one request of the check holds.
        granted: what floats may differ by before anything is measured.
        noise: what the size of a batch alone does to outputs, once it has been measured on `judged`.
        input_rows: synthetic rows.
        alone: the output of each row of `everything`, called alone; empty until `with_alone`.
        call_s: seconds that one call takes on average: of the sample, until rows were called alone, then of one row.
        record: collects which checks were made.
    """

    inputs: Schema
    outputs: Schema
    harnesses: HarnessProcesses
    harness: HarnessProcess
    noise_model: NoiseModel
    fixture: tuple[InputRow, ...]
    first: tuple[Output, ...]
    full_batch: pa.RecordBatch
    judged: pa.RecordBatch
    batch_rows: int
    granted: Tolerances = field(default_factory=Tolerances)
    noise: Noise = field(default_factory=Noise)
    input_rows: tuple[InputRow, ...] = ()
    alone: tuple[Output, ...] = ()
    call_s: float = 0.002
    record: CheckRecord = field(default_factory=CheckRecord)

    def rows(self, input_rows: Sequence[InputRow]) -> pa.RecordBatch:
        """Input rows as the rows of a question."""
        return batch_of(input_rows, self.inputs)

    @property
    def ordinary(self) -> list[InputRow]:
        """A few rows of the fixture, those with the fewest nulls."""
        return sorted(self.fixture, key=lambda row: sum(value is None for value in row.values.values()))[:ORDINARY]

    @property
    def everything(self) -> list[InputRow]:
        """The rows of the fixture, then the synthetic rows."""
        return [*self.fixture, *self.input_rows]

    def with_alone(self) -> CheckContext:
        """One that knows the output of every row called alone, and how long such a call takes; asks for them.

        Raises:
            NoAnswerError: the model ended its Python, or does not answer.
        """
        rows = self.everything
        started = time.perf_counter()
        outputs = self.harness.alone(self.rows(rows))
        return replace(self, alone=tuple(outputs), call_s=(time.perf_counter() - started) / len(rows))

    def with_rows(self, input_rows: Sequence[InputRow]) -> CheckContext:
        """One with further synthetic rows; asks for their output alone.

        Raises:
            NoAnswerError: the model ended its Python, or does not answer.
        """
        outputs = [output for (output,) in self.calls([[row] for row in input_rows])]
        return replace(self, input_rows=(*self.input_rows, *input_rows), alone=(*self.alone, *outputs))

    def limited(self, budget_s: float) -> CheckContext:
        """One with as many rows as can be asked about alone within a time; the kinds that show most come first.

        Args:
            budget_s: the time in seconds.
        """
        count = self.affordable(budget_s)
        of_fixture, of_synthetic = max(count // 2, FEWEST_OF_FIXTURE), max(count, FEWEST)
        input_rows = self.input_rows
        if len(input_rows) > of_synthetic:
            input_rows = tuple(sorted(input_rows, key=lambda row: row.kind not in FEW)[:of_synthetic])
        return replace(self, fixture=self.fixture[:of_fixture], first=self.first[:of_fixture], input_rows=input_rows)

    def affordable(self, budget_s: float) -> int:
        """How many calls of one row can be made within a time in seconds."""
        return int(budget_s / max(self.call_s, 1e-4))

    def calls(
        self, groups: Sequence[Sequence[InputRow]], perturbation: Perturbation | None = None
    ) -> list[list[Output]]:
        """The outputs of each call."""
        return calls(self.harness, self.inputs, groups, perturbation)

    def differing(self, left: Output, right: Output) -> list[str]:
        """Output columns in which two outputs differ; an empty name where only one was refused."""
        return differing(self.noise_model, left, right)


def calls(
    harness: HarnessProcess,
    inputs: Schema,
    groups: Sequence[Sequence[InputRow]],
    perturbation: Perturbation | None = None,
    threads: int = 1,
) -> list[list[Output]]:
    """The outputs of calls in a harness; each distinct row is sent once."""
    places: dict[int, int] = {}
    distinct: list[InputRow] = []
    for input_row in (input_row for group in groups for input_row in group):
        if id(input_row) not in places:
            places[id(input_row)] = len(distinct)
            distinct.append(input_row)
    numbered = [[places[id(input_row)] for input_row in group] for group in groups]
    if not groups:
        return []
    return harness.calls(batch_of(distinct, inputs), numbered, perturbation, threads=threads)


def differing(noise_model: NoiseModel, left: Output, right: Output) -> list[str]:
    """Output columns in which two outputs of one row differ; an empty name where only one was refused."""
    if isinstance(left, Refusal) or isinstance(right, Refusal):
        return [] if isinstance(left, Refusal) and isinstance(right, Refusal) else [""]
    return [name for name in left if noise_model.differ(name, left[name], right[name])]
