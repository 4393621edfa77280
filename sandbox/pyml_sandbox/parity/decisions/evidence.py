"""What the harness and the real paths showed beyond the comparisons, and what of it a report may claim. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pyml.package.settings import LEVELS
from pyml_sandbox.compare import Comparison
from pyml_sandbox.parity.failures import is_limit
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.check_record import CheckRun, check_results, with_paths
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.verdict import CheckResult, Finding, PathFailure
from pyml_sandbox.parity.verdict_rules import BATCHES


@dataclass(frozen=True)
class Evidence:
    """What the harness and the real paths showed beyond the comparisons.

    Attributes:
        findings: each cause, with its counterexample.
        observations: what every check saw.
        noise: what the size of a batch alone does to the model's outputs; nothing where it was not measured.
        made: the checks that were made.
        gap: why further ones could not be; empty where all were.
    """

    findings: Sequence[Finding] = ()
    observations: Sequence[Observation] = ()
    noise: Noise = field(default_factory=Noise)
    made: Mapping[str, CheckRun] = field(default_factory=dict)
    gap: str = ""

    @property
    def gaps(self) -> list[str]:
        """The gap, where there is one."""
        return [self.gap] if self.gap else []


def is_examined(level: str) -> bool:
    """Whether a model is examined by itself: the first level asks for the real paths alone."""
    return level > LEVELS[0]


def checked_level(level: str, gap: str) -> str:
    """The highest level whose checks were made.

    Args:
        level: that is needed.
        gap: why checks could not be made; empty where all were.
    """
    return LEVELS[-1] if is_examined(level) and not gap else LEVELS[0]


def may_be_kept(evidence: Evidence, failures: Sequence[PathFailure]) -> bool:
    """Whether a report answers a later check as well: a gap or a failure another run may not meet."""
    return not evidence.gap and not failures


def compared_run(
    rows: int, seconds: float, comparisons: Iterable[Comparison], failures: Iterable[PathFailure]
) -> CheckRun | None:
    """The check of the real paths over all rows; None where they could not be asked about all of them.

    A path that raised was asked: that it raises is what the check saw. One that met a limit was not.

    Args:
        rows: of the fixture.
        seconds: that both paths and the comparisons took.
        comparisons: that were made.
        failures: paths that raised.
    """
    is_compared = BATCHES in {comparison.name for comparison in comparisons}
    has_raised = not all(map(is_limit, failures))
    return CheckRun(rows, seconds) if is_compared or has_raised else None


def results_of(evidence: Evidence, compared: CheckRun | None, findings: Sequence[Finding]) -> tuple[CheckResult, ...]:
    """What a report says of every check that was made.

    Args:
        evidence: of the checks.
        compared: the check of the real paths over all rows; None where it was not made.
        findings: what is reported.
    """
    return check_results(with_paths(evidence.made, Check.PATHS, compared), evidence.observations, findings)
