"""All checks in the harness, in the order in which their results can be read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyml.inference.describe import Signature
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.checks.batch import BatchChecks
from pyml_sandbox.parity.checks.batch_sizes import of_sizes
from pyml_sandbox.parity.checks.both_paths import PathChecks
from pyml_sandbox.parity.checks.statefulness import StateChecks
from pyml_sandbox.parity.checks.surroundings import SurroundingsChecks
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.size_noise import measure_noise
from pyml_sandbox.parity.context.thresholds import beside_thresholds
from pyml_sandbox.parity.diagnosis.explanations import explained, is_of_a_second_call, silenced_by_evaluation
from pyml_sandbox.parity.harness_process import HarnessProcesses, is_answer, refusal_in
from pyml_sandbox.parity.noise.noise_model import NoiseModel
from pyml_sandbox.parity.observations.catalogue import BATCH, Check, Group, checks_of
from pyml_sandbox.parity.observations.features import Explanation, Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.paths.batches_online import sample
from pyml_sandbox.parity.rows.synthetic import fixture_rows, synthetic_rows
from pyml_sandbox.predict.online import ServerEndedError

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_ROWS = 32
FULL_BATCH_ROWS = 1000
CALLED_BUDGET_S = 5.0
ALONE_BUDGET_S = 10.0
"""What asking about every row alone may take, for a model whose calls are slow."""
REFUSED = "the model could not be examined: it refuses every row of the sample, alone and together"
GAP = "the model could not be examined to the end; its process broke off"


@contextmanager
def open_context(
    harnesses: HarnessProcesses,
    signature: Signature,
    full_batch: pa.RecordBatch,
    judged: pa.RecordBatch,
    batch_rows: int,
    granted: Tolerances,
) -> Iterator[CheckContext]:
    """A check context with a harness, the rows of a sample of the fixture, and the rows made from them.

    Args:
        harnesses: starts harnesses.
        signature: of the model.
        full_batch: rows of the fixture: columns of the model's inputs; the first of them are the sample.
        judged: every row of the fixture, likewise.
        batch_rows: as many rows as one request of the check holds.
        granted: what floats may differ by before anything is measured.

    Raises:
        PackageError: the model cannot be loaded.
    """
    with harnesses.start() as harness:
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
            judged,
            batch_rows,
            granted,
        )
        yield replace(context, input_rows=tuple(synthetic_rows(context.ordinary, signature.inputs)))


def context_of_rows(
    harnesses: HarnessProcesses,
    signature: Signature,
    rows: pa.Table,
    batch_rows: int,
    granted: Tolerances | None = None,
) -> AbstractContextManager[CheckContext]:
    """A check context for the rows of a fixture; see `open_context`.

    Args:
        harnesses: starts harnesses.
        signature: of the model.
        rows: every row of the fixture: columns of the model's inputs.
        batch_rows: as many rows as one request of the check holds.
        granted: what floats may differ by before anything is measured; None for what their types allow.

    Raises:
        PackageError: the model cannot be loaded.
    """
    import pyarrow as pa

    from pyml.types.frame import conform, one_batch

    full_batch = pa.concat_tables([sample(rows, SAMPLE_ROWS), rows.slice(0, FULL_BATCH_ROWS - SAMPLE_ROWS)])
    conformed, judged = (conform(one_batch(table), signature.inputs) for table in (full_batch, rows))
    return open_context(harnesses, signature, conformed, judged, batch_rows, granted or Tolerances())


class _RefusedError(Exception):
    """The model refuses every row, alone and together; the message is its own."""


@dataclass(frozen=True)
class Examination:
    """What the checks in a harness saw.

    Attributes:
        context: what they ran in, with all that was learned on the way.
        observations: all of it, each with what explains it.
        gap: why further checks could not be made, and which one was under way; empty where all were.
    """

    context: CheckContext
    observations: tuple[Observation, ...]
    gap: str = ""


def examine(context: CheckContext) -> Examination:
    """Make every check; a model that is not steady is asked no further questions.

    The context's record says which checks were made. Where the model ends its Python or is too slow, what the checks
    before saw stays, and what was learned.
    """
    examiner = _Examiner(context)
    try:
        observations = tuple(examiner.observations())
    except NoAnswerError as error:
        return Examination(examiner.context, tuple(context.record.observations), gap_at(context, error))
    except _RefusedError as error:  # no output, and so nothing that two calls could have had in common
        context.record.withdraw(*context.record.made)
        return Examination(examiner.context, (), f"{REFUSED}: {error}")
    return Examination(examiner.context, observations)


def on_the_paths(checks: PathChecks, examined: Examination) -> Examination:
    """Make the checks of the real paths as well; where the harness broke off, those that need none.

    Args:
        checks: of the paths.
        examined: what the harness saw.

    Returns:
        All of it.

    Raises:
        SandboxError: a path does not answer.
    """
    context = examined.context
    seen = (*examined.observations, *checks.of_fixture())
    if examined.gap:
        return replace(examined, observations=seen)
    before = len(context.record.observations)
    try:
        of_sample = [explain(context, observation) for observation in checks.of_sample(seen)]
    except (NoAnswerError, ServerEndedError) as error:
        rest = context.record.observations[before:]
        return replace(examined, observations=(*seen, *rest), gap=gap_at(context, error))
    return replace(examined, observations=(*seen, *of_sample))


def gap_at(context: CheckContext, error: NoAnswerError | ServerEndedError) -> str:
    """Why no further checks could be made, for a reader."""
    checks = ", ".join(f"`{name}`" for name in context.record.under_way)
    where = f" at the check {checks}" if checks else ""
    return f"{GAP}{where}: {error.message}"


class _Examiner:
    """Makes the checks one after the other.

    Attributes:
        context: what the next check runs in: each step that learns something puts a new one in its place.
    """

    def __init__(self, context: CheckContext) -> None:
        self.context = context

    def observations(self) -> list[Observation]:
        """Everything that the checks see, each with what explains it."""
        state = self._of_state()
        if any(observation.check is Check.REPEAT for observation in state):
            return state
        is_steady = not any(observation.check.entry.is_unsteady for observation in state)
        self._learn_rows_alone(is_steady=is_steady)
        found = [*state, *SurroundingsChecks(self.context, is_steady).observations()]
        if not any(observation.check.entry.is_unsteady for observation in found):
            found += self._of_batches()
        called = called_by(self.context) if any(each.group in BATCH for each in found) else frozenset()
        explained = [explain(self.context, each) for each in found]
        return [replace(each, called=called) if each.group in BATCH else each for each in explained]

    def _of_state(self) -> list[Observation]:
        repeated = StateChecks(self.context).repeat()
        self.context = replace(self.context, call_s=repeated.call_s)
        return StateChecks(self.context).after(repeated)

    def _learn_rows_alone(self, *, is_steady: bool) -> None:
        """Ask about rows alone, as many as time allows; not where earlier calls change the answers."""
        self.context = self.context.limited(ALONE_BUDGET_S)
        if not is_steady:
            return
        self.context = self.context.with_alone()
        if not any(map(is_answer, [*self.context.first, *self.context.alone])):
            raise _RefusedError(refusal_in(self.context.first[0]).partition("\n")[0])

    def _of_batches(self) -> list[Observation]:
        """The checks of the batch. The noise of all judged rows is measured before: they are held to it."""
        self.context, measured_s = measured(self.context)
        self.context = self.context.with_rows(beside_thresholds(self.context))
        checks = BatchChecks.prepare(self.context)
        batch = checks.observations()
        noise_model = self.context.noise_model.noted(checks.compared)
        if noise_model.noise_after_all:
            self.context = replace(self.context, noise_model=noise_model.reconsidered())
            self.context.record.withdraw(*checks_of(*BATCH, Group.SHAPE))
            batch = BatchChecks.prepare(self.context).observations()
        else:
            self.context = replace(self.context, noise_model=noise_model)
        return [*batch, *sizes(self.context, {observation.output for observation in batch}, measured_s)]


def measured(context: CheckContext) -> tuple[CheckContext, float]:
    """A context that knows the noise of every row that is judged, and holds all further outputs to it.

    Args:
        context: what the checks ran in so far.

    Returns:
        The context, and the seconds that measuring took.

    Raises:
        NoAnswerError: the model ended its Python, or does not answer.
    """
    started = time.perf_counter()
    context.record.under_way = (Check.SIZES,)
    noise = measure_noise(
        context.harness,
        context.judged,
        context.outputs,
        context.batch_rows,
        granted=context.granted,
        pass_through=context.noise_model.pass_through,
        row_s=context.call_s,
    )
    context.record.under_way = ()
    held = replace(context, noise=noise, noise_model=context.noise_model.held_to(noise))
    return held, time.perf_counter() - started


def sizes(context: CheckContext, seen: Set[str], measured_s: float) -> list[Observation]:
    """The check of sizes, of what was measured.

    Args:
        context: with its noise measured.
        seen: output columns in which other checks saw a difference already.
        measured_s: how long measuring took.

    Raises:
        NoAnswerError: the model ended its Python, or does not answer.
    """
    if not context.noise.rows:
        return []
    with context.record.making({Check.SIZES: context.noise.rows}, measured_s) as found:
        found += of_sizes(context, seen)
    if context.noise.departing:
        context.record.fire(Check.SIZES)
    return found


def called_by(context: CheckContext) -> frozenset[str]:
    """Functions that the model calls, for the sample at once, and for each row of it and each synthetic row alone."""
    rows = context.everything
    alone = [[place] for place in range(len(rows))][-max(context.affordable(CALLED_BUDGET_S), 1) :]
    return context.harness.called(context.rows(rows), [range(len(context.fixture)), *alone])


def explain(context: CheckContext, observation: Observation) -> Observation:
    """An observation with what explains it."""
    is_explainable = observation.group in BATCH or observation.check is Check.PATHS
    if not is_explainable or not observation.output:
        return observation
    if (
        context.harness.load_report.training
        and not observation.outputs
        and silenced_by_evaluation(context, observation)
    ):
        return observation.with_tags(Tag.EVALUATION)
    if context.harness.changed is not None and is_of_a_second_call(context, observation):
        return replace(observation, explanations=frozenset({Explanation.AGAIN}))
    is_plain = observation.tags & {Tag.PLAIN, Tag.BY_VALUE} or observation.group is Group.WHOLE
    return observation if is_plain else replace(observation, explanations=explained(context, observation))
