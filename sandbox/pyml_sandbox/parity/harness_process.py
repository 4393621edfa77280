"""Isolated processes: starts the test harness in a model's environment, and sends it requests."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeGuard

from pyml.errors import PackageError, Problem
from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import END, FORK, HarnessRequest, HarnessResponse, LoadReport, Refusal
from pyml_sandbox.models.load_time import START_TIMEOUT_S
from pyml_sandbox.parity.noise.noise_model import Row, rows_of

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.models.environment import Environment, EnvironmentBuilder
    from pyml_sandbox.models.model_session import Session

FIRST_ANSWER_TIMEOUT_S = 900
"""Seconds that the first request may take, before anything is known of the model."""
ANSWER_TIMEOUT_S = 120
PATIENCE = 5
"""A request may take this many times as long as earlier requests with as many rows or calls, and `ANSWER_TIMEOUT_S`."""

Output = Row | Refusal
"""The output of one row: its predicted values by column, or why the call was refused."""


def is_answer(output: Output) -> TypeGuard[Row]:
    """Whether an output holds predicted values."""
    return not isinstance(output, Refusal)


def refusal_in(output: Output) -> str:
    """Why a call was refused; empty if it was not."""
    return output.message if isinstance(output, Refusal) else ""


@dataclass(frozen=True)
class Variation:
    """How the environment of an isolated process differs from the pinned one of both paths.

    Attributes:
        name: for reports, such as "PYTHONHASHSEED=1"; empty if nothing differs.
        set: environment variables to set, with their values.
        unset: environment variables to remove.
        elsewhere: whether the working directory differs.
        cpus: number of CPUs that the process sees; 0 for those of the machine.
        umask: the permissions that its new files lack, in octal digits; empty for those of the pinned environment.
    """

    name: str = ""
    set: tuple[tuple[str, str], ...] = ()
    unset: tuple[str, ...] = ()
    elsewhere: bool = False
    cpus: int = 0
    umask: str = ""

    @classmethod
    def variable(cls, name: str, value: str) -> Variation:
        """One environment variable with a different value."""
        return cls(f"{name}={value}", ((name, value),))

    @property
    def arguments(self) -> list[str]:
        """The arguments of `python -m pyml.harness`."""
        changes = [part for name, value in self.set for part in ("--set", f"{name}={value}")]
        removals = [part for name in self.unset for part in ("--unset", name)]
        elsewhere = ["--elsewhere"] if self.elsewhere else []
        cpus = ["--cpus", str(self.cpus)] if self.cpus else []
        umask = ["--umask", self.umask] if self.umask else []
        return [*changes, *removals, *elsewhere, *cpus, *umask]


PINNED = Variation()


@dataclass(frozen=True)
class Pace:
    """How long the requests of one process took so far; their time may go by rows, or by calls.

    Attributes:
        row_s: longest time of a row, in seconds; None before the first request.
        call_s: longest time of a call, in seconds.
    """

    row_s: float | None = None
    call_s: float = 0.0

    def timeout_s(self, rows: int, calls: int) -> float:
        """The time limit of the next request, in seconds."""
        if self.row_s is None:
            return FIRST_ANSWER_TIMEOUT_S
        return ANSWER_TIMEOUT_S + PATIENCE * max(self.row_s * rows, self.call_s * calls)

    def after(self, rows: int, calls: int, seconds: float) -> Pace:
        """The pace after one more request."""
        return Pace(max(self.row_s or 0.0, seconds / max(rows, 1)), max(self.call_s, seconds / max(calls, 1)))


@dataclass
class HarnessProcess:
    """One isolated process, in which the model is loaded.

    Attributes:
        session: with the process.
        load_report: how loading went.
        variables: names of environment variables that the model's own code has read.
        changed: rows of the first call that modified its input, shape (rows, inputs); None if no call did.
        pace: how long earlier requests took.
        clock: time at which each request begins that names none, in seconds since 1970; None for the real time.
    """

    session: Session
    load_report: LoadReport
    variables: frozenset[str] = frozenset()
    changed: pa.RecordBatch | None = field(default=None)
    pace: Pace = field(default_factory=Pace)
    clock: float | None = None

    def ask(self, request: HarnessRequest, timeout_s: float | None = None) -> HarnessResponse:
        """Send a request. Blocks.

        Args:
            request: the request.
            timeout_s: time limit in seconds; None for one that follows the time that earlier requests took.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        if request.clock is None and self.clock is not None:
            request = replace(request, clock=self.clock, runs=True)
        rows, calls = sum(map(len, request.groups)), len(request.groups)
        started = time.perf_counter()
        line = self.session.ask(request.to_line(), timeout_s or self.pace.timeout_s(rows, calls))
        self.pace = self.pace.after(rows, calls, time.perf_counter() - started)
        response = HarnessResponse.from_line(line)
        self.variables |= set(response.variables)
        if response.changed and self.changed is None:
            import pyarrow as pa

            self.changed = request.rows.take(pa.array(request.groups[response.changed[0]], pa.int64()))
        return response

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
        detects_mutation: bool = False,
        timeout_s: float | None = None,
    ) -> list[list[Output]]:
        """The outputs of each call, row for row. Blocks.

        Args:
            rows: shape (rows, inputs), in the model's Arrow types.
            groups: the calls, each as numbers of `rows`.
            perturbation: a change to the frame of each call; None for no change.
            clock: time that the process sees, in seconds since 1970; None for its own, which is the real time if it
                has none.
            runs: whether that clock runs; else it stands still.
            seeded: whether random generators are seeded before each call.
            threads: how many calls are made at the same time.
            detects_mutation: whether to detect that `predict` modifies its input.
            timeout_s: as of `ask`.

        Raises:
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        if not groups:
            return []
        request = HarnessRequest(
            rows, groups, perturbation or Perturbation(), clock, seeded, threads, detects_mutation, runs=runs
        )
        response = self.ask(request, timeout_s)
        predicted = iter(rows_of(response.predictions))
        outputs: list[list[Output]] = []
        for number, group in enumerate(groups):
            refusal = response.refusals.get(number)
            outputs.append([refusal] * len(group) if refusal else [next(predicted) for _ in group])
        return outputs

    def called(self, rows: pa.RecordBatch, groups: Sequence[Sequence[int]]) -> frozenset[str]:
        """The functions of libraries that the model's own code calls, when `predict` gets these groups of rows."""
        return frozenset(self.ask(HarnessRequest(rows, groups, traces_calls=True)).called)

    def alone(self, rows: pa.RecordBatch, perturbation: Perturbation | None = None) -> list[Output]:
        """The output of each row in a call of its own."""
        return [call[0] for call in self.calls(rows, [[row] for row in range(rows.num_rows)], perturbation)]

    def together(self, rows: pa.RecordBatch) -> list[Output]:
        """The outputs of all rows in one call, in which it is also detected whether `predict` modifies its input."""
        return self.calls(rows, [range(rows.num_rows)], detects_mutation=True)[0]

    @contextmanager
    def forked(self) -> Iterator[HarnessProcess | None]:
        """A fork of this process, which ends with the block; this one must have answered no request. Blocks.

        Yields:
            None if a fork would not be what a new process is, such as with threads, or where processes cannot fork.

        Raises:
            NoAnswerError: the model ended its Python process.
        """
        if self.session.ask(FORK, ANSWER_TIMEOUT_S).strip() != "true":
            yield None
            return
        try:
            yield replace(self)
        except BaseException:
            self.session.close()  # nobody may take the answers of the fork for those of this process
            raise
        self.session.ask(END, ANSWER_TIMEOUT_S)

    def close(self) -> None:
        """End the process."""
        self.session.close()


