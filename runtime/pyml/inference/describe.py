"""`python -m pyml.inference.describe FOLDER`: load a model in its own environment, call it once, print its signature.

Prints one JSON object: the model's kind and its declared inputs and outputs, or the problems that prevented loading it.
`predict` is called on one row that is made up from the declared inputs. A model may refuse values that it does not
know, so what it raises is told, and is not a problem.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import PackageError, Problem, PymlError
from pyml.inference.own_streams import own_stdin, own_stdout
from pyml.types.schema import Schema

if TYPE_CHECKING:
    from pyml.inference.runner import Runner

SHOWN_CHARACTERS = 2000
PATIENCE_S = 3
"""Seconds that a model may take to end after it has been described."""
_SIGNALLED = 128


@dataclass(frozen=True)
class Signature:
    """A model signature: what the model declares.

    Attributes:
        kind: "frame" or "tensor".
        inputs: schema of what `predict` takes.
        outputs: schema of what `predict` returns.
        refusal: why the model predicts no row that is made up from `inputs`; empty if it does, or was not asked.
    """

    kind: str
    inputs: Schema
    outputs: Schema
    refusal: str = field(default="", compare=False)

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        facts: dict[str, object] = {
            "kind": self.kind,
            "inputs": self.inputs.declaration,
            "outputs": self.outputs.declaration,
        }
        return {**facts, "refusal": self.refusal} if self.refusal else facts

    @classmethod
    def from_json(cls, facts: Mapping[str, object]) -> Signature:
        """From a JSON object of `to_json`."""
        refusal = str(facts.get("refusal", ""))
        return cls(str(facts["kind"]), _schema(facts["inputs"]), _schema(facts["outputs"]), refusal)


def signature_of(code: int, stdout: str, stderr: str, folder: Path) -> Signature:
    """Read the signature that this program printed.

    A printed signature counts whatever the exit code: what a model does at exit comes after it.

    Args:
        code: exit code of the program; negative for the signal that ended it.
        stdout: output of the program, which holds nothing but its JSON object.
        stderr: error output of the program; its end is quoted if nothing was printed.
        folder: folder of the package, for messages.

    Raises:
        PackageError: it printed problems instead, or nothing because the model ended Python.
    """
    if not stdout.strip():
        raise _ended_python(code, stderr)
    facts = json.loads(stdout.splitlines()[0])  # a model that forks while loading may print twice
    if "problems" in facts:
        problems = [Problem(message, hint, code and ErrorCode(code)) for message, hint, code in facts["problems"]]
        raise PackageError(f"invalid model package {folder}", problems)
    return Signature.from_json(facts)


def _ended_python(code: int, stderr: str) -> PackageError:
    last = stderr.strip()[-SHOWN_CHARACTERS:]
    ended = f"the model ended Python with {_exit(code)} while it was loaded, or called for the first time"
    hint = "raise an error that says what is wrong instead of calling os._exit" if 0 <= code <= _SIGNALLED else ""
    return PackageError(
        "the model cannot be loaded", [Problem(f"{ended}; its last output:\n{last}" if last else ended, hint)]
    )


def _exit(code: int) -> str:
    """An exit code for messages. A signal is negative to a waiting process; to Docker it is 128 plus that."""
    number = -code if code < 0 else code - _SIGNALLED
    with contextlib.suppress(ValueError):
        return f"exit code {code} ({signal.Signals(number).name})"
    return f"exit code {code}"


def _schema(declaration: object) -> Schema:
    if isinstance(declaration, str):
        return Schema(declaration)
    return Schema([(name, dtype, shape) for name, dtype, shape in declaration])  # type: ignore[attr-defined]


def _describe(folder: Path) -> dict[str, object]:
    from pyml.inference.runner import Runner

    try:
        runner = Runner.load(folder)
    except PackageError as error:
        return {"problems": [(problem.message, problem.hint, problem.code) for problem in error.problems]}
    except BaseException as error:  # noqa: BLE001 - whatever a model raises is reported
        raised = "".join(traceback.format_exception_only(error)).strip()
        return {"problems": [(f"loading the model raised {raised}", "raise an Exception", None)]}
    kind = "tensor" if runner.is_tensor else "frame"
    return Signature(kind, runner.inputs, runner.outputs, _refusal(runner)).to_json()


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
    with own_stdout() as stdout:
        stdout.write(json.dumps(_describe(Path(sys.argv[1]))) + "\n")
    end = threading.Timer(PATIENCE_S, os._exit, [0])
    end.daemon = True
    end.start()


if __name__ == "__main__":
    main()
