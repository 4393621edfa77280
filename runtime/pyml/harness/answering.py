"""Calls of `predict` under varied conditions, with the conversions and checks of both paths around them."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from pyml.errors import OutputError, PymlError
from pyml.harness.call_trace import trace_calls
from pyml.harness.perturbations import Perturbation, changed
from pyml.harness.session_messages import HarnessRequest, HarnessResponse, Refusal
from pyml.harness.training import evaluation
from pyml.inference.digests import digests_of
from pyml.inference.runner import Runner
from pyml.types.dtypes import dtype_of

if TYPE_CHECKING:
    from pyml.inference.digests import Given

SEED = 0
SWITCH_S = 1e-6
"""How long a thread runs before Python may switch to the next one, in seconds, if calls are made at the same time."""
AGAIN = "again"
"""The perturbation under which `predict` is called on a frame that it was called on before."""


@dataclass(frozen=True)
class _Call:
    """The outcome of one call."""

    predictions: pa.RecordBatch | None
    refusal: Refusal | None = None
    is_changed: bool = False


class Harness:
    """A loaded model that answers requests of the parity check.

    Args:
        runner: the model behind the type rule; the same class that both paths call.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def answer(self, request: HarnessRequest) -> HarnessResponse:
        """Make the calls of a request. An exception of the model is part of the response."""
        with self._evaluation_mode(request.perturbation), self._call_trace(request) as called:
            calls = self._calls(request)
        done = [call.predictions for call in calls if call.predictions is not None]
        schema = self._runner.outputs.arrow
        predictions = pa.Table.from_batches(done, schema).combine_chunks().to_batches()
        return HarnessResponse(
            predictions[0] if predictions else pa.RecordBatch.from_pylist([], schema=schema),
            {number: call.refusal for number, call in enumerate(calls) if call.refusal is not None},
            [number for number, call in enumerate(calls) if call.is_changed],
            called=sorted(called),
        )

    def _calls(self, request: HarnessRequest) -> list[_Call]:
        """One after the other, each of which begins at the time of the request; or several at the same time."""
        if request.threads == 1:
            return [self._call_at_its_time(request, group) for group in request.groups]
        with _clock(request.clock, runs=request.runs), _hasty_switches(), ThreadPoolExecutor(request.threads) as pool:
            all_are_here = Barrier(min(request.threads, len(request.groups)))

            def call(number: int, group: Sequence[int]) -> _Call:
                if number < all_are_here.parties:  # the first calls begin at once
                    all_are_here.wait()
                return self._call(request, group)

            return list(pool.map(call, range(len(request.groups)), request.groups))

    def _call_at_its_time(self, request: HarnessRequest, group: Sequence[int]) -> _Call:
        with _clock(request.clock, runs=request.runs):
            return self._call(request, group)

    def _call(self, request: HarnessRequest, group: Sequence[int]) -> _Call:
        rows = request.rows.take(pa.array(group, pa.int64()))
        if request.seeded:
            _seed()
        try:
            given = self._given(rows, request.perturbation)
            before = _state(given) if request.detects_mutation else None
            if request.perturbation.kind == AGAIN:
                self._runner.predict(given)
            returned = self._runner.predict(given)
            predictions = self._predictions(returned, rows.num_rows, request.perturbation)
        except PymlError as error:
            return _Call(None, Refusal.of(error))
        except (
            LookupError,
            ArithmeticError,
            AttributeError,
            TypeError,
            ValueError,
        ) as error:  # a perturbation that does not apply
            return _Call(None, Refusal("PerturbationError", f"{type(error).__name__}: {error}"))
        return _Call(predictions, is_changed=request.detects_mutation and _state(given) != before)

    def _given(self, rows: pa.RecordBatch, perturbation: Perturbation) -> Given:
        given = self._runner.given(rows)
        return changed(given, perturbation) if isinstance(given, pd.DataFrame) else given

    def _predictions(self, returned: object, rows: int, perturbation: Perturbation) -> pa.RecordBatch:
        """Under a perturbation only values count, not dtypes: a model that is given floats may return floats."""
        try:
            return self._runner.predictions(returned, rows)
        except OutputError:
            if not perturbation.kind or not isinstance(returned, pd.DataFrame):
                raise
            dtypes = {field.name: dtype_of(field) for field in self._runner.outputs.fields}
            return self._runner.predictions(returned.astype(dtypes), rows)

    def _call_trace(self, request: HarnessRequest) -> contextlib.AbstractContextManager[set[str]]:
        return trace_calls(self._runner.folder) if request.traces_calls else contextlib.nullcontext(set())

    def _evaluation_mode(self, perturbation: Perturbation) -> contextlib.AbstractContextManager[None]:
        return evaluation(self._runner.model) if perturbation.kind == "evaluation" else contextlib.nullcontext()


def _state(given: Given) -> object:
    """Everything about a frame or tensors that a model can change."""
    names = list(given.columns) if isinstance(given, pd.DataFrame) else list(given)
    index = given.index.tolist() if isinstance(given, pd.DataFrame) else None
    return names, index, [digests.tolist() for digests in digests_of(given)]


@contextlib.contextmanager
def _clock(seconds: float | None, *, runs: bool) -> Iterator[None]:
    if seconds is None:
        yield
        return
    import time_machine

    with time_machine.travel(seconds, tick=runs):
        yield


@contextlib.contextmanager
def _hasty_switches() -> Iterator[None]:
    """Switch threads after microseconds instead of milliseconds: faults between threads show in few tries."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _seed() -> None:
    """Seed every global random generator; a generator that a model creates for itself cannot be reached."""
    random.seed(SEED)
    np.random.seed(SEED)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(SEED)
