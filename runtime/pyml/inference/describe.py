"""`python -m pyml.inference.describe FOLDER`: load a model in its own environment and say what it takes and gives back.

Prints one JSON object: the model's kind and its declared inputs and outputs, or the problems that kept it from loading.
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

SAID_MAX_CHARACTERS = 2000
PATIENCE_S = 3
"""How long a model may take to end once it is described."""
_SIGNALLED = 128


@dataclass(frozen=True)
class Signature:
    """What a model declares.

    Attributes:
        kind: "frame" or "tensor".
        inputs: what `predict` takes.
        outputs: what `predict` gives back.
    """

    kind: str
    inputs: Schema
    outputs: Schema

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        return {"kind": self.kind, "inputs": self.inputs.declaration, "outputs": self.outputs.declaration}

    @classmethod
    def from_json(cls, facts: dict[str, object]) -> Signature:
        """From a JSON object that `to_json` made."""
        return cls(str(facts["kind"]), _schema(facts["inputs"]), _schema(facts["outputs"]))


def signature_of(code: int, printed: str, said: str, folder: Path) -> Signature:
    """The contract in what this program printed.

    An answer counts, however the program ended: what a model does at exit comes after it.

    Args:
        code: its exit code; negative for the signal that ended it.
        printed: on stdout, where it writes nothing but the answer.
        said: on stderr; the last of it is shown where there is no answer.
        folder: of the package, for messages.

    Raises:
        PackageError: it printed problems instead; or nothing, since the model took its Python with it.
    """
    if not printed.strip():
        raise _ended_python(code, said)
    facts = json.loads(printed.splitlines()[0])  # a model that forks while loading may answer twice
    if "problems" in facts:
        problems = [Problem(message, hint, code and ErrorCode(code)) for message, hint, code in facts["problems"]]
        raise PackageError(f"the model package {folder} is not right", problems)
    return Signature.from_json(facts)


def _ended_python(code: int, said: str) -> PackageError:
    last = said.strip()[-SAID_MAX_CHARACTERS:]
    ended = f"the model ended Python with {_exit(code)} while it was loaded"
    hint = "raise an error that says what is wrong, in place of os._exit" if 0 <= code <= _SIGNALLED else ""
    return PackageError("the model cannot be loaded", [Problem(f"{ended}, saying:\n{last}" if last else ended, hint)])


def _exit(code: int) -> str:
    """An exit code in words: a signal is negative to the process that waits, and 128 more than itself to Docker."""
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
    except BaseException as error:  # noqa: BLE001 - whatever a model raises is an answer
        words = "".join(traceback.format_exception_only(error)).strip()
        return {"problems": [(f"loading the model raised {words}", "raise an Exception", None)]}
    return Signature("tensor" if runner.is_tensor else "frame", runner.inputs, runner.outputs).to_json()


def main() -> None:
    """Describe the package named on the command line.

    What the model itself prints goes to stderr. Once it has answered, Python ends; by force where threads of the model,
    or what it does at exit, take longer than `PATIENCE_S`.
    """
    own_stdin()
    with own_stdout() as answers:
        answers.write(json.dumps(_describe(Path(sys.argv[1]))) + "\n")
    end = threading.Timer(PATIENCE_S, os._exit, [0])
    end.daemon = True
    end.start()


if __name__ == "__main__":
    main()
