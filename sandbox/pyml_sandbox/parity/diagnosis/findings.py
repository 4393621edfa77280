"""From diagnoses to findings: each cause with its sentence, level, stage and severity. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyml.errors import without_hints
from pyml.package.settings import LEVELS
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.diagnosis.rules import Diagnosis
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.ties import Ties
from pyml_sandbox.parity.observations.catalogue import Check, Group, what_was_refused, what_was_seen
from pyml_sandbox.parity.observations.features import Tag
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.row_kind import NULLS
from pyml_sandbox.parity.verdict import NOTEBOOK, Counterexample, Finding, Hop, NoiseFloor, Severity

UNSTEADY = ("D1", "D2")
"""Causes that make every comparison meaningless."""


def finding_of(diagnosis: Diagnosis, declared: str, counterexample: Counterexample | None = None) -> Finding:
    """The finding for a diagnosis.

    Args:
        diagnosis: the cause and its observations.
        declared: the required level.
        counterexample: None if there is none.
    """
    cause = CAUSES[diagnosis.code]
    first = diagnosis.observations[0]
    shown = min(observation.check.entry.level for observation in diagnosis.observations)
    by_group = {Group.REAL: LEVELS[0], Group.NOTEBOOK: NOTEBOOK}
    level = by_group.get(first.group, min(cause.level, shown))
    return Finding(
        sentence=f"{_observation(diagnosis, first)}. {cause.advice}",
        code=cause.code,
        name=cause.name,
        level=level,
        weight=_weight(diagnosis, level, declared),
        hop=first.check.entry.hop,
        check=first.name,
        checks=diagnosis.checks,
        columns=diagnosis.outputs,
        inputs=diagnosis.inputs,
        rows=diagnosis.rows,
        witness=counterexample,
        candidates=diagnosis.candidates,
    )


def _weight(diagnosis: Diagnosis, level: str, declared: str) -> Severity:
    if diagnosis.is_remark:
        return Severity.WARNS
    return Severity.FAILS if level == NOTEBOOK or level <= declared else Severity.ABOVE


def noise_findings(noise: Noise) -> list[Finding]:
    """The warnings about the noise of a model's own arithmetic, and about labels that it flips."""
    flips = [tie_finding(ties, noise.rows) for ties in noise.ties.values() if ties.column not in noise.size_dependent]
    return [*([_noise_finding(noise.floors)] if noise.floors else []), *flips]


def _noise_finding(floors: Sequence[NoiseFloor]) -> Finding:
    cause = CAUSES["B10"]
    shown = ", ".join(f"`{floor.column}` by up to {floor.max_abs:.2g}" for floor in floors)
    return Finding(
        sentence=f"Sums of floats differ with the size of the batch: {shown}. This is noise, not logic",
        code=cause.code,
        name=cause.name,
        level=cause.level,
        weight=Severity.WARNS,
        hop=Hop.COMPUTE,
        check=Check.SIZES,
        columns=tuple(floor.column for floor in floors),
    )


def tie_finding(ties: Ties, rows: int, comparison: str = "") -> Finding:
    """The warning about labels that rounding decides because their scores tie.

    Args:
        ties: of one label column; each row that differs is a tie.
        rows: how many rows were compared.
        comparison: name of the comparison of both paths that shows it; empty if only the harness does.
    """
    cause = CAUSES["B10"]
    flips = "flips" if len(ties.tied) == 1 else "flip"
    return Finding(
        sentence=(
            f"{len(ties.tied):,} of {rows:,} rows of `{ties.column}` {flips} with the size of the batch. In each of "
            f"them the scores that decide it ({_listed(ties.scores)}) differ from one another, or from a threshold, by "
            "less than the noise of the model's own arithmetic: a tie, not logic. Rounded scores avoid it"
        ),
        code=cause.code,
        name=cause.name,
        level=cause.level,
        weight=Severity.WARNS,
        hop=Hop.COMPUTE,
        check=Check.SIZES,
        columns=(ties.column,),
        rows=len(ties.tied),
        comparison=comparison,
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings that fail first, then those above the required level, then warnings; otherwise in their order."""
    return tuple(sorted(findings, key=lambda each: list(Severity).index(each.weight)))


def _observation(diagnosis: Diagnosis, observation: Observation) -> str:
    """What was seen, as the beginning of a sentence."""
    what = _outputs(diagnosis.outputs)
    by = f" (column {_listed(diagnosis.inputs)})" if diagnosis.inputs else ""
    if not diagnosis.outputs and observation.message:
        return f"{what_was_refused(observation.check)}{by}: {_short(observation.message)}"
    odds = f", in {observation.message}" if observation.odds[1] and observation.message else ""
    if Tag.OWN_VALUE in observation.tags:
        own = " that has a null" if observation.kinds and observation.kinds <= NULLS else ""
        return f"{what} of a row{own} depends on the other rows of its batch{by}{odds}"
    return f"{what_was_seen(observation.check, what, observation.variable)}{by}{odds}"


def _outputs(names: Sequence[str]) -> str:
    return _listed(names) if names else "The prediction"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _short(message: str) -> str:
    lines = [line.strip(" -") for line in without_hints(message).splitlines() if line.strip()]
    return "; ".join(lines[:3])[:300]
