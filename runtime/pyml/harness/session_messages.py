"""Requests to a harness and its responses: JSON objects, one per line, with rows as Arrow streams in Base64."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pyml.error_code import ErrorCode
from pyml.errors import PymlError
from pyml.harness.perturbations import Perturbation
from pyml.oip.arrow import batch_from_stream, stream_from_batch

if TYPE_CHECKING:
    import pyarrow as pa

FORK = "fork"
"""Asks a harness that has answered no request for a fork, which answers from then on; it says `true`, or `false` if a
fork would not be what a new process is."""
END = "end"
"""Ends a fork; the harness itself says `true`, and answers again."""


@dataclass(frozen=True)
class HarnessRequest:
    """Calls of `predict`, one after another.

    Attributes:
        rows: columns of the model's inputs.
        groups: the rows of each call, by their positions in `rows`.
        perturbation: how the frame of each call is changed before it.
        clock: time in seconds since 1970, at which all clocks stand still in each call; None leaves them unchanged.
        seeded: whether every known random generator is seeded anew before each call.
        threads: number of threads that share the calls; 1 makes them in order.
        detects_mutation: whether to detect that `predict` modifies its input.
        traces_calls: whether to record which functions the model's own code calls; that makes calls slow.
        runs: whether the clocks run on from `clock` instead of standing still.
    """

    rows: pa.RecordBatch
    groups: Sequence[Sequence[int]]
    perturbation: Perturbation = field(default_factory=Perturbation)
    clock: float | None = None
    seeded: bool = False
    threads: int = 1
    detects_mutation: bool = False
    traces_calls: bool = False
    runs: bool = False

    def to_line(self) -> str:
        """As one line."""
        facts = {
            name: getattr(self, name)
            for name in ("clock", "seeded", "threads", "detects_mutation", "traces_calls", "runs")
        }
        groups = [list(group) for group in self.groups]
        return json.dumps(
            {"rows": _encoded(self.rows), "groups": groups, "perturbation": asdict(self.perturbation), **facts}
        )

    @classmethod
    def from_line(cls, line: str) -> HarnessRequest:
        """Read what `to_line` wrote."""
        facts = json.loads(line)
        change = facts.pop("perturbation")
        perturbation = Perturbation(change["kind"], tuple(change["columns"]), change["value"])
        return cls(rows=_decoded(facts.pop("rows")), perturbation=perturbation, **facts)


@dataclass(frozen=True)
class Refusal:
    """A call that returned no predictions.

    Attributes:
        kind: class of the error: `PredictError` if the model raised, `OutputError` if the predictions do not fit its
            declared outputs, `InputError` if the rows do not fit its inputs.
        message: message of the error.
        codes: what is wrong, for programs, most important first; empty for an error that is not a `PymlError`.
    """

    kind: str
    message: str
    codes: tuple[ErrorCode, ...] = ()

    @classmethod
    def of(cls, error: PymlError, kind: str = "") -> Refusal:
        """The refusal for an error.

        Args:
            error: the error that was raised.
            kind: class of the error to report; by default its own.
        """
        return cls(kind or type(error).__name__, error.message, error.codes)

    @property
    def code(self) -> ErrorCode | None:
        """What is wrong, for programs."""
        return next(iter(self.codes), None)


@dataclass(frozen=True)
class HarnessResponse:
    """The outcomes of the calls.

    Attributes:
        predictions: rows of all calls that succeeded, in the order of the groups.
        refusals: the other calls, by the number of the group.
        changed: numbers of the groups in which `predict` modified its input.
        variables: environment variables that the model's own code has read so far.
        called: functions that it called, if the request asked for them (`pyml.harness.call_trace`).
    """

    predictions: pa.RecordBatch
    refusals: Mapping[int, Refusal]
    changed: Sequence[int] = ()
    variables: Sequence[str] = ()
    called: Sequence[str] = ()

    def to_line(self) -> str:
        """As one line."""
        refusals = {str(group): asdict(refusal) for group, refusal in self.refusals.items()}
        facts = {"refusals": refusals, "changed": list(self.changed)}
        facts |= {"variables": list(self.variables), "called": list(self.called)}
        return json.dumps({"predictions": _encoded(self.predictions), **facts})

    @classmethod
    def from_line(cls, line: str) -> HarnessResponse:
        """Read what `to_line` wrote."""
        facts = json.loads(line)
        refusals = {int(group): _refusal_of(refusal) for group, refusal in facts["refusals"].items()}
        lists = (tuple(facts[name]) for name in ("changed", "variables", "called"))
        return cls(_decoded(facts["predictions"]), refusals, *lists)


@dataclass(frozen=True)
class LoadReport:
    """The first line that a harness writes: whether the model was loaded.

    Attributes:
        problem: why it could not be loaded; empty if it was loaded.
        signature: its kind, inputs and outputs (`pyml.inference.describe.Signature`); None if it was not loaded.
        warnings: warnings that were raised meanwhile, each as `Class: message`.
        training: number of its parts that are in training mode.
        packages: version of each installed distribution, by name.
        predicts_empty: whether it wants to be called without rows.
    """

    problem: str = ""
    signature: Mapping[str, Any] | None = None
    warnings: Sequence[str] = ()
    training: int = 0
    packages: Mapping[str, str] = field(default_factory=dict)
    predicts_empty: bool = False

    def to_line(self) -> str:
        """As one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> LoadReport:
        """Read what `to_line` wrote."""
        return cls(**json.loads(line))


def _refusal_of(facts: Mapping[str, Any]) -> Refusal:
    return Refusal(facts["kind"], facts["message"], tuple(map(ErrorCode, facts["codes"])))


def _encoded(batch: pa.RecordBatch) -> str:
    return base64.b64encode(stream_from_batch(batch)).decode()


def _decoded(text: str) -> pa.RecordBatch:
    return batch_from_stream(base64.b64decode(text))
