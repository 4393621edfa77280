"""The parity check on every model of the zoo, through the command that a user types, held against what is known of each.

    python tests/benchmarks/zoo.py [--only GLOB] [--sandbox NAME] [--driver process] [--results FILE] [--write]

It takes hours, and goes on where it was interrupted: what was said of each model is a line of the results file. A model
that was edited since, and with `--again` one whose command failed, is run anew. Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.kept_outcomes import append, read_results
from benchmarks.mutants_page import section_in, with_section
from benchmarks.zoo_page import page, text
from benchmarks.zoo_score import ERROR, Expectation, Outcome, bars, expectations, judged, outcome_of
from pyml.package.model_package import ModelPackage
from pyml_sandbox.parity.diagnosis.causes import FAMILIES
from support.free_ports import free_ports

ROOT = Path(__file__).parents[2]
ZOO = ROOT / "fixtures" / "zoo"
PAGE = ROOT / "docs" / "parity-results.md"
RESULTS = ROOT / ".pyml" / "zoo.jsonl"
TIMEOUT_S = 900
MODELS_IN_A_SANDBOX = 20  # each keeps a server


def main() -> None:
    """Run what has not been run, print the figures, and write them down where asked to."""
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the sandbox is taken down
    known = expectations(ZOO)
    chosen = [model for model in known if any(fnmatch.fnmatch(name, options.only) for name in names_of(model))]
    outcomes = read_results(options.results, Outcome.from_json)
    todo = [model for model in chosen if is_due(model, outcomes, again=options.again)]
    if todo:
        with sandbox_home(options.sandbox):
            for outcome in run_all(sorted(todo, key=requirements), options.driver):
                outcomes[outcome.name] = outcome
                append(options.results, outcome)
    models = judged(chosen, outcomes)
    print(text(models, FAMILIES))
    if options.write:
        machine = (
            f"{options.driver} driver, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        )
        kept = section_in(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else ""
        whole = page(models, FAMILIES, len(known), machine)
        PAGE.write_text(with_section(whole, kept) if kept else whole, encoding="utf-8")
    sys.exit(any(bar.is_met is False for bar in bars(models)))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="*", metavar="GLOB", help="names of models; honest/* is that half")
    parser.add_argument(
        "--sandbox", default="zoo", metavar="NAME", help="the sandbox that is made, and removed at the end"
    )
    parser.add_argument("--driver", choices=["process", "container"], default="process")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="JSON lines, one for each model")
    parser.add_argument("--again", action="store_true", help="run anew what ended in an error")
    parser.add_argument("--write", action="store_true", help="write docs/parity-results.md")
    return parser.parse_args()


def is_due(model: Expectation, outcomes: dict[str, Outcome], *, again: bool) -> bool:
    """True where nothing is known of the model as it is now."""
    outcome = outcomes.get(model.name)
    if outcome is None or outcome.version != ModelPackage(folder_of(model)).version:
        return True
    return again and outcome.verdict == ERROR


def names_of(model: Expectation) -> tuple[str, str]:
    """The model's name, alone and behind its half of the zoo."""
    return model.name, f"{model.half}/{model.name}"


def folder_of(model: Expectation) -> Path:
    """Where the model lies."""
    return ZOO / model.half / model.name


def requirements(model: Expectation) -> tuple[list[str], str]:
    """Models of one environment come after one another."""
    return sorted(ModelPackage(folder_of(model)).requirements), model.name


@contextmanager
def sandbox_home(name: str) -> Iterator[None]:
    """A home for sandboxes that is gone afterwards, and in it the sandbox `name`."""
    home = tempfile.mkdtemp(prefix="pyml-zoo-")
    os.environ.update(PYML_HOME=home, PYML_SANDBOX=name)
    # uv looks for wheels where pip does: PyTorch without CUDA often lies only there.
    if "UV_FIND_LINKS" not in os.environ and (wheels := pip_find_links()):
        os.environ["UV_FIND_LINKS"] = wheels
    try:
        yield
    finally:
        pyml("dev", "reset", "--yes")
        shutil.rmtree(home, ignore_errors=True)


def pip_find_links() -> str:
    """What pip's `find-links` is set to; empty where it is not set."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.find-links"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def run_all(models: Sequence[Expectation], driver: str) -> Iterator[Outcome]:
    """Check one model after the other; the sandbox is made anew after a number of them, and after an error."""
    left = 0
    for number, model in enumerate(models, 1):
        if left == 0:
            new_sandbox(driver)
            left = MODELS_IN_A_SANDBOX
        outcome = check(model)
        left = 0 if outcome.verdict == ERROR else left - 1
        code = outcome.findings[0].code if outcome.findings else ""
        known = "/".join(model.causes) or "honest"
        print(
            f"{number}/{len(models)} {model.name} ({known}): {outcome.verdict} {code or ''}",
            file=sys.stderr,
            flush=True,
        )
        yield outcome


def new_sandbox(driver: str) -> None:
    """An empty sandbox that is up. Environments are kept: they belong to the home."""
    pyml("dev", "reset", "--yes")
    services = ("gateway", "rest", "metastore", "spark")
    ports = [f"--{name}-port={port}" for name, port in zip(services, free_ports(len(services)), strict=True)]
    done = pyml("dev", "up", "--driver", driver, *ports)
    if done.returncode:
        sys.exit(f"the sandbox does not come up:\n{done.stdout}{done.stderr}")


def check(model: Expectation) -> Outcome:
    """Run the command on one model; where it gave no report, the outcome is an error with its last words."""
    version = ModelPackage(folder_of(model)).version
    start = time.perf_counter()
    try:
        done = pyml("parity-check", str(folder_of(model)), "--json", timeout_s=TIMEOUT_S)
        report, said = report_in(done.stdout), f"exit code {done.returncode}: {done.stderr or done.stdout}"
    except subprocess.TimeoutExpired:
        report, said = None, f"no answer within {TIMEOUT_S} s"
    seconds = time.perf_counter() - start
    if report is None:
        return Outcome(model.name, version, ERROR, None, None, round(seconds, 1), said=without_paths(said)[:600])
    return outcome_of(report, model.name, version, seconds)


def report_in(output: str) -> dict[str, object] | None:
    """The report among the objects that the command printed."""
    for line in reversed(output.splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and "verdict" in value:
            return value
    return None


def without_paths(words: str) -> str:
    """One line, without what is only true of this machine."""
    for folder in (str(ROOT), os.environ.get("PYML_HOME", ""), str(Path.home())):
        words = words.replace(folder, "…") if len(folder) > 1 else words
    return " ".join(words.split())


def pyml(*arguments: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a pyml command of this environment.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout_s`.
    """
    command = [str(Path(sys.executable).parent / "pyml"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)


if __name__ == "__main__":
    main()
