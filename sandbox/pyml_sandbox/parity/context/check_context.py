"""What the checks run in: their rows, a harness, and a noise model that decides which outputs differ."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import Refusal
from pyml.types.schema import Schema
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.parity.context.kept_processes import KeptProcesses
from pyml_sandbox.parity.context.time_budget import Part, TimeBudget
from pyml_sandbox.parity.harness_process import HarnessProcess, HarnessProcesses, Output
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.noise_model import NoiseModel
from pyml_sandbox.parity.observations.check_record import CheckRecord
from pyml_sandbox.parity.rows.row_kind import FEW
from pyml_sandbox.parity.rows.stored_rows import RowSlices
from pyml_sandbox.parity.rows.synthetic import InputRow, batch_of

if TYPE_CHECKING:
    import pyarrow as pa

CLOCK_S = 1_700_000_000.0
"""The time that a model's process sees where it is not the real one, in seconds since 1970."""
ORDINARY = 5
FEWEST = 24
FEWEST_OF_FIXTURE = 8


@dataclass(frozen=True)
class CheckContext:
    """The rows of one parity check and a harness in the pinned environment.

    It is immutable: a step that learns something returns a new context (`at_one_time`, `limited`, `with_alone`,
    `with_rows`).

    Attributes:
        inputs: the model's declared inputs.
        outputs: its declared outputs.
        harnesses: starts further harnesses.
        harness: the harness that stays open for the whole check.
        noise_model: decides whether two outputs differ by more than noise.
        fixture: a sample of the rows of the fixture.
        first: the outputs of `fixture` in the harness's first call.
        full_batch: rows of the fixture, shape (rows, inputs): first the sample, then more rows, among them the sample.
        all_rows: every row of the fixture, shape (rows, inputs).
        batch_rows: rows in one request of the check.
        granted: the tolerances of floats before noise is measured.
        noise: how the size of a batch alone changes outputs, once it is measured on `all_rows`.
        input_rows: synthetic rows.
        alone: the output of each row of `all_input_rows` in a call of its own; empty until `with_alone`.
        call_s: mean time of a call in seconds: with the sample; after `with_alone` with one row.
        budget: how long each part of the checks may take.
        record: collects which checks were made.
        kept: processes that a check leaves to a later one.
    """

    inputs: Schema
    outputs: Schema
    harnesses: HarnessProcesses
    harness: HarnessProcess
    noise_model: NoiseModel
    fixture: tuple[InputRow, ...]
    first: tuple[Output, ...]
    full_batch: pa.RecordBatch
    all_rows: RowSlices
    batch_rows: int
    granted: Tolerances = field(default_factory=Tolerances)
    noise: Noise = field(default_factory=Noise)
    input_rows: tuple[InputRow, ...] = ()
    witnesses: tuple[tuple[InputRow, InputRow], ...] = ()
    alone: tuple[Output, ...] = ()
    call_s: float = 0.002
    budget: TimeBudget = field(default_factory=TimeBudget)
    record: CheckRecord = field(default_factory=CheckRecord)
    kept: KeptProcesses = field(default_factory=KeptProcesses)

    def rows(self, input_rows: Sequence[InputRow]) -> pa.RecordBatch:
        """Input rows as an Arrow batch of shape (rows, inputs)."""
        return batch_of(input_rows, self.inputs)

    @property
    def ordinary(self) -> list[InputRow]:
        """A few rows of the fixture, those with the fewest nulls."""
        return sorted(self.fixture, key=lambda row: sum(value is None for value in row.values.values()))[:ORDINARY]

    @property
    def all_input_rows(self) -> list[InputRow]:
        """The rows of the fixture, then the synthetic rows."""
        return [*self.fixture, *self.input_rows]

    def at_one_time(self) -> CheckContext:
        """A context in which the calls of every process begin at the same time, `CLOCK_S`. Blocks.

        It is for a model whose predictions depend on the clock: two processes are called some seconds apart.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        self.harness.clock = CLOCK_S
        first = self.harness.together(self.rows(self.fixture))
        return replace(self, harnesses=replace(self.harnesses, clock=CLOCK_S), first=tuple(first))

    def with_alone(self) -> CheckContext:
        """A context with the output of every row alone, and the mean time of such a call. Blocks.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        rows = self.all_input_rows
        started = time.perf_counter()
        outputs = self.harness.alone(self.rows(rows))
        return replace(self, alone=tuple(outputs), call_s=(time.perf_counter() - started) / len(rows))

    def with_rows(self, input_rows: Sequence[InputRow]) -> CheckContext:
        """A context with additional synthetic rows and their outputs alone. Blocks.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        outputs = [output for (output,) in self.calls([[row] for row in input_rows])]
        return replace(self, input_rows=(*self.input_rows, *input_rows), alone=(*self.alone, *outputs))

    def limited(self) -> CheckContext:
        """A context with as many rows as can be called alone in time; the kinds that show most are kept."""
        of_fixture, input_rows = self._within(self.affordable(Part.ALONE))
        fewer = replace(self, fixture=self.fixture[:of_fixture], first=self.first[:of_fixture], input_rows=input_rows)
        self._leave_rows(Part.ALONE, len(fewer.all_input_rows), "rows, each in a call of its own", self._calls_of_all)
        return fewer

    def alone_again(self, processes: int) -> list[tuple[InputRow, Output]]:
        """Rows and their outputs alone, as many as a process can predict again in time; as of `limited`.

        Args:
            processes: how many processes predict them.
        """
        known = {id(row): output for row, output in zip(self.all_input_rows, self.alone, strict=True)}
        of_fixture, input_rows = self._within(self.affordable(Part.PROCESSES) * 2 // 3)
        rows = (*self.fixture[:of_fixture], *input_rows)
        self._leave_rows(
            Part.PROCESSES,
            len(rows),
            f"rows, each alone in {processes} processes",
            -(-self._calls_of_all * 3 // 2),
            processes,
        )
        return [(row, known[id(row)]) for row in rows]

    @property
    def _calls_of_all(self) -> int:
        """For how many calls `_within` gives every row."""
        return max(len(self.input_rows), 2 * len(self.fixture))

    def _leave_rows(self, part: Part, kept: int, what: str, calls: int, times: int = 1) -> None:
        """Record rows that time did not allow; nothing if all are kept.

        Args:
            part: the part that leaves them out.
            kept: how many are kept.
            what: is done with them.
            calls: for how many calls all are kept.
            times: how often the calls are made.
        """
        rows = len(self.all_input_rows)
        if kept < rows:
            rest_s = (rows - kept) * self.call_s * times
            self.leave(part, f"{kept:,} of {rows:,} {what}", rest_s, (calls + 1) * self.call_s)

    def leave(
        self, part: Part, tried: str, rest_s: float | None = None, needed_s: float | None = None, about: str = ""
    ) -> None:
        """Record what time did not allow; see `TimeBudget.undone` and `CheckRecord.leave`."""
        self.record.leave(self.budget.undone(part, tried, rest_s, needed_s), about)

    def _within(self, count: int) -> tuple[int, tuple[InputRow, ...]]:
        """How many rows of the fixture, and which synthetic rows, make about one and a half times so many calls."""
        of_fixture, of_synthetic = max(count // 2, FEWEST_OF_FIXTURE), max(count, FEWEST)
        if len(self.input_rows) <= of_synthetic:
            return of_fixture, self.input_rows
        return of_fixture, tuple(sorted(self.input_rows, key=lambda row: row.kind not in FEW)[:of_synthetic])

    def affordable(self, part: Part) -> int:
        """How many calls can be made in the time of a part."""
        return int(self.budget.of(part) / max(self.call_s, 1e-4))

    def calls(
        self, groups: Sequence[Sequence[InputRow]], perturbation: Perturbation | None = None
    ) -> list[list[Output]]:
        """The outputs of each call."""
        return calls(self.harness, self.inputs, groups, perturbation)

    def differing(self, left: Output, right: Output) -> list[str]:
        """Output columns in which two outputs differ; an empty name where only one was refused."""
        return differing(self.noise_model, left, right)

    def differ_in(self, output: str, left: Output, right: Output) -> bool:
        """Whether two outputs differ in one column; in any column, or by a refusal, if its name is empty."""
        columns = self.differing(left, right)
        return output in columns if output else bool(columns)


def calls(
    harness: HarnessProcess,
    inputs: Schema,
    groups: Sequence[Sequence[InputRow]],
    perturbation: Perturbation | None = None,
    threads: int = 1,
) -> list[list[Output]]:
    """The outputs of calls in a harness; each distinct row is sent once. Blocks.

    Args:
        harness: the harness.
        inputs: the model's declared inputs.
        groups: the rows of each call.
        perturbation: a change to the frame of each call; None for no change.
        threads: how many calls are made at the same time.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    positions: dict[int, int] = {}
    distinct: list[InputRow] = []
    for input_row in (input_row for group in groups for input_row in group):
        if id(input_row) not in positions:
            positions[id(input_row)] = len(distinct)
            distinct.append(input_row)
    numbered = [[positions[id(input_row)] for input_row in group] for group in groups]
    if not groups:
        return []
    return harness.calls(batch_of(distinct, inputs), numbered, perturbation, threads=threads)


def differing(noise_model: NoiseModel, left: Output, right: Output) -> list[str]:
    """Output columns in which two outputs of one row differ; an empty name where only one was refused."""
    if isinstance(left, Refusal) or isinstance(right, Refusal):
        return [] if isinstance(left, Refusal) and isinstance(right, Refusal) else [""]
    names = [name for name in left if noise_model.differ(name, left[name], right[name])]
    return [name for name in names if not noise_model.is_tie(name, left)]
