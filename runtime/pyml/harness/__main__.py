"""`python -m pyml.harness`: load a model, say how that went, and answer one question a line until there are no more.

    python -m pyml.harness --package FOLDER [--set NAME=VALUE] [--unset NAME] [--elsewhere]

It starts in the pinned environment of both paths; `--set`, `--unset` and `--elsewhere` (another working directory) vary
that before Python starts, since much of it counts only then. What the model prints goes to stderr, and its
stdin is empty.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pyml.errors import PymlError
from pyml.inference.own_streams import own_stdin, own_stdout
from pyml.inference.worker_info import this_worker

if TYPE_CHECKING:
    from pyml.harness.session_messages import LoadReport
    from pyml.inference.runner import Runner


def main(arguments: Sequence[str] | None = None) -> None:
    """Vary the environment if asked to, then load and answer."""
    parser = argparse.ArgumentParser(prog="python -m pyml.harness")
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--unset", action="append", default=[], metavar="NAME")
    parser.add_argument("--elsewhere", action="store_true")
    options = parser.parse_args(arguments)
    if options.set or options.unset:
        _start_again(options)
    os.chdir(tempfile.gettempdir() if options.elsewhere else options.package)
    sys.path[0] = os.getcwd()  # as `python -m` would have it, had it been started there
    _serve(options.package.resolve(), own_stdin(), own_stdout())


def _start_again(options: argparse.Namespace) -> None:
    """Become the same program in the asked-for environment."""
    environment = {name: value for name, value in os.environ.items() if name not in options.unset}
    environment |= dict(each.partition("=")[::2] for each in options.set)
    elsewhere = ["--elsewhere"] if options.elsewhere else []
    command = [sys.executable, "-m", "pyml.harness", "--package", str(options.package), *elsewhere]
    os.execve(sys.executable, command, environment)  # noqa: S606 - this very program


def _serve(package: Path, questions: TextIO, answers: TextIO) -> None:
    from pyml.harness.environ_trace import watch

    asked = watch(package)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runner, problem = _load(package)
    said = [f"{type(each.message).__name__}: {each.message}" for each in caught]
    _say(answers, _greeting(runner, problem, said).to_line())
    if runner is None:
        return
    from pyml.harness.answering import Harness
    from pyml.harness.session_messages import HarnessRequest

    laboratory = Harness(runner)
    for line in questions:
        answer = laboratory.answer(HarnessRequest.from_line(line))
        _say(answers, replace(answer, variables=sorted(asked)).to_line())


def _greeting(runner: Runner | None, problem: str, said: Sequence[str]) -> LoadReport:
    from pyml.harness.session_messages import LoadReport
    from pyml.harness.training import training_switches
    from pyml.inference.describe import Signature

    if runner is None:
        return LoadReport(problem=problem, warnings=said)
    signature = Signature("tensor" if runner.is_tensor else "frame", runner.inputs, runner.outputs)
    switches, packages = len(training_switches(runner.model)), this_worker().packages
    return LoadReport("", signature.to_json(), said, switches, packages)


def _load(package: Path) -> tuple[Runner | None, str]:
    from pyml.inference.runner import Runner

    try:
        return Runner.load(package), ""
    except PymlError as error:
        return None, str(error)


def _say(answers: TextIO, line: str) -> None:
    answers.write(line + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
