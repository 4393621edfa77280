"""Bugs planted in pyml's own gateway, runner and codec, each held against the parity check.

    python tests/benchmarks/mutants.py [--only GLOB] [--results FILE] [--again] [--write]

The unmutated code comes first and must PASS on every subject; then each patch of tests/mutants, in a copy of the
sources with a sandbox of its own. It takes an hour or two, and goes on where it was interrupted: what was said of each
is a line of the results file. A mutant whose patch or subject was edited since is run anew, and with `--again` those
that got through or ended in an error. Exit code 1 where the bar is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import hashlib
import json
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.kept_outcomes import append, read_results
from benchmarks.mutant_copy import ROOT, UP_TIMEOUT_S, Copy, copied
from benchmarks.mutant_set import (
    ERROR,
    WITHOUT,
    Mutant,
    Outcome,
    load,
    outcome_of,
    score,
    subject_folder,
    subject_version,
)
from benchmarks.mutants_page import section, text, with_section

PAGE = ROOT / "docs" / "parity-results.md"
RESULTS = ROOT / ".pyml" / "mutants.jsonl"
TIMEOUT_S = 900
MUTANTS_IN_A_SANDBOX = 12  # Spark keeps a Python daemon for each environment that it ever ran


@dataclasses.dataclass(frozen=True)
class Job:
    """One check to make: of a mutant, or of a subject without a bug.

    Attributes:
        name: of its outcome.
        digest: of what is checked.
        subject: the model.
        mutant: the bug to plant.
    """

    name: str
    digest: str
    subject: str
    mutant: Mutant | None = None


def main() -> None:
    """Run what has not been run, print the table, and write it down where asked to."""
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the sandbox is taken down
    known = load()
    outcomes = read_results(options.results, Outcome.from_json)
    chosen = [mutant for mutant in known if fnmatch.fnmatch(mutant.name, options.only)]
    todo = [mutant for mutant in chosen if is_due(mutant, outcomes, again=options.again)]
    if todo:
        with copied(Path(tempfile.mkdtemp(prefix="pyml-mutants-"))) as copy:
            for outcome in run_all(copy, todo, outcomes):
                outcomes[outcome.name] = outcome
                append(options.results, outcome)
    print(text(known, outcomes))
    if options.write:
        machine = f"Process driver, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        PAGE.write_text(with_section(page, section(known, outcomes, machine)), encoding="utf-8")
    sys.exit(not score(known, outcomes).is_met)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="*", metavar="GLOB", help="names of mutants")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="JSON lines, one for each mutant")
    parser.add_argument("--again", action="store_true", help="run anew what got through or ended in an error")
    parser.add_argument("--write", action="store_true", help="write the section of docs/parity-results.md")
    return parser.parse_args()


def is_due(mutant: Mutant, outcomes: Mapping[str, Outcome], *, again: bool) -> bool:
    """True where nothing is known of the mutant as it is now."""
    outcome = outcomes.get(mutant.name)
    if outcome is None or outcome.digest != mutant.digest:
        return True
    return again and outcome.verdict in ("PASS", ERROR)


def run_all(copy: Copy, mutants: Sequence[Mutant], known: Mapping[str, Outcome]) -> Iterator[Outcome]:
    """The unmutated code on each subject that is needed, then one mutant after the other.

    The mutants of a subject that does not pass without a bug are left out: nothing could be said of them.
    """
    jobs = [*_without_bug(copy, mutants, known), *(Job(each.name, each.digest, each.subject, each) for each in mutants)]
    unsound: set[str] = set()
    left = 0
    for number, job in enumerate(jobs, 1):
        if job.subject in unsound:
            print(f"{job.name}: left out, {job.subject} does not pass without a bug", file=sys.stderr, flush=True)
            continue
        if left == 0:
            copy.restore()
            copy.up_anew()
            left = MUTANTS_IN_A_SANDBOX
        outcome = run(copy, job)
        left = 0 if outcome.verdict == ERROR else left - 1
        said = outcome.said if outcome.verdict == ERROR else " ".join(outcome.codes)
        print(f"{number}/{len(jobs)} {job.name}: {outcome.verdict} {said}", file=sys.stderr, flush=True)
        if job.mutant is None and outcome.verdict != "PASS":
            unsound.add(job.subject)
        yield outcome


def _without_bug(copy: Copy, mutants: Sequence[Mutant], known: Mapping[str, Outcome]) -> Iterator[Job]:
    """Each subject once, unless it passed with these very sources before."""
    for subject in dict.fromkeys(mutant.subject for mutant in mutants):
        job = Job(f"{WITHOUT}, {subject}", _sources(copy, subject), subject)
        before = known.get(job.name)
        if before is None or before.digest != job.digest or before.verdict != "PASS":
            yield job


def run(copy: Copy, job: Job) -> Outcome:
    """Plant a bug, or none, restart what runs the code, check the subject, and clear away what that left."""
    copy.restore()
    if job.mutant is not None:
        copy.apply(job.mutant.patch)
    try:
        return checked(copy, job)
    finally:
        copy.restore()
        copy.undeploy(job.subject)


def checked(copy: Copy, job: Job) -> Outcome:
    """The outcome of the two commands; an error, and which it was, where one gave no report."""
    start = time.perf_counter()
    check = ("parity-check", str(subject_folder(job.subject)), "--json", "--no-cache")
    for arguments, timeout_s in ((("dev", "up"), UP_TIMEOUT_S), (check, TIMEOUT_S)):
        command = f"pyml {' '.join(word for word in arguments[:2] if '/' not in word)}"
        try:
            done = copy.pyml(*arguments, timeout_s=timeout_s)
        except subprocess.TimeoutExpired:
            return _error(job, start, f"{command}: no answer within {timeout_s} s")
        report = report_in(done.stdout)
        if report is not None:
            return outcome_of(report, job.name, job.digest, time.perf_counter() - start)
        if done.returncode:
            words = f"{command}: exit code {done.returncode}: {done.stdout[-800:]} {done.stderr[-400:]}"
            return _error(job, start, without_paths(words, copy))
    return _error(job, start, "pyml parity-check: no report")


def _error(job: Job, start: float, said: str) -> Outcome:
    return Outcome(job.name, job.digest, ERROR, round(time.perf_counter() - start, 1), said=said)


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


def without_paths(words: str, copy: Copy) -> str:
    """One line, without what is only true of this machine."""
    for folder in (str(copy.folder.parent), str(ROOT), str(Path.home())):
        words = words.replace(folder, "…") if len(folder) > 1 else words
    return " ".join(words.split())


def _sources(copy: Copy, subject: str) -> str:
    """What the outcome of unmutated code depends on."""
    whole = hashlib.sha256(subject_version(subject).encode())
    for file in sorted([*copy.pristine.rglob("*.py"), *(copy.folder / "sandbox").rglob("*.py")]):
        whole.update(file.read_bytes())
    return whole.hexdigest()[:16]


if __name__ == "__main__":
    main()
