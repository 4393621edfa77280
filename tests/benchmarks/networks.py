"""False alarms on honest float32 networks, and planted errors of 1e-4 that are missed.

    python tests/benchmarks/networks.py [--seeds N] [--backend numpy|torch] [--only GLOB] [--workers N] [--results FILE]

Each network is examined in this process with every check of the harness, and its predictions in batches of 10,000 rows
(as Spark sends them) are compared with those in batches of 1,000 (as the check asks the server) and one by one. It goes
on where it was interrupted. Exit code 1 where an honest network fails or a planted error passes.
"""

from __future__ import annotations

import argparse
import fnmatch
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.kept_outcomes import append, read_results
from benchmarks.network_set import BACKENDS, SEEDS, Network, networks
from pyml.harness.session_messages import HarnessRequest
from pyml.inference.describe import Signature
from pyml.pinned_environment import PINNED
from pyml.types.schema import Schema
from pyml_sandbox.compare import Comparison, Tolerances, compare
from pyml_sandbox.parity.decisions.evidence import checked_level
from pyml_sandbox.parity.diagnosis.findings import finding_of, noise_findings
from pyml_sandbox.parity.diagnosis.rules import diagnose
from pyml_sandbox.parity.examine import context_of_rows, examine
from pyml_sandbox.parity.verdict import Severity, Verdict
from pyml_sandbox.parity.verdict_rules import BATCHES, ROWS, decide
from support.harnesses import harnesses_of

if TYPE_CHECKING:
    from pyml_sandbox.parity.harness_process import HarnessProcess

RESULTS = Path(__file__).parents[2] / ".pyml" / "networks.jsonl"
LEVEL = "P3"
OFFLINE_ROWS, ONLINE_ROWS, SAMPLE_ROWS = 10_000, 1_000, 200


@dataclass(frozen=True)
class Outcome:
    """The verdict on one network.

    Attributes:
        name: of the network.
        is_honest: whether nothing is planted in it.
        verdict: PASS, FAIL or CANNOT-CERTIFY.
        sentences: of the findings that break the level, or of what stands in the way.
        seconds: of the check.
    """

    name: str
    is_honest: bool
    verdict: str
    sentences: list[str]
    seconds: float

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outcome:
        """The outcome that a line of the results holds."""
        return cls(**value)

    @property
    def is_right(self) -> bool:
        """Whether an honest network passed, or a planted error was found."""
        return self.verdict == (Verdict.PASS if self.is_honest else Verdict.FAIL)


def checked(network: Network) -> Outcome:
    """Examine one network, and compare its predictions in batches of several sizes."""
    begun = time.perf_counter()
    batch = network.batch()
    signature = Signature(
        "tensor" if network.form == "tensor" else "frame", Schema(network.inputs), Schema(network.outputs)
    )
    with tempfile.TemporaryDirectory() as name:
        package = network.write(Path(name) / "model")
        table = pa.Table.from_batches([batch])
        with context_of_rows(harnesses_of(package), signature, table, ONLINE_ROWS) as context:
            examination = examine(context)
            context = examination.context
            tolerances = context.noise.tolerances(Tolerances())
            comparisons = _comparisons(context.harness, batch, Path(name), tolerances)
    found = [finding_of(each, LEVEL) for each in diagnose(examination.observations)]
    decision = decide(
        comparisons,
        findings=[*found, *noise_findings(context.noise)],
        checked=checked_level(LEVEL, examination.gap),
        gaps=[examination.gap] if examination.gap else [],
        size_dependent=set(context.noise.size_dependent),
    )
    said = [finding.sentence for finding in decision.findings if finding.weight is Severity.FAILS]
    seconds = round(time.perf_counter() - begun, 1)
    return Outcome(network.name, not network.planted, str(decision.verdict), [*said, decision.reason], seconds)


def _comparisons(
    harness: HarnessProcess, batch: pa.RecordBatch, folder: Path, tolerances: Tolerances
) -> list[Comparison]:
    """Predictions in Spark's batches, against those in requests of the check, and against those of single rows."""
    sizes = {"offline": OFFLINE_ROWS, "online in batches": ONLINE_ROWS, "online one by one": 1}
    files = {name: folder / f"{name}.parquet" for name in sizes}
    for name, size in sizes.items():
        rows = batch.slice(0, SAMPLE_ROWS) if size == 1 else batch
        groups = [range(start, min(start + size, rows.num_rows)) for start in range(0, rows.num_rows, size)]
        answer = pa.Table.from_batches([harness.ask(HarnessRequest(rows, groups)).predictions])
        pq.write_table(answer.append_column("row", pa.array(range(rows.num_rows))), files[name])
    pairs = {BATCHES: "online in batches", ROWS: "online one by one"}
    return [
        compare(
            files["offline"],
            files[right],
            ["row"],
            name=name,
            left_name="offline",
            right_name=right,
            within=files[right] if name == ROWS else None,
            tolerances=tolerances,
        )
        for name, right in pairs.items()
    ]


def main() -> None:
    """Check what is not known yet, and say how many verdicts are right."""
    options = parsed()
    known = read_results(options.results, Outcome.from_json)
    chosen = [each for each in networks(options.backend, options.seeds) if fnmatch.fnmatch(each.name, options.only)]
    os.environ.update(PINNED)  # numpy looks at it once, when a worker loads it
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        for outcome in pool.map(checked, [each for each in chosen if each.name not in known]):
            append(options.results, outcome)
            known[outcome.name] = outcome
            if not outcome.is_right:
                print(f"{outcome.name}: {outcome.verdict}\n   {' '.join(outcome.sentences)}", flush=True)
    outcomes = [known[each.name] for each in chosen]
    for half, wanted in (("honest", Verdict.PASS), ("with a planted error", Verdict.FAIL)):
        of_half = [each for each in outcomes if each.is_honest == (half == "honest")]
        print(f"{half}: {sum(each.is_right for each in of_half)} of {len(of_half)} {wanted}")
    sys.exit(not all(each.is_right for each in outcomes))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help="seeds of each kind of network")
    parser.add_argument("--backend", choices=BACKENDS, default="numpy", help="torch where it is installed")
    parser.add_argument("--only", default="*", metavar="GLOB", help="names of networks")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="networks that are checked at once")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="JSON lines, one a network")
    return parser.parse_args()


if __name__ == "__main__":
    main()
