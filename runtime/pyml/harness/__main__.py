"""`python -m pyml.harness`: load a model, write a load report, then answer one request per line until stdin ends.

    python -m pyml.harness --package FOLDER [--set NAME=VALUE] [--unset NAME] [--elsewhere] [--cpus N] [--umask OCTAL]

It starts in the pinned environment of both paths. `--set`, `--unset` and `--elsewhere` (a different working directory)
change that environment before Python starts, since most settings take effect only then; `--cpus` makes it see a
machine of N CPUs, and `--umask` sets the permissions that new files lack. What the model prints goes to stderr, and its
stdin is empty.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pyml.errors import PymlError
from pyml.inference.own_streams import own_stdin, own_stdout, write_record

if TYPE_CHECKING:
    from pyml.harness.forks import Forks
    from pyml.harness.session_messages import LoadReport
    from pyml.inference.runner import Runner


def main(arguments: Sequence[str] | None = None) -> None:
    """Change the environment if asked to, then load the model and answer requests."""
    parser = argparse.ArgumentParser(prog="python -m pyml.harness")
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--unset", action="append", default=[], metavar="NAME")
    parser.add_argument("--elsewhere", action="store_true")
    parser.add_argument("--cpus", type=int)
    parser.add_argument("--umask", type=lambda text: int(text, 8))
    options = parser.parse_args(arguments)
    if options.umask is not None:
        os.umask(options.umask)
    if options.set or options.unset:
        _start_again(options)
    if options.cpus:
        _see_cpus(options.cpus)
    os.chdir(tempfile.gettempdir() if options.elsewhere else options.package)
    _serve(options.package.resolve(), own_stdin(), own_stdout())


def _start_again(options: argparse.Namespace) -> None:
    """Replace this process by the same program in the changed environment."""
    environment = {name: value for name, value in os.environ.items() if name not in options.unset}
    environment |= dict(each.partition("=")[::2] for each in options.set)
    rest = ["--elsewhere"] if options.elsewhere else []
    rest += ["--cpus", str(options.cpus)] if options.cpus else []
    command = [sys.executable, "-P", "-m", "pyml.harness", "--package", str(options.package), *rest]
    os.execve(sys.executable, command, environment)  # noqa: S606 - this very program


def _see_cpus(number: int) -> None:
    """Let this process run on as many CPUs, if the machine has them, and be told this number."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])
    os.environ["PYTHON_CPU_COUNT"] = str(number)
    os.cpu_count = lambda: number


def _serve(package: Path, requests: TextIO, responses: TextIO) -> None:
    from pyml.harness.environ_trace import trace_environment
    from pyml.harness.forks import Forks
    from pyml.harness.locales import compile_on_demand

    variables, forks = trace_environment(package), Forks()
    compile_on_demand()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runner, problem = _load(package)
    raised = [f"{type(each.message).__name__}: {each.message}" for each in caught]
    write_record(responses, _load_report(runner, problem, raised).to_line())
    if runner is not None:
        _answer(runner, variables, forks, requests, responses)


def _answer(runner: Runner, variables: Set[str], forks: Forks, requests: TextIO, responses: TextIO) -> None:
    """Answer requests until they end."""
    from pyml.harness.answering import Harness
    from pyml.harness.session_messages import END, FORK, HarnessRequest

    harness, is_asked = Harness(runner), False
    for line in requests:
        message = line.strip()
        if message == END:
            return
        if message == FORK:
            is_new = not is_asked and forks.are_new()
            write_record(responses, "true" if is_new else "false")
            if is_new:
                forks.fork(requests, responses, lambda: _answer(runner, variables, forks, requests, responses))
                write_record(responses, "true")
            continue
        is_asked = True
        response = harness.answer(HarnessRequest.from_line(line))
        write_record(responses, replace(response, variables=sorted(variables)).to_line())


def _load_report(runner: Runner | None, problem: str, raised: Sequence[str]) -> LoadReport:
    from pyml.harness.session_messages import LoadReport
    from pyml.harness.training import training_switches
    from pyml.inference.describe import Signature
    from pyml.inference.worker_info import this_worker

    if runner is None:
        return LoadReport(problem=problem, warnings=raised)
    signature = Signature.of(runner)
    switches, packages = len(training_switches(runner.model)), this_worker().packages
    return LoadReport("", signature.to_json(), raised, switches, packages, runner.model.predicts_empty)


def _load(package: Path) -> tuple[Runner | None, str]:
    from pyml.inference.runner import Runner

    try:
        return Runner.load(package), ""
    except PymlError as error:
        return None, str(error)


if __name__ == "__main__":
    main()
