"""Where the checks are made: the rows to ask about, a laboratory to ask, and a gauge that tells outputs apart."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import Refusal
from pyml.types.schema import Schema
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


@dataclass
class CheckContext:
    """The rows of one parity check and a laboratory in the pinned environment.

    Attributes:
        inputs: the model's declared inputs.
        outputs: its declared outputs.
        labs: starts further laboratories.
        lab: the one that is open for the whole check.
        gauge: tells outputs apart.
        fixture: rows of the fixture.
        first: their outputs in the first call that the laboratory answered.
        crowd: rows of the fixture, those of the sample first and once more among the others.
        judged: every row of the fixture: columns of the model's inputs.
        batch_rows: as many rows as one request of the check holds.
        noise: what the size of a batch alone does to outputs, once it has been measured on `judged`.
        specimens: synthesised rows.
        call_s: what one call takes on average: of the sample, until rows were called alone, then of one row.
        record: which checks were made here.
    """

    inputs: Schema
    outputs: Schema
    harnesses: HarnessProcesses
    harness: HarnessProcess
    noise_model: NoiseModel
    fixture: list[InputRow]
    first: list[Output]
    full_batch: pa.RecordBatch
    judged: pa.RecordBatch
    batch_rows: int
    noise: Noise = field(default_factory=Noise)
    input_rows: list[InputRow] = field(default_factory=list)
    call_s: float = 0.002
    record: CheckRecord = field(default_factory=CheckRecord)

    def rows(self, input_rows: Sequence[InputRow]) -> pa.RecordBatch:
        """Specimens as the rows of a question."""
        return batch_of(input_rows, self.inputs)

    @property
    def ordinary(self) -> list[InputRow]:
        """A few rows of the fixture, those with the fewest nulls."""
        return sorted(self.fixture, key=lambda row: sum(value is None for value in row.values.values()))[:ORDINARY]

    @property
    def everything(self) -> list[InputRow]:
        """The rows of the fixture, then the specimens."""
        return [*self.fixture, *self.input_rows]

    @cached_property
    def alone(self) -> list[Output]:
        """The output of each row of the fixture and of each specimen, called alone; asked when it is first wanted."""
        rows = self.everything
        started = time.perf_counter()
        outputs = self.harness.alone(self.rows(rows))
        self.call_s = (time.perf_counter() - started) / len(rows)
        return outputs

    def limit_rows(self, budget_s: float) -> None:
        """Keep as many rows as can be asked about alone within a time; the most telling kinds of specimens first."""
        count = self.affordable(budget_s)
        del self.fixture[max(count // 2, FEWEST_OF_FIXTURE) :], self.first[max(count // 2, FEWEST_OF_FIXTURE) :]
        if len(self.input_rows) > max(count, FEWEST):
            self.input_rows.sort(key=lambda row: row.kind not in FEW)
            del self.input_rows[max(count, FEWEST) :]

    def affordable(self, budget_s: float) -> int:
        """How many calls of one row can be made within a time."""
        return int(budget_s / max(self.call_s, 1e-4))

    def add(self, input_rows: Sequence[InputRow]) -> None:
        """Take further rows in."""
        self.alone += [output for (output,) in self.calls([[row] for row in input_rows])]
        self.input_rows += input_rows

    def calls(
        self, groups: Sequence[Sequence[InputRow]], perturbation: Perturbation | None = None
    ) -> list[list[Output]]:
        """The outputs of each call."""
        return calls(self.harness, self.inputs, groups, perturbation)

    def differing(self, left: Output, right: Output) -> list[str]:
        """Output columns in which two outputs differ; an empty name where only one was refused."""
        return differing(self.noise_model, left, right)

    def departing(self, expected: Output, output: Output) -> list[str]:
        """Output columns in which one row's output departs from what it should be; noise raises their floors."""
        if not isinstance(expected, Refusal) and not isinstance(output, Refusal):
            for name in expected:
                self.noise_model.note(name, expected[name], output[name])
        return differing(self.noise_model, expected, output)


def calls(
    harness: HarnessProcess,
    inputs: Schema,
    groups: Sequence[Sequence[InputRow]],
    perturbation: Perturbation | None = None,
    threads: int = 1,
) -> list[list[Output]]:
    """The outputs of calls in a laboratory; each distinct specimen is sent once."""
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
