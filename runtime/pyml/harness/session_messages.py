"""What is said to a laboratory and what it answers: JSON objects, one a line, with rows as Arrow streams in Base64."""

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


@dataclass(frozen=True)
class HarnessRequest:
    """Calls of `predict`, one after another.

    Attributes:
        rows: columns of the model's inputs.
        groups: the rows of each call, by their places in `rows`.
        what_if: how the frame of each call is changed first.
        clock: seconds since 1970 at which all clocks stand still; None leaves them alone.
        runs: whether they run on from there instead.
        seeded: whether every known random generator is seeded anew before each call.
        threads: how many threads share the calls; 1 makes them in order.
        watched: whether it is looked at if `predict` changes what it is given.
        noted: whether it is noted which functions the model's own code calls; that makes calls slow.
    """

    rows: pa.RecordBatch
    groups: Sequence[Sequence[int]]
    perturbation: Perturbation = field(default_factory=Perturbation)
    clock: float | None = None
    seeded: bool = False
    threads: int = 1
    watched: bool = False
    noted: bool = False
    runs: bool = False

    def to_line(self) -> str:
        """As one line."""
        facts = {name: getattr(self, name) for name in ("clock", "seeded", "threads", "watched", "noted", "runs")}
        groups = [list(group) for group in self.groups]
        return json.dumps(
            {"rows": _text_of(self.rows), "groups": groups, "what_if": asdict(self.perturbation), **facts}
        )

    @classmethod
    def from_line(cls, line: str) -> HarnessRequest:
        """Read what `to_line` wrote."""
        facts = json.loads(line)
        change = facts.pop("what_if")
        perturbation = Perturbation(change["kind"], tuple(change["columns"]), change["value"])
        return cls(rows=_batch_of(facts.pop("rows")), perturbation=perturbation, **facts)


@dataclass(frozen=True)
class Refusal:
    """A call that gave no predictions.

    Attributes:
        kind: class of the error: `PredictError` where the model raised, `OutputError` where what it returned is not
            what it declares, `InputError` where the rows do not fit.
        message: in the error's words.
        codes: what is wrong, for programs, the most important first; none where nothing of ours says it.
    """

    kind: str
    message: str
    codes: tuple[ErrorCode, ...] = ()

    @classmethod
    def of(cls, error: PymlError, kind: str = "") -> Refusal:
        """The refusal that an error means.

        Args:
            error: what was raised.
            kind: the class of the error; its own where none is given.
        """
        return cls(kind or type(error).__name__, error.message, error.codes)

    @property
    def code(self) -> ErrorCode | None:
        """What is wrong, for programs."""
        return next(iter(self.codes), None)


@dataclass(frozen=True)
class HarnessResponse:
    """What came of the calls.

    Attributes:
        predictions: of all calls that succeeded, one after another, in the order of the groups.
        refusals: of the others, by the number of the group.
        changed: numbers of the groups in which `predict` changed what it was given.
        variables: environment variables that the model's own code has asked for so far.
        called: functions that it called, where they were noted (`pyml.harness.call_trace`).
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
        return json.dumps({"predictions": _text_of(self.predictions), **facts})

    @classmethod
    def from_line(cls, line: str) -> HarnessResponse:
        """Read what `to_line` wrote."""
        facts = json.loads(line)
        refusals = {int(group): _refusal_of(refusal) for group, refusal in facts["refusals"].items()}
        lists = (tuple(facts[name]) for name in ("changed", "variables", "called"))
        return cls(_batch_of(facts["predictions"]), refusals, *lists)


@dataclass(frozen=True)
class LoadReport:
    """The first line of a laboratory: how loading the model went.

    Attributes:
        problem: why it could not be loaded; empty where it could.
        contract: its kind, inputs and outputs (`pyml.inference.describe.Signature`); None where it could not be loaded.
        warnings: that were raised meanwhile, each as `Class: text`.
        training: how many of its parts are switched to training.
        packages: version of each installed distribution, by name.
    """

    problem: str = ""
    signature: Mapping[str, Any] | None = None
    warnings: Sequence[str] = ()
    training: int = 0
    packages: Mapping[str, str] = field(default_factory=dict)

    def to_line(self) -> str:
        """As one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> LoadReport:
        """Read what `to_line` wrote."""
        return cls(**json.loads(line))


def _refusal_of(facts: Mapping[str, Any]) -> Refusal:
    return Refusal(facts["kind"], facts["message"], tuple(map(ErrorCode, facts["codes"])))


def _text_of(batch: pa.RecordBatch) -> str:
    return base64.b64encode(stream_from_batch(batch)).decode()


def _batch_of(text: str) -> pa.RecordBatch:
    return batch_from_stream(base64.b64decode(text))
