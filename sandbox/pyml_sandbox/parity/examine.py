"""Makes all checks in the harness, in an order in which each result can be interpreted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyml.inference.describe import Signature
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.checks.against_notebook import of_notebook
from pyml_sandbox.parity.checks.batch import BatchChecks
from pyml_sandbox.parity.checks.batch_sizes import of_sizes
from pyml_sandbox.parity.checks.both_paths import PathChecks
from pyml_sandbox.parity.checks.map_order import of_map_order
from pyml_sandbox.parity.checks.process_environment import EnvironmentChecks
from pyml_sandbox.parity.checks.statefulness import StateChecks
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.size_noise import measure_noise
from pyml_sandbox.parity.context.thresholds import beside_thresholds
from pyml_sandbox.parity.context.time_budget import Part, TimeBudget
from pyml_sandbox.parity.diagnosis.explanations import Explainer
from pyml_sandbox.parity.diagnosis.rules import diagnose
from pyml_sandbox.parity.harness_process import HarnessProcesses, is_answer, refusal_in
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.noise_model import NoiseModel
from pyml_sandbox.parity.observations.catalogue import BATCH, Check, Group, checks_of
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.observations.phase_clock import Phase
from pyml_sandbox.parity.paths.batches_online import sample
from pyml_sandbox.parity.rows.stored_rows import DeclaredRows, Rows, RowSlices
from pyml_sandbox.parity.rows.synthetic import fixture_rows, synthetic_rows
from pyml_sandbox.predict.online import ServerEndedError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from pyml_sandbox.models.model_session import Session

SAMPLE_ROWS = 32
FULL_BATCH_ROWS = 1000
NOT_EXAMINED = "the model could not be examined"
REFUSED = f"{NOT_EXAMINED}: it refuses every row of the sample, alone and together"
GAP = "the model could not be examined completely; the harness stopped"
FIRST_LEVEL_ALONE = (
    'for the level of the two real paths alone, which needs no harness: level = "P1" in table [parity] of pyml.toml'
)
CALLS = 200
"""About as many calls the checks make of the slowest model."""
LONGEST_S = 2 * 3600
"""How long they may take, in seconds."""


@contextmanager
def open_context(
    harnesses: HarnessProcesses,
    signature: Signature,
    full_batch: pa.RecordBatch,
    all_rows: RowSlices,
    batch_rows: int,
    granted: Tolerances,
    budget: TimeBudget | None = None,
    opened: Session | None = None,
) -> Iterator[CheckContext]:
    """A check context with a harness, a sample of the fixture, and synthetic rows made from the sample.

    Args:
        harnesses: starts harnesses.
        signature: of the model.
        full_batch: rows of the fixture, shape (rows, inputs), in the declared types; the first are the sample.
        all_rows: every row of the fixture, likewise.
        batch_rows: rows in one request of the check.
        granted: the tolerances of floats before noise is measured.
        budget: how long each part of the checks may take; None for the default.
        opened: a process that has begun to start, which its opener ends; None to start one.

    Raises:
        PackageError: the model cannot be loaded.
    """
    with nullcontext(harnesses.loaded(opened)) if opened else harnesses.start() as harness:
        rows = full_batch.slice(0, SAMPLE_ROWS)
        fixture, first = fixture_rows(rows), harness.together(rows)
        answered = [(row.values, output) for row, output in zip(fixture, first, strict=True) if is_answer(output)]
        given, outputs = [values for values, _ in answered], [output for _, output in answered]
        context = CheckContext(
            signature.inputs,
            signature.outputs,
            harnesses,
            harness,
            NoiseModel(stated=granted.columns).learned(outputs).learned_pass_through(given, outputs),
            tuple(fixture),
            tuple(first),
            full_batch,
            all_rows,
            batch_rows,
            granted,
            budget=budget or TimeBudget(),
        )
        try:
            yield replace(context, input_rows=tuple(synthetic_rows(context.ordinary, signature.inputs)))
        finally:
            context.kept.end()


def context_of_rows(
    harnesses: HarnessProcesses,
    signature: Signature,
    rows: Rows,
    batch_rows: int,
    granted: Tolerances | None = None,
    budget: TimeBudget | None = None,
    opened: Session | None = None,
) -> AbstractContextManager[CheckContext]:
    """A check context for the rows of a fixture; see `open_context`.

    Args:
        harnesses: starts harnesses.
        signature: of the model.
        rows: every row of the fixture, shape (rows, inputs).
        batch_rows: rows in one request of the check.
        granted: the tolerances of floats before noise is measured; None for those of their types.
        budget: how long each part of the checks may take; None for the default.
        opened: as of `open_context`.

    Raises:
        PackageError: the model cannot be loaded.
    """
    import pyarrow as pa

    from pyml.types.declared_rows import conform, one_batch

    full_batch = pa.concat_tables([sample(rows, SAMPLE_ROWS), rows.slice(0, FULL_BATCH_ROWS - SAMPLE_ROWS)])
    conformed, all_rows = conform(one_batch(full_batch), signature.inputs), DeclaredRows(rows, signature.inputs)
    return open_context(harnesses, signature, conformed, all_rows, batch_rows, granted or Tolerances(), budget, opened)


class _RefusedError(Exception):
    """The model refuses every row, alone and together; has the model's message."""


