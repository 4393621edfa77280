"""All checks in the laboratory, in the order in which their results can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyml.describe import Contract
from pyml_sandbox.parity.bench import Bench
from pyml_sandbox.parity.checks.batch import BatchChecks
from pyml_sandbox.parity.checks.sizes import of_sizes
from pyml_sandbox.parity.checks.state import StateChecks
from pyml_sandbox.parity.checks.surroundings import SurroundingsChecks
from pyml_sandbox.parity.diagnosis import STATE, WHOLE
from pyml_sandbox.parity.explanations import explained, silenced_by_evaluation
from pyml_sandbox.parity.lab import Labs, is_answer
from pyml_sandbox.parity.sizes import measure_noise
from pyml_sandbox.parity.specimens import fixture_specimens, synthesised
from pyml_sandbox.parity.symptom import NEIGHBOURS, Symptom
from pyml_sandbox.parity.thresholds import beside_thresholds
from pyml_sandbox.parity.values import Gauge

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_ROWS = 32
CALLED_BUDGET_S = 5.0
ALONE_BUDGET_S = 10.0
"""What asking about every row alone may take, for a model whose calls are slow."""
BATCH = {*NEIGHBOURS, *WHOLE, "copies"}
EXPLAINABLE = {*BATCH, "paths"}


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


def examine(bench: Bench) -> list[Symptom]:
    """Make every check; a model that is not steady is asked no further questions.

    Raises:
        PackageError: the model ended its Python.
    """
    state = StateChecks(bench).symptoms()
    if any(symptom.check == "repeat" for symptom in state):
        return state
    bench.thin_out(ALONE_BUDGET_S)
    is_steady = not any(symptom.check in STATE for symptom in state)
    found = [*state, *SurroundingsChecks(bench, is_steady).symptoms()]
    if not any(symptom.check in STATE for symptom in found):
        measure(bench)
        bench.add(beside_thresholds(bench))
        batch = BatchChecks.prepare(bench).symptoms()
        batch = BatchChecks.prepare(bench).symptoms() if bench.gauge.reconsider() else batch
        found += [*batch, *of_sizes(bench, {symptom.output for symptom in batch})]
    called = {f"calls:{name}" for name in called_by(bench)} if any(each.check in BATCH for each in found) else set()
    return [explain(bench, each).with_traits(called if each.check in BATCH else set()) for each in found]


def measure(bench: Bench) -> None:
    """Measure the noise of every row that is judged, and hold all further outputs to it.

    Raises:
        PackageError: the model ended its Python, or does not answer.
    """
    echoes, row_s = bench.gauge.echoes, bench.call_s
    bench.noise = measure_noise(bench.lab, bench.judged, bench.outputs, bench.batch_rows, echoes=echoes, row_s=row_s)
    bench.gauge.take(bench.noise)


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