@dataclass(frozen=True)
class HarnessProcesses:
    """Starts isolated processes of one model version.

    Attributes:
        builder: opens sessions in environments.
        environment: of the version, which is that of both paths.
        start_timeout_s: seconds that loading the model may take.
        clock: of each process, as of `HarnessProcess`.
    """

    builder: EnvironmentBuilder
    environment: Environment
    start_timeout_s: float = START_TIMEOUT_S
    clock: float | None = None

    @contextmanager
    def opened(self, variation: Variation = PINNED) -> Iterator[Session]:
        """Begin to start a process, which `loaded` waits for, and end it with the block. Does not block.

        Args:
            variation: how its environment differs.
        """
        arguments = ["-m", "pyml.harness", "--package", self.environment.package, *variation.arguments]
        session = self.builder.open_session(self.environment, arguments)
        try:
            yield session
        finally:
            session.close()

    def loaded(self, session: Session) -> HarnessProcess:
        """The process of a session, once it has loaded the model. Blocks.

        Args:
            session: as of `opened`, of which nothing was asked.

        Raises:
            PackageError: the model cannot be loaded under these conditions.
            NoAnswerError: the model ended its Python process, or is too slow.
        """
        load_report = LoadReport.from_line(session.receive(self.start_timeout_s))
        if load_report.problem:
            raise PackageError("the model cannot be loaded", [Problem(load_report.problem)])
        return HarnessProcess(session, load_report, clock=self.clock)

    @contextmanager
    def start(self, variation: Variation = PINNED) -> Iterator[HarnessProcess]:
        """Start a new process, and end it with the block. Blocks.

        Args:
            variation: how its environment differs.

        Raises:
            PackageError: as of `loaded`.
            NoAnswerError: as of `loaded`.
        """
        with self.opened(variation) as session:
            yield self.loaded(session)
