"""`python -m pyml.describe FOLDER`: load a model in its own environment and say what it takes and gives back.

Prints one JSON object: the model's kind and its declared inputs and outputs, or the problems that kept it from loading.
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import PackageError, Problem
from pyml.schema import Schema

SAID_MAX_CHARACTERS = 2000


@dataclass(frozen=True)
class Contract:
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
    def from_json(cls, facts: dict[str, object]) -> Contract:
        """From a JSON object that `to_json` made."""
        return cls(str(facts["kind"]), _schema(facts["inputs"]), _schema(facts["outputs"]))


def contract_of(answer: str, folder: Path) -> Contract:
    """The contract in what this program printed.

    Raises:
        PackageError: it printed problems instead.
    """
    facts = json.loads(answer)
    if "problems" in facts:
        problems = [Problem(message, hint) for message, hint in facts["problems"]]
        raise PackageError(f"the model package {folder} is not right", problems)
    return Contract.from_json(facts)


def loading_ended_python(code: int, stderr: str) -> PackageError:
    """The error for a model that took its Python with it while it was loaded.

    Args:
        code: exit code of this program.
        stderr: what it said; the last of it is shown.
    """
    said = stderr.strip()[-SAID_MAX_CHARACTERS:]
    ended = f"loading it ended Python with exit code {code}"
    problem = Problem(f"{ended}, saying:\n{said}" if said else ended, "do not call sys.exit while loading")
    return PackageError("the model cannot be loaded", [problem])


def _schema(declaration: object) -> Schema:
    if isinstance(declaration, str):
        return Schema(declaration)
    return Schema([(name, dtype, shape) for name, dtype, shape in declaration])  # type: ignore[attr-defined]


def _describe(folder: Path) -> dict[str, object]:
    from pyml.runner import Runner

    try:
        runner = Runner.load(folder)
    except PackageError as error:
        return {"problems": [(problem.message, problem.hint) for problem in error.problems]}
    return Contract("tensor" if runner.is_tensor else "frame", runner.inputs, runner.outputs).to_json()


def main() -> None:
    """Describe the package named on the command line; what the model itself prints goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        answer = _describe(Path(sys.argv[1]))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
