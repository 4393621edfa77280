"""The evidence of the harness and the real paths, besides the comparisons, and what a report may claim. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyml.package.settings import LEVELS
from pyml_sandbox.compare import Comparison
from pyml_sandbox.parity.diagnosis.notebook_findings import EXPECTED_OFFLINE, EXPECTED_ONLINE
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.check_record import CheckRun, check_results, with_paths
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.verdict import (
    NOTEBOOK,
    CheckResult,
    Decision,
    Finding,
    Notebook,
    PathFailure,
    Severity,
    Undone,
    Verdict,
)
from pyml_sandbox.parity.verdict_rules import BATCHES
from pyml_sandbox.predict.request_limits import is_limit

if TYPE_CHECKING:
    from pyml_sandbox.parity.rows.notebook_predictions import NotebookPredictions


@dataclass(frozen=True)
class Evidence:
    """The evidence of the harness and the real paths, besides the comparisons.

    Attributes:
        findings: each cause, with its counterexample.
        observations: the observations of all checks.
        noise: how the size of a batch alone changes the model's outputs; empty if it was not measured.
        made: the checks that were made.
        gap: why further checks could not be made; empty if all were made.
        undone: what the time budget left undone.
    """

    findings: Sequence[Finding] = ()
    observations: Sequence[Observation] = ()
    noise: Noise = field(default_factory=Noise)
    made: Mapping[str, CheckRun] = field(default_factory=dict)
    gap: str = ""
    undone: Sequence[Undone] = ()

    @property
    def gaps(self) -> list[str]:
        """The gap as a list; empty if there is none."""
        return [self.gap] if self.gap else []


def is_examined(level: str) -> bool:
    """Whether a level needs the checks in the harness; the first level needs only the real paths."""
    return level > LEVELS[0]


def checked_level(level: str, gap: str) -> str:
    """The highest level whose checks were made.

    Args:
        level: the required level.
        gap: why checks could not be made; empty if all were made.
    """
    return LEVELS[-1] if is_examined(level) and not gap else LEVELS[0]


def may_be_kept(evidence: Evidence, failures: Sequence[PathFailure]) -> bool:
    """Whether a report may be cached; a gap or a failure may not occur again in the next run."""
    return not evidence.gap and not failures


def compared_run(
    rows: int, seconds: float, comparisons: Iterable[Comparison], failures: Iterable[PathFailure]
) -> CheckRun | None:
    """The check of the real paths over all rows; None if it could not be made.

    If a path raised, the check was made: it saw the exception. If a request exceeded a limit, it was not made.

    Args:
        rows: number of rows of the fixture.
        seconds: time of both paths and the comparisons.
        comparisons: the comparisons that were made.
        failures: paths that raised.
    """
    is_compared = BATCHES in {comparison.name for comparison in comparisons}
    has_raised = not all(is_limit(failure.code) for failure in failures)
    return CheckRun(rows, seconds) if is_compared or has_raised else None


def notebook_run(comparisons: Iterable[Comparison]) -> CheckRun | None:
    """The check of the real paths against the notebook; None if it was not made.

    Args:
        comparisons: the comparisons that were made.
    """
    rows = [each.matched for each in comparisons if each.name in (EXPECTED_OFFLINE, EXPECTED_ONLINE)]
    return CheckRun(max(rows), 0.0) if rows else None


def notebook_of(predicted: NotebookPredictions | None, decision: Decision, is_compared: bool) -> Notebook | None:
    """What a report says of the notebook; None if there is none.

    Args:
        predicted: what it predicted.
        decision: has the findings.
        is_compared: whether a path was compared with it.
    """
    if predicted is None:
        return None
    differs = any(each.level == NOTEBOOK and each.weight is Severity.FAILS for each in decision.findings)
    is_known = differs or (is_compared and decision.verdict is not Verdict.CANNOT_CERTIFY)
    return Notebook(predicted.name, predicted.rows.num_rows, not differs if is_known else None)


def results_of(
    evidence: Evidence, compared: CheckRun | None, findings: Sequence[Finding], notebook: CheckRun | None = None
) -> tuple[CheckResult, ...]:
    """The results of every check that was made.

    Args:
        evidence: of the checks.
        compared: the check of the real paths over all rows; None if it was not made.
        findings: what is reported; whether the notebook differs is said by them alone.
        notebook: the check of the real paths against the notebook; None if it was not made.
    """
    made = with_paths(with_paths(evidence.made, Check.EXPECTED, notebook), Check.PATHS, compared)
    seen = [observation for observation in evidence.observations if observation.check is not Check.EXPECTED]
    return check_results(made, seen, findings)
