"""`python -m pyml.inference.describe FOLDER`: load a model in its own environment and print its signature.

Prints one JSON object: the model's kind and its declared inputs and outputs, or the problems that prevented loading it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path

from pyml.error_code import ErrorCode
from pyml.errors import PackageError, Problem
from pyml.inference.own_streams import own_stdin, own_stdout
from pyml.types.schema import Schema

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
    """

    kind: str
    inputs: Schema
    outputs: Schema

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        return {"kind": self.kind, "inputs": self.inputs.declaration, "outputs": self.outputs.declaration}

    @classmethod
    def from_json(cls, facts: dict[str, object]) -> Signature:
        """From a JSON object of `to_json`."""
        return cls(str(facts["kind"]), _schema(facts["inputs"]), _schema(facts["outputs"]))


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
    ended = f"the model ended Python with {_exit(code)} while it was loaded"
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
    return Signature("tensor" if runner.is_tensor else "frame", runner.inputs, runner.outputs).to_json()


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