@dataclass(frozen=True)
class Examination:
    """The results of the checks in a harness.

    Attributes:
        context: the check context, with all that was learned.
        observations: all observations, each with its explanations.
        gap: why further checks could not be made, and during which check; empty if all were made.
    """

    context: CheckContext
    observations: tuple[Observation, ...]
    gap: str = ""


def examine(context: CheckContext) -> Examination:
    """Make every check; after an unsteady model is found, further checks are left out. Blocks.

    The context's record has the checks that were made. If the model ends its process or is too slow, the observations
    of earlier checks are kept.
    """
    if gap := too_slow(context.harness.pace.call_s, context.budget.seconds):
        return Examination(context, (), gap)
    examiner = _Examiner(context)
    try:
        observations = tuple(examiner.observations())
    except NoAnswerError as error:
        return Examination(examiner.context, tuple(context.record.observations), gap_at(context, error))
    except _RefusedError as error:  # without any output there is nothing to compare
        context.record.withdraw(*context.record.made)
        return Examination(examiner.context, (), f"{REFUSED}: {error}")
    return Examination(examiner.context, observations)


def on_the_paths(checks: PathChecks, examined: Examination, expected: Path | None = None) -> Examination:
    """Make the checks of the real paths as well; after a gap, only those that do not need the harness. Blocks.

    Args:
        checks: of the real paths.
        examined: the results of the harness.
        expected: Parquet file of keys and outputs, as the notebook predicted them; None if there is none.

    Returns:
        The results of both.

    Raises:
        SandboxError: a path does not answer.
    """
    context = examined.context
    seen = (*examined.observations, *checks.of_fixture())
    if examined.gap:
        return replace(examined, observations=seen)
    before = len(context.record.observations)
    try:
        of_sample = Explainer(context).explain_all(checks.of_sample(seen))
        of_sample += _of_notebook(checks, seen, expected) if expected else []
    except (NoAnswerError, ServerEndedError) as error:
        rest = context.record.observations[before:]
        return replace(examined, observations=(*seen, *rest), gap=gap_at(context, error))
    return replace(examined, observations=(*seen, *of_sample))


def _of_notebook(checks: PathChecks, earlier: Sequence[Observation], expected: Path) -> list[Observation]:
    """What differs from the notebook, with the columns that drive it; nothing if the model differs from itself."""
    if any(observation.check.entry.is_unsteady for observation in earlier):
        return []
    context = checks.context
    found = of_notebook(context, checks.snapshot, expected, checks.predictions)
    explainer = Explainer(context)
    explained = explainer.explain_all(found)
    with context.record.phases.within(Phase.EXPLAIN) if found else nullcontext():
        return [replace(observation, inputs=explainer.drivers(observation)) for observation in explained]


def gap_at(context: CheckContext, error: NoAnswerError | ServerEndedError) -> str:
    """Why further checks could not be made, as a message."""
    checks = ", ".join(f"`{name}`" for name in context.record.under_way)
    where = f" at the check {checks}" if checks else ""
    return f"{GAP}{where}: {error.message}\n{FIRST_LEVEL_ALONE}"


def too_slow(call_s: float, budget_s: float = 0.0) -> str:
    """Why a model cannot be examined, since its calls take too long; empty if it can.

    Args:
        call_s: time of a call with the sample, in seconds.
        budget_s: the time budget of the check, in seconds; one that is longer than usual allows as much.
    """
    needed_s = CALLS * call_s
    if needed_s <= max(LONGEST_S, budget_s):
        return ""
    slow = f"a call of predict with a sample of the rows takes {call_s:.0f} s"
    needed = f"so that the checks would take {needed_s / 3600:.0f} h"
    allowed = f"to allow that: budget_s = {math.ceil(needed_s)} in table [parity] of pyml.toml"
    return f"{NOT_EXAMINED}: {slow}, {needed}\n{allowed}\n{FIRST_LEVEL_ALONE}"


