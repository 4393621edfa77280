"""The laboratory from outside: start one in a model's own environment, and ask it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from pyml.errors import PackageError, Problem
from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import HarnessRequest, HarnessResponse, LoadReport, Refusal
from pyml_sandbox.parity.noise.noise_model import Row, rows_of

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.models.environment import Environment, EnvironmentBuilder
    from pyml_sandbox.models.model_session import Session

START_TIMEOUT_S = 120
ANSWER_TIMEOUT_S = 120
PATIENCE = 5
"""How many times as long as earlier calls of as many rows a question may take before it is given up."""

Output = Row | Refusal
"""What came of one row: its predicted values by column, or why its call gave none."""


def is_answer(output: Output) -> TypeGuard[Row]:
    """Whether an output is no refusal."""
    return not isinstance(output, Refusal)


def refusal_in(output: Output) -> str:
    """Why a call gave no output; empty where it gave one."""
    return output.message if isinstance(output, Refusal) else ""


@dataclass(frozen=True)
class Variation:
    """How the environment of a laboratory differs from the pinned one that both paths have.

    Attributes:
        name: for reports, such as "PYTHONHASHSEED=1"; empty for none.
        set: variables and their values.
        unset: variables that are taken away.
        elsewhere: another working directory.
    """

    name: str = ""
    set: tuple[tuple[str, str], ...] = ()
    unset: tuple[str, ...] = ()
    elsewhere: bool = False

    @classmethod
    def variable(cls, name: str, value: str) -> Variation:
        """One variable with another value."""
        return cls(f"{name}={value}", ((name, value),))

    @property
    def arguments(self) -> list[str]:
        """For `python -m pyml.harness`."""
        changes = [part for name, value in self.set for part in ("--set", f"{name}={value}")]
        removals = [part for name in self.unset for part in ("--unset", name)]
        return [*changes, *removals, *(["--elsewhere"] if self.elsewhere else [])]


PINNED = Variation()


@dataclass
class HarnessProcess:
    """One process with the model loaded in it.

    Attributes:
        greeting: how loading went.
        variables: what the model's own code has asked the environment for.
        changed: whether any call has changed what it was given; the rows of the first such call.
        row_s: the longest that a row has taken, of all questions so far.
    """

    session_: Session
    greeting: LoadReport
    variables: frozenset[str] = frozenset()
    changed: pa.RecordBatch | None = field(default=None)
    row_s: float = 0.0

    def ask(self, question: HarnessRequest) -> HarnessResponse:
        """Make calls; blocks. The time that a model has for its answer grows with that it has taken so far.

        Raises:
            NoAnswerError: the model ended its Python, or does not answer.
        """
        rows = sum(map(len, question.groups))
        started = time.perf_counter()
        line = self.session_.ask(question.to_line(), ANSWER_TIMEOUT_S + PATIENCE * self.row_s * rows)
        self.row_s = max(self.row_s, (time.perf_counter() - started) / max(rows, 1))
        answers = HarnessResponse.from_line(line)
        self.variables |= set(answers.variables)
        if answers.changed and self.changed is None:
            import pyarrow as pa

            self.changed = question.rows.take(pa.array(question.groups[answers.changed[0]], pa.int64()))
        return answers

    def calls(
        self,
        rows: pa.RecordBatch,
        groups: Sequence[Sequence[int]],
        perturbation: Perturbation | None = None,
        *,
        clock: float | None = None,
        runs: bool = False,
        seeded: bool = False,
        threads: int = 1,
        watched: bool = False,
    ) -> list[list[Output]]:
        """The outputs of each call, row for row; arguments as of `pyml.harness.session_messages.HarnessRequest`."""
        if not groups:
            return []
        answers = self.ask(
            HarnessRequest(rows, groups, perturbation or Perturbation(), clock, seeded, threads, watched, runs=runs)
        )
        predicted = iter(rows_of(answers.predictions))
        outputs: list[list[Output]] = []
        for number, group in enumerate(groups):
            refusal = answers.refusals.get(number)
            outputs.append([refusal] * len(group) if refusal else [next(predicted) for _ in group])
        return outputs

    def called(self, rows: pa.RecordBatch, groups: Sequence[Sequence[int]]) -> frozenset[str]:
        """Functions of libraries that the model's own code calls in these calls."""
        return frozenset(self.ask(HarnessRequest(rows, groups, noted=True)).called)

    def alone(self, rows: pa.RecordBatch, perturbation: Perturbation | None = None) -> list[Output]:
        """The output of each row, called alone."""
        return [call[0] for call in self.calls(rows, [[row] for row in range(rows.num_rows)], perturbation)]

    def together(self, rows: pa.RecordBatch) -> list[Output]:
        """The outputs of all rows in one call; notes whether it changes them."""
        return self.calls(rows, [range(rows.num_rows)], watched=True)[0]

    def close(self) -> None:
        """End the process."""
        self.session_.close()


@dataclass(frozen=True)
class HarnessProcesses:
    """Starts laboratories of one model version.

    Attributes:
        workshop: talks to programs in environments.
        environment: of the version, the same as on both paths.
    """

    builder: EnvironmentBuilder
    environment: Environment

    @contextmanager
    def start(self, variation: Variation = PINNED) -> Iterator[HarnessProcess]:
        """A fresh process; ended at the end of the block.

        Raises:
            PackageError: the model cannot be loaded there.
            NoAnswerError: it ended its Python, or is too slow.
        """
        arguments = ["-m", "pyml.harness", "--package", self.environment.package, *variation.arguments]
        session_ = self.builder.open_session(self.environment, arguments)
        try:
            greeting = LoadReport.from_line(session_.receive(START_TIMEOUT_S))
            if greeting.problem:
                raise PackageError("the model cannot be loaded", [Problem(greeting.problem)])
            yield HarnessProcess(session_, greeting)
        finally:
            session_.close()
