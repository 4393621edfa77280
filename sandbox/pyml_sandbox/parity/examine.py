"""All checks in the laboratory, in the order in which their results can be read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyml.inference.describe import Signature
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.checks.batch import BatchChecks
from pyml_sandbox.parity.checks.batch_sizes import of_sizes
from pyml_sandbox.parity.checks.both_paths import PathChecks
from pyml_sandbox.parity.checks.statefulness import StateChecks
from pyml_sandbox.parity.checks.surroundings import SurroundingsChecks
from pyml_sandbox.parity.context.check_context import CheckContext
from pyml_sandbox.parity.context.size_noise import measure_noise
from pyml_sandbox.parity.context.thresholds import beside_thresholds
from pyml_sandbox.parity.diagnosis.explanations import explained, silenced_by_evaluation
from pyml_sandbox.parity.harness_process import HarnessProcesses, is_answer, refusal_in
from pyml_sandbox.parity.noise.noise_model import NoiseModel
from pyml_sandbox.parity.observations.catalogue import BATCH, Check, Group, checks_of
from pyml_sandbox.parity.observations.features import Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.synthetic import fixture_rows, synthetic_rows
from pyml_sandbox.predict.online import ServerEndedError

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_ROWS = 32
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
) -> Iterator[CheckContext]:
    """A bench with a laboratory, the rows of a sample of the fixture, and the rows made from them.

    Args:
        labs: starts laboratories.
        contract: of the model.
        crowd: rows of the fixture: columns of the model's inputs; the first of them are the sample.
        judged: every row of the fixture, likewise.
        batch_rows: as many rows as one request of the check holds.

    Raises:
        PackageError: the model cannot be loaded.
    """
    with harnesses.start() as harness:
        rows = full_batch.slice(0, SAMPLE_ROWS)
        fixture, first = fixture_rows(rows), harness.together(rows)
        context = CheckContext(
            signature.inputs,
            signature.outputs,
            harnesses,
            harness,
            NoiseModel(),
            fixture,
            first,
            full_batch,
            judged,
            batch_rows,
        )
        answered = [(row.values, output) for row, output in zip(fixture, first, strict=True) if is_answer(output)]
        context.noise_model.learn([output for _, output in answered])
        context.noise_model.learn_pass_through([given for given, _ in answered], [output for _, output in answered])
        context.input_rows += synthetic_rows(context.ordinary, signature.inputs)
        yield context


class _RefusedError(Exception):
    """The model refuses every row, alone and together; the message is its own."""


@dataclass(frozen=True)
class Examination:
    """What the checks in a laboratory saw.

    Attributes:
        symptoms: all of it, each with what explains it.
        gap: why further checks could not be made, and which one was under way; empty where all were.
    """

    observations: tuple[Observation, ...]
    gap: str = ""


def examine(context: CheckContext) -> Examination:
    """Make every check; a model that is not steady is asked no further questions.

    `bench.record` says which checks were made. Where the model ends its Python or is too slow, what the checks before
    saw stays.
    """
    try:
        return Examination(tuple(_symptoms(context)))
    except NoAnswerError as error:
        return Examination(tuple(context.record.observations), gap_at(context, error))
    except _RefusedError as error:  # no output, and so nothing that two calls could have had in common
        context.record.withdraw(*context.record.made)
        return Examination((), f"{REFUSED}: {error}")


def on_the_paths(context: CheckContext, checks: PathChecks, examined: Examination) -> Examination:
    """Make the checks of the real paths as well; where the laboratory broke off, those that need none.

    Args:
        bench: where the examination was made.
        checks: of the paths.
        examined: what the laboratory saw.

    Returns:
        All of it.

    Raises:
        SandboxError: a path does not answer.
    """
    seen = [*examined.observations, *checks.of_fixture()]
    if examined.gap:
        return Examination(tuple(seen), examined.gap)
    before = len(context.record.observations)
    try:
        of_sample = [explain(context, observation) for observation in checks.of_sample(seen)]
    except (NoAnswerError, ServerEndedError) as error:
        return Examination((*seen, *context.record.observations[before:]), gap_at(context, error))
    return Examination((*seen, *of_sample))


def gap_at(context: CheckContext, error: NoAnswerError | ServerEndedError) -> str:
    """Why no further checks could be made, for a reader."""
    checks = ", ".join(f"`{name}`" for name in context.record.under_way)
    where = f" at the check {checks}" if checks else ""
    return f"{GAP}{where}: {error.message}"


def _symptoms(context: CheckContext) -> list[Observation]:
    state = StateChecks(context).observations()
    if any(observation.check is Check.REPEAT for observation in state):
        return state
    context.limit_rows(ALONE_BUDGET_S)
    is_steady = not any(observation.check.entry.is_unsteady for observation in state)
    if is_steady and not any(map(is_answer, [*context.first, *context.alone])):
        raise _RefusedError(refusal_in(context.first[0]).partition("\n")[0])
    found = [*state, *SurroundingsChecks(context, is_steady).observations()]
    if not any(observation.check.entry.is_unsteady for observation in found):
        measured_s = measure(context)
        context.add(beside_thresholds(context))
        batch = BatchChecks.prepare(context).observations()
        if context.noise_model.reconsider():
            context.record.withdraw(*checks_of(*BATCH, Group.SHAPE))
            batch = BatchChecks.prepare(context).observations()
        found += [*batch, *sizes(context, {observation.output for observation in batch}, measured_s)]
    called = called_by(context) if any(each.group in BATCH for each in found) else frozenset()
    explained = [explain(context, each) for each in found]
    return [replace(each, called=called) if each.group in BATCH else each for each in explained]


def measure(context: CheckContext) -> float:
    """Measure the noise of every row that is judged, and hold all further outputs to it; gives back the seconds.

    Raises:
        NoAnswerError: the model ended its Python, or does not answer.
    """
    pass_through, row_s = context.noise_model.pass_through, context.call_s
    started = time.perf_counter()
    context.record.under_way = (Check.SIZES,)
    context.noise = measure_noise(
        context.harness, context.judged, context.outputs, context.batch_rows, pass_through=pass_through, row_s=row_s
    )
    context.noise_model.take(context.noise)
    context.record.under_way = ()
    return time.perf_counter() - started


def sizes(context: CheckContext, seen: Set[str], measured_s: float) -> list[Observation]:
    """The check of sizes, of what was measured.

    Args:
        bench: with its noise measured.
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
    """Functions that the model calls, for the sample at once, and for each of its rows and of the specimens alone."""
    rows = context.everything
    alone = [[place] for place in range(len(rows))][-max(context.affordable(CALLED_BUDGET_S), 1) :]
    return context.harness.called(context.rows(rows), [range(len(context.fixture)), *alone])


def explain(context: CheckContext, observation: Observation) -> Observation:
    """An observation with what explains it."""
    is_explainable = observation.group in BATCH or observation.check is Check.PATHS
    if not is_explainable or not observation.output:
        return observation
    if context.harness.greeting.training and not observation.outputs and silenced_by_evaluation(context, observation):
        return observation.with_tags(Tag.EVALUATION)
    is_plain = observation.tags & {Tag.PLAIN, Tag.BY_VALUE} or observation.group is Group.WHOLE
    return observation if is_plain else replace(observation, explanations=explained(context, observation))
