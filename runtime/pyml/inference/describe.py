"""`python -m pyml.inference.describe FOLDER [PIPE]`: load a model in its own environment, call it, print its signature.

Prints one JSON object: the model's kind and its declared inputs and outputs, or the problems that prevented loading it;
then a second one: what `predict` raised when it was called on one row that is made up from the declared inputs. A model
may refuse values that it does not know, so that is told, and is not a problem; nor is a call longer than `TRIAL_S`.

PIPE is a file descriptor of a pipe whose other end the caller holds: if it is killed, so is this process's group.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pyml.error_code import ErrorCode
from pyml.errors import PackageError, Problem, PymlError
from pyml.inference.exit_codes import advice_on, named_exit
from pyml.inference.own_streams import own_stdin, own_stdout, record_in, write_record
from pyml.types.schema import Schema

if TYPE_CHECKING:
    from pyml.inference.runner import Runner

SHOWN_CHARACTERS = 2000
TRIAL_S = 10
"""Seconds that the first call of `predict` may take; then it is given up."""
QUICK_S = 10
"""A load up to this many seconds is not worth a note."""
PATIENCE_S = 3
"""Seconds that a model may take to end after it has been described."""
TOO_SLOW = f"predict takes longer than {TRIAL_S} s"
"""The refusal of a model whose first call was given up."""


@dataclass(frozen=True)
class Signature:
    """A model signature: what the model declares.

    Attributes:
        kind: "frame" or "tensor".
        inputs: schema of what `predict` takes.
        outputs: schema of what `predict` returns.
        refusal: why the model predicts no row that is made up from `inputs`; empty if it does, or was not asked.
        load_s: seconds that loading took, if they were more than `QUICK_S`; else 0.
    """

    kind: str
    inputs: Schema
    outputs: Schema
    refusal: str = field(default="", compare=False)
    load_s: float = field(default=0.0, compare=False)

    @classmethod
    def of(cls, runner: Runner) -> Signature:
        """What a loaded model declares."""
        return cls("tensor" if runner.is_tensor else "frame", runner.inputs, runner.outputs)

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        facts: dict[str, object] = {
            "kind": self.kind,
            "inputs": self.inputs.declaration,
            "outputs": self.outputs.declaration,
        }
        further: dict[str, object] = {"refusal": self.refusal, "load_s": self.load_s}
        return facts | {name: value for name, value in further.items() if value}

    @classmethod
    def from_json(cls, facts: Mapping[str, object]) -> Signature:
        """From a JSON object of `to_json`."""
        refusal, load_s = str(facts.get("refusal", "")), float(str(facts.get("load_s", 0.0)))
        return cls(str(facts["kind"]), _schema(facts["inputs"]), _schema(facts["outputs"]), refusal, load_s)


def signature_of(code: int, stdout: str, stderr: str, folder: Path) -> Signature:
    """Read the signature that this program printed.

    A printed signature counts whatever the exit code: what a model does at exit comes after it.

    Args:
        code: exit code of the program; negative for the signal that ended it.
        stdout: output of the program, which holds its JSON objects as records (`own_streams.py`).
        stderr: error output of the program; its end is quoted if nothing was printed.
        folder: folder of the package, for messages.

    Raises:
        PackageError: it printed problems instead, or nothing because the model ended Python.
    """
    records = [json.loads(record) for line in stdout.split("\n") if (record := record_in(line)) is not None]
    if not records:
        raise _ended_python(code, stderr)
    facts, *further = records
    if "problems" in facts:
        problems = [Problem(message, hint, code and ErrorCode(code)) for message, hint, code in facts["problems"]]
        raise PackageError(f"invalid model package {folder}", problems)
    refusal = further[0]["refusal"] if further else f"predict ended Python with {named_exit(code)}"
    return replace(Signature.from_json(facts), refusal=refusal)


def _ended_python(code: int, stderr: str) -> PackageError:
    last = stderr.strip()[-SHOWN_CHARACTERS:]
    ended = f"the model ended Python with {named_exit(code)} while it was loaded"
    problem = Problem(f"{ended}; its last output:\n{last}" if last else ended, advice_on(code))
    return PackageError("the model cannot be loaded", [problem])


def _schema(declaration: object) -> Schema:
    if isinstance(declaration, str):
        return Schema(declaration)
    return Schema([(name, dtype, shape) for name, dtype, shape in declaration])  # type: ignore[attr-defined]


def _describe(folder: Path) -> tuple[dict[str, object], Runner | None]:
    from pyml.inference.runner import Runner

    started = time.monotonic()
    try:
        runner = Runner.load(folder)
    except PackageError as error:
        return {"problems": [(problem.message, problem.hint, problem.code) for problem in error.problems]}, None
    except BaseException as error:  # noqa: BLE001 - whatever a model raises is reported
        raised = "".join(traceback.format_exception_only(error)).strip()
        return {"problems": [(f"loading the model raised {raised}", "raise an Exception", None)]}, None
    seconds = round(time.monotonic() - started, 1)
    return replace(Signature.of(runner), load_s=seconds if seconds > QUICK_S else 0.0).to_json(), runner


def _refusal(runner: Runner) -> str:
    """Why `predict` does not predict an ordinary row; empty if it does, or if no such row can be made."""
    from pyml.inference.ordinary_rows import ordinary_row

    row = ordinary_row(runner.inputs)
    try:
        if row is not None:
            runner.predict_arrow(row)
    except PymlError as error:
        return str(error)
    except BaseException as error:  # noqa: BLE001 - whatever a model raises is told
        return "".join(traceback.format_exception_only(error)).strip()
    return ""


def main() -> None:
    """Describe the package named on the command line.

    What the model itself prints goes to stderr. After the description Python ends; by force if threads of the model, or
    its exit handlers, take longer than `PATIENCE_S`.
    """
    own_stdin()
    for pipe in sys.argv[2:]:
        threading.Thread(target=_end_with, args=(int(pipe),), name="pyml-caller", daemon=True).start()
    with own_stdout() as stdout:
        described, runner = _describe(Path(sys.argv[1]))
        _print(stdout, described)
        if runner is not None:
            given_up = _after(TRIAL_S, lambda: _give_up(stdout))
            refusal = _refusal(runner)
            given_up.cancel()
            _print(stdout, {"refusal": refusal})
    _after(PATIENCE_S, lambda: os._exit(0))


def _end_with(pipe: int) -> None:
    """End this process, and what the model started, once the caller has ended: it holds the other end of a pipe."""
    os.set_inheritable(pipe, False)
    with contextlib.suppress(OSError):
        while os.read(pipe, 1):
            pass
    os.killpg(0, signal.SIGKILL)


def _print(stdout: TextIO, facts: Mapping[str, object]) -> None:
    write_record(stdout, json.dumps(facts))


def _give_up(stdout: TextIO) -> None:
    _print(stdout, {"refusal": TOO_SLOW})
    os._exit(0)


def _after(seconds: float, act: Callable[[], None]) -> threading.Timer:
    """Act after a time, unless Python ends before or the timer is cancelled."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


if __name__ == "__main__":
    main()