class _Examiner:
    """Makes the checks one after the other.

    Attributes:
        context: the context of the next check; a step that learns something replaces it.
    """

    def __init__(self, context: CheckContext) -> None:
        self.context = context

    def observations(self) -> list[Observation]:
        """All observations, each with its explanations; if any memory was never written, those of memory first."""
        seen = self._of_state_and_batches()
        differs = any(not (each.is_remark or each.is_read) for each in diagnose(seen))
        return [*seen, *(EnvironmentChecks(self.context).of_memory() if differs else [])]

    def _of_state_and_batches(self) -> list[Observation]:
        state = self._of_state()
        if any(observation.check is Check.REPEAT for observation in state):
            return state
        is_steady = not any(observation.check.entry.is_unsteady for observation in state)
        self._learn_rows_alone(is_steady=is_steady)
        if is_steady and (after_error := StateChecks(self.context).after_error()):
            return [*state, *after_error]
        found = [*state, *of_map_order(self.context)]
        with ThreadPoolExecutor(1, thread_name_prefix="pyml-sizes") as pool:
            # The checks of the environment call other processes, so that this one is free meanwhile.
            measuring = pool.submit(timed_noise, self.context) if is_steady else None
            found += EnvironmentChecks(self.context, is_steady).observations()
            if measuring and not any(observation.check.entry.is_unsteady for observation in found):
                found += self._of_batches(measuring)
        called = called_by(self.context) if any(each.group in BATCH for each in found) else frozenset()
        explained = Explainer(self.context).explain_all(found)
        return [replace(each, called=called) if each.group in BATCH else each for each in explained]

    def _of_state(self) -> list[Observation]:
        repeated = StateChecks(self.context).repeat()
        self.context = replace(self.context, call_s=repeated.call_s)
        found = StateChecks(self.context).after(repeated)
        if any(observation.check is Check.CLOCK for observation in found):
            self.context = self.context.at_one_time()
        return found

    def _learn_rows_alone(self, *, is_steady: bool) -> None:
        """Call rows alone, as many as time allows; not if earlier calls change outputs."""
        self.context = self.context.limited()
        self.context.record.on_progress(f"{len(self.context.all_input_rows):,} rows, each alone")
        if not is_steady:
            return
        self.context = self.context.with_alone()
        if not any(map(is_answer, [*self.context.first, *self.context.alone])):
            raise _RefusedError(refusal_in(self.context.first[0]).partition("\n")[0])

    def _of_batches(self, measuring: Future[tuple[Noise, float]]) -> list[Observation]:
        """The checks of the batch, after the noise of all rows is measured, since it is their tolerance.

        Args:
            measuring: the noise and its time, as of `timed_noise`; waits for it.
        """
        self.context, measured_s = measured(self.context, measuring.result)
        self.context = self.context.with_rows(beside_thresholds(self.context))
        checks = BatchChecks.prepare(self.context)
        batch = checks.observations()
        noise_model = self.context.noise_model.learned_pairs(checks.compared)
        if noise_model.noise_after_all:
            self.context = replace(self.context, noise_model=noise_model.reconsidered())
            self.context.record.withdraw(*checks_of(*BATCH, Group.SHAPE))
            batch = BatchChecks.prepare(self.context).observations()
        else:
            self.context = replace(self.context, noise_model=noise_model)
        return [*batch, *sizes(self.context, {observation.output for observation in batch}, measured_s)]


def timed_noise(context: CheckContext) -> tuple[Noise, float]:
    """The noise of every row of the fixture, and how long measuring it took in seconds. Blocks.

    It calls the context's harness and uses nothing else that changes, so that a thread of its own may do it.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    started = time.perf_counter()
    noise = measure_noise(
        context.harness,
        context.all_rows,
        context.outputs,
        context.batch_rows,
        budget_s=context.budget.of(Part.SIZES),
        granted=context.granted,
        pass_through=context.noise_model.pass_through,
        row_s=context.call_s,
    )
    return noise, time.perf_counter() - started


def measured(context: CheckContext, measure: Callable[[], tuple[Noise, float]]) -> tuple[CheckContext, float]:
    """A context with the noise, with which all further outputs are compared, and the time of its measurement. Blocks.

    Args:
        context: the context so far.
        measure: gives the noise and its time in seconds, as `timed_noise` does; meanwhile the check `sizes` is under
            way, and still is after an error.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    context.record.under_way = (Check.SIZES,)
    context.record.on_progress(f"{Check.SIZES}, with {context.all_rows.num_rows:,} rows")
    noise, seconds = measure()
    context.record.under_way = ()
    if noise.rows < noise.of:
        tried = f"{noise.rows:,} of {noise.of:,} rows in batches of 1, 2, 8 and 64"
        context.leave(Part.SIZES, tried, noise.rest_s, noise.needed_s)
    return replace(context, noise=noise, noise_model=context.noise_model.held_to(noise)), seconds


def sizes(context: CheckContext, seen: Set[str], measured_s: float) -> list[Observation]:
    """The check `sizes`, from the measured noise. Blocks.

    Args:
        context: its noise has been measured.
        seen: output columns in which other checks have already seen a difference.
        measured_s: time of the measurement in seconds.

    Raises:
        NoAnswerError: the model ended its Python process, or is too slow.
    """
    if not context.noise.rows:
        return []
    with context.record.making({Check.SIZES: context.noise.rows}, measured_s) as found:
        found += of_sizes(context, seen)
    if context.noise.size_dependent:
        context.record.fire(Check.SIZES)
    return found


def called_by(context: CheckContext) -> frozenset[str]:
    """Functions that the model calls, with the sample in one call, and with each row of it and synthetic row alone."""
    rows = context.all_input_rows
    alone = [[position] for position in range(len(rows))][-max(context.affordable(Part.TRACE), 1) :]
    if len(alone) < len(rows):
        rest_s = (len(rows) - len(alone)) * context.call_s
        context.leave(Part.TRACE, f"{len(alone):,} of {len(rows):,} rows, each alone", rest_s)
    with context.record.phases.within(Phase.EXPLAIN):
        return context.harness.called(context.rows(rows), [range(len(context.fixture)), *alone])
