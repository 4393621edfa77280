"""All checks in the laboratory, in the order in which their results can be read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml.inference.describe import Contract
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.checks.batch import BatchChecks
from pyml_sandbox.parity.checks.batch_sizes import of_sizes
from pyml_sandbox.parity.checks.both_paths import PathChecks
from pyml_sandbox.parity.checks.statefulness import StateChecks
from pyml_sandbox.parity.checks.surroundings import SurroundingsChecks
from pyml_sandbox.parity.context.check_context import Bench
from pyml_sandbox.parity.context.size_noise import measure_noise
from pyml_sandbox.parity.context.thresholds import beside_thresholds
from pyml_sandbox.parity.diagnosis.explanations import explained, silenced_by_evaluation
from pyml_sandbox.parity.diagnosis.rules import STATE, WHOLE
from pyml_sandbox.parity.harness_process import Labs, is_answer, refusal_in
from pyml_sandbox.parity.noise.noise_model import Gauge
from pyml_sandbox.parity.observations.observation import NEIGHBOURS, Symptom
from pyml_sandbox.parity.rows.synthetic import fixture_specimens, synthesised
from pyml_sandbox.predict.online import ServerEndedError

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_ROWS = 32
CALLED_BUDGET_S = 5.0
ALONE_BUDGET_S = 10.0
"""What asking about every row alone may take, for a model whose calls are slow."""
BATCH = {*NEIGHBOURS, *WHOLE, "copies"}
EXPLAINABLE = {*BATCH, "paths"}
_OF_BATCHES = (*BATCH, "alone", "contract", "empty")
REFUSED = "the model could not be examined: it refuses every row of the sample, alone and together"
GAP = "the model could not be examined to the end; its process broke off"


@contextmanager
def open_bench(
    labs: Labs, contract: Contract, crowd: pa.RecordBatch, judged: pa.RecordBatch, batch_rows: int
) -> Iterator[Bench]:
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
    with labs.start() as lab:
        rows = crowd.slice(0, SAMPLE_ROWS)
        fixture, first = fixture_specimens(rows), lab.together(rows)
        bench = Bench(contract.inputs, contract.outputs, labs, lab, Gauge(), fixture, first, crowd, judged, batch_rows)
        answered = [(row.values, output) for row, output in zip(fixture, first, strict=True) if is_answer(output)]
        bench.gauge.learn([output for _, output in answered])
        bench.gauge.learn_echoes([given for given, _ in answered], [output for _, output in answered])
        bench.specimens += synthesised(bench.ordinary, contract.inputs)
        yield bench


class _RefusedError(Exception):
    """The model refuses every row, alone and together; the message is its own."""


@dataclass(frozen=True)
class Examination:
    """What the checks in a laboratory saw.

    Attributes:
        symptoms: all of it, each with what explains it.
        gap: why further checks could not be made, and which one was under way; empty where all were.
    """

    symptoms: tuple[Symptom, ...]
    gap: str = ""


def examine(bench: Bench) -> Examination:
    """Make every check; a model that is not steady is asked no further questions.

    `bench.record` says which checks were made. Where the model ends its Python or is too slow, what the checks before
    saw stays.
    """
    try:
        return Examination(tuple(_symptoms(bench)))
    except NoAnswerError as error:
        return Examination(tuple(bench.record.symptoms), gap_at(bench, error))
    except _RefusedError as error:  # no output, and so nothing that two calls could have had in common
        bench.record.withdraw(*bench.record.made)
        return Examination((), f"{REFUSED}: {error}")


def on_the_paths(bench: Bench, checks: PathChecks, examined: Examination) -> Examination:
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
    seen = [*examined.symptoms, *checks.of_fixture()]
    if examined.gap:
        return Examination(tuple(seen), examined.gap)
    before = len(bench.record.symptoms)
    try:
        of_sample = [explain(bench, symptom) for symptom in checks.of_sample(seen)]
    except (NoAnswerError, ServerEndedError) as error:
        return Examination((*seen, *bench.record.symptoms[before:]), gap_at(bench, error))
    return Examination((*seen, *of_sample))


def gap_at(bench: Bench, error: NoAnswerError | ServerEndedError) -> str:
    """Why no further checks could be made, for a reader."""
    checks = ", ".join(f"`{name}`" for name in bench.record.under_way)
    where = f" at the check {checks}" if checks else ""
    return f"{GAP}{where}: {error.message}"


def _symptoms(bench: Bench) -> list[Symptom]:
    state = StateChecks(bench).symptoms()
    if any(symptom.check == "repeat" for symptom in state):
        return state
    bench.thin_out(ALONE_BUDGET_S)
    is_steady = not any(symptom.check in STATE for symptom in state)
    if is_steady and not any(map(is_answer, [*bench.first, *bench.alone])):
        raise _RefusedError(refusal_in(bench.first[0]).partition("\n")[0])
    found = [*state, *SurroundingsChecks(bench, is_steady).symptoms()]
    if not any(symptom.check in STATE for symptom in found):
        measured_s = measure(bench)
        bench.add(beside_thresholds(bench))
        batch = BatchChecks.prepare(bench).symptoms()
        if bench.gauge.reconsider():
            bench.record.withdraw(*_OF_BATCHES)
            batch = BatchChecks.prepare(bench).symptoms()
        found += [*batch, *sizes(bench, {symptom.output for symptom in batch}, measured_s)]
    called = {f"calls:{name}" for name in called_by(bench)} if any(each.check in BATCH for each in found) else set()
    return [explain(bench, each).with_traits(called if each.check in BATCH else set()) for each in found]


def measure(bench: Bench) -> float:
    """Measure the noise of every row that is judged, and hold all further outputs to it; gives back the seconds.

    Raises:
        NoAnswerError: the model ended its Python, or does not answer.
    """
    echoes, row_s = bench.gauge.echoes, bench.call_s
    started = time.perf_counter()
    bench.record.under_way = ("sizes",)
    bench.noise = measure_noise(bench.lab, bench.judged, bench.outputs, bench.batch_rows, echoes=echoes, row_s=row_s)
    bench.gauge.take(bench.noise)
    bench.record.under_way = ()
    return time.perf_counter() - started


def sizes(bench: Bench, seen: Set[str], measured_s: float) -> list[Symptom]:
    """The check of sizes, of what was measured.

    Args:
        bench: with its noise measured.
        seen: output columns in which other checks saw a difference already.
        measured_s: how long measuring took.

    Raises:
        NoAnswerError: the model ended its Python, or does not answer.
    """
    if not bench.noise.rows:
        return []
    with bench.record.making({"sizes": bench.noise.rows}, measured_s) as found:
        found += of_sizes(bench, seen)
    if bench.noise.departing:
        bench.record.fire("sizes")
    return found


def called_by(bench: Bench) -> frozenset[str]:
    """Functions that the model calls, for the sample at once, and for each of its rows and of the specimens alone."""
    rows = bench.everything
    alone = [[place] for place in range(len(rows))][-max(bench.affordable(CALLED_BUDGET_S), 1) :]
    return bench.lab.called(bench.rows(rows), [range(len(bench.fixture)), *alone])


def explain(bench: Bench, symptom: Symptom) -> Symptom:
    """A symptom with what explains it among its traits."""
    if symptom.check not in EXPLAINABLE or not symptom.output:
        return symptom
    if bench.lab.greeting.training and not symptom.outputs and silenced_by_evaluation(bench, symptom):
        return symptom.with_traits(frozenset({"evaluation"}))
    is_plain = symptom.traits & {"plain", "by-value"} or symptom.check in WHOLE
    return symptom if is_plain else symptom.with_traits(explained(bench, symptom))
