"""Where the checks are made: the rows to ask about, a laboratory to ask, and a gauge that tells outputs apart."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pyml.harness.perturbations import WhatIf
from pyml.harness.session_messages import Refusal
from pyml.types.schema import Schema
from pyml_sandbox.parity.harness_process import Lab, Labs, Output
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.noise_model import Gauge
from pyml_sandbox.parity.observations.check_record import CheckRecord
from pyml_sandbox.parity.rows.synthetic import FEW, Specimen, batch_of

if TYPE_CHECKING:
    import pyarrow as pa

ORDINARY = 5
FEWEST = 24
FEWEST_OF_FIXTURE = 8


@dataclass
class Bench:
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
    labs: Labs
    lab: Lab
    gauge: Gauge
    fixture: list[Specimen]
    first: list[Output]
    crowd: pa.RecordBatch
    judged: pa.RecordBatch
    batch_rows: int
    noise: Noise = field(default_factory=Noise)
    specimens: list[Specimen] = field(default_factory=list)
    call_s: float = 0.002
    record: CheckRecord = field(default_factory=CheckRecord)

    def rows(self, specimens: Sequence[Specimen]) -> pa.RecordBatch:
        """Specimens as the rows of a question."""
        return batch_of(specimens, self.inputs)

    @property
    def ordinary(self) -> list[Specimen]:
        """A few rows of the fixture, those with the fewest nulls."""
        return sorted(self.fixture, key=lambda row: sum(value is None for value in row.values.values()))[:ORDINARY]

    @property
    def everything(self) -> list[Specimen]:
        """The rows of the fixture, then the specimens."""
        return [*self.fixture, *self.specimens]

    @cached_property
    def alone(self) -> list[Output]:
        """The output of each row of the fixture and of each specimen, called alone; asked when it is first wanted."""
        rows = self.everything
        started = time.perf_counter()
        outputs = self.lab.alone(self.rows(rows))
        self.call_s = (time.perf_counter() - started) / len(rows)
        return outputs

    def thin_out(self, budget_s: float) -> None:
        """Keep as many rows as can be asked about alone within a time; the most telling kinds of specimens first."""
        count = self.affordable(budget_s)
        del self.fixture[max(count // 2, FEWEST_OF_FIXTURE) :], self.first[max(count // 2, FEWEST_OF_FIXTURE) :]
        if len(self.specimens) > max(count, FEWEST):
            self.specimens.sort(key=lambda row: row.kind not in FEW)
            del self.specimens[max(count, FEWEST) :]

    def affordable(self, budget_s: float) -> int:
        """How many calls of one row can be made within a time."""
        return int(budget_s / max(self.call_s, 1e-4))

    def add(self, specimens: Sequence[Specimen]) -> None:
        """Take further rows in."""
        self.alone += [output for (output,) in self.calls([[row] for row in specimens])]
        self.specimens += specimens

    def calls(self, groups: Sequence[Sequence[Specimen]], what_if: WhatIf | None = None) -> list[list[Output]]:
        """The outputs of each call."""
        return calls(self.lab, self.inputs, groups, what_if)

    def differing(self, left: Output, right: Output) -> list[str]:
        """Output columns in which two outputs differ; an empty name where only one was refused."""
        return differing(self.gauge, left, right)

    def departing(self, expected: Output, output: Output) -> list[str]:
        """Output columns in which one row's output departs from what it should be; noise raises their floors."""
        if not isinstance(expected, Refusal) and not isinstance(output, Refusal):
            for name in expected:
                self.gauge.note(name, expected[name], output[name])
        return differing(self.gauge, expected, output)


def calls(
    lab: Lab, inputs: Schema, groups: Sequence[Sequence[Specimen]], what_if: WhatIf | None = None, threads: int = 1
) -> list[list[Output]]:
    """The outputs of calls in a laboratory; each distinct specimen is sent once."""
    places: dict[int, int] = {}
    distinct: list[Specimen] = []
    for specimen in (specimen for group in groups for specimen in group):
        if id(specimen) not in places:
            places[id(specimen)] = len(distinct)
            distinct.append(specimen)
    numbered = [[places[id(specimen)] for specimen in group] for group in groups]
    if not groups:
        return []
    return lab.calls(batch_of(distinct, inputs), numbered, what_if, threads=threads)


def differing(gauge: Gauge, left: Output, right: Output) -> list[str]:
    """Output columns in which two outputs of one row differ; an empty name where only one was refused."""
    if isinstance(left, Refusal) or isinstance(right, Refusal):
        return [] if isinstance(left, Refusal) and isinstance(right, Refusal) else [""]
    return [name for name in left if gauge.differ(name, left[name], right[name])]
