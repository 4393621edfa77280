"""From diagnoses to findings: each cause in words, with its level, its hop and its severity. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyml.errors import without_hints
from pyml.package.settings import LEVELS
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.diagnosis.rules import Diagnosis
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.ties import Ties
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.verdict import Counterexample, Finding, Hop, NoiseFloor, Severity

UNSTEADY = ("D1", "D2")
"""Causes under which nothing can be compared at all."""

REAL = ("paths", "frames", "stored", "lost", "forms")
"""Checks of the real paths on plain rows: what they see breaks the first level, whatever its cause."""

_HOPS = {
    "frames": Hop.BOUNDARY,
    "forms": Hop.BOUNDARY,
    "lost": Hop.BOUNDARY,
    "metadata": Hop.BOUNDARY,
    "stored": Hop.STORAGE,
}


def finding_of(diagnosis: Diagnosis, declared: str, counterexample: Counterexample | None = None) -> Finding:
    """What a diagnosis is reported as.

    Args:
        diagnosis: the cause and what shows it.
        declared: the level that the model needs.
        counterexample: where there is one.
    """
    cause = CAUSES[diagnosis.code]
    first = diagnosis.observations[0]
    level = LEVELS[0] if first.check in REAL else cause.level
    return Finding(
        sentence=f"{_observation(diagnosis, first)}. {cause.advice}",
        code=cause.code,
        name=cause.name,
        level=level,
        weight=Severity.FAILS if level <= declared else Severity.ABOVE,
        hop=_HOPS.get(first.check, Hop.COMPUTE),
        check=first.check,
        checks=diagnosis.checks,
        columns=diagnosis.outputs,
        inputs=diagnosis.inputs,
        rows=diagnosis.rows,
        witness=counterexample,
    )


def noise_findings(noise: Noise) -> list[Finding]:
    """The warnings that say how far a model's own arithmetic carries, and which labels it flips."""
    flips = [tie_finding(ties, noise.rows) for ties in noise.ties.values() if ties.column not in noise.departing]
    return [*([_noise_finding(noise.floors)] if noise.floors else []), *flips]


def _noise_finding(floors: Sequence[NoiseFloor]) -> Finding:
    cause = CAUSES["B10"]
    shown = ", ".join(f"`{floor.column}` by up to {floor.max_abs:.2g}" for floor in floors)
    return Finding(
        sentence=f"Floats add up in a different order in batches of a different size: {shown}. It is noise, not logic",
        code=cause.code,
        name=cause.name,
        level=cause.level,
        weight=Severity.WARNS,
        hop=Hop.COMPUTE,
        check="sizes",
        columns=tuple(floor.column for floor in floors),
    )


def tie_finding(ties: Ties, rows: int, comparison: str = "") -> Finding:
    """The warning that says which labels rounding decides, since their scores tie.

    Args:
        ties: of one label column; each row that differs is a tie.
        rows: how many rows were compared.
        comparison: name of the comparison of both paths that shows it; empty where only a process by itself does.
    """
    cause = CAUSES["B10"]
    flips = "flips" if len(ties.tied) == 1 else "flip"
    return Finding(
        sentence=(
            f"{len(ties.tied):,} of {rows:,} rows of `{ties.column}` {flips} with the size of the batch. In each of "
            f"them the scores that decide it ({_listed(ties.scores)}) lie nearer to one another, or to a limit, than "
            "the noise of the model's own arithmetic: a tie, not logic. Rounded scores would settle it"
        ),
        code=cause.code,
        name=cause.name,
        level=cause.level,
        weight=Severity.WARNS,
        hop=Hop.COMPUTE,
        check="sizes",
        columns=(ties.column,),
        rows=len(ties.tied),
        comparison=comparison,
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that fail first, then those above the needed level, then warnings; else as they were diagnosed."""
    return tuple(sorted(findings, key=lambda each: list(Severity).index(each.weight)))


def _observation(diagnosis: Diagnosis, observation: Observation) -> str:
    """What was seen, as the beginning of a sentence."""
    what = _outputs(diagnosis.outputs)
    by = f" (column {_listed(diagnosis.inputs)})" if diagnosis.inputs else ""
    if not diagnosis.outputs and observation.said:
        words = _SEEN.get(observation.check, _REFUSED)
        seen = _REFUSED if "{what}" in words else words
        return f"{_REFUSALS.get(observation.check, seen)}{by}: {_short(observation.said)}"
    if observation.check.startswith("variable:"):
        return f"{what} depends on the environment variable {observation.check.removeprefix('variable:')}"
    return f"{_SEEN.get(observation.check, '{what} differs between the two paths').format(what=what)}{by}"


_SEEN = {
    "repeat": "{what} differs between two calls with the same rows",
    "fresh": "{what} differs between two processes that were started alike",
    "clock": "{what} depends on the date",
    "warm": "{what} changes with the calls that came before",
    "same-size": "{what} depends on what an earlier call with as many rows was",
    "first-batch": "{what} depends on which rows a process was asked about first",
    "mutation": "predict writes into the frame that it is given",
    "hash-seed": "{what} depends on PYTHONHASHSEED",
    "time-zone": "{what} depends on the time zone of the process",
    "threads": "{what} depends on the number of threads",
    "locale": "{what} depends on the locale",
    "working-directory": "{what} depends on the working directory",
    "versions": "The parameters were written by another version of a library than the one that reads them",
    "packages": "The two paths have different packages installed",
    "metadata": "The model declares other inputs or outputs where it is served than where it was uploaded",
    "alone": "A row alone is refused, and predicted beside another",
    "contract": "What predict returns for a legal row does not fit what the model declares",
    "copies": "{what} of a row is another one when the row is sent alone than when it is sent with a copy of itself",
    "neighbour": "{what} of a row depends on the other rows that it is sent with",
    "text-neighbour": "{what} of a row depends on the texts in the rows that it is sent with",
    "long-neighbour": "{what} of a row changes when a longer one is sent with it",
    "null-neighbour": "{what} of a row depends on a null in the same batch",
    "together": "{what} of a row is another one in a batch than alone",
    "crowd": "{what} of a row is another one in a large batch than alone",
    "sizes": "{what} of a row depends on how many rows are sent with it",
    "split": "{what} of a row depends on how the rows are split into batches",
    "shuffle": "{what} of a row depends on the order of the rows",
    "empty": "predict fails on a batch without rows",
    "concurrent": "{what} is another one when requests are under way at the same time",
    "thread-safe": "{what} is another one when predict is called from several threads",
    "frames": "predict is handed other values than were sent",
    "stored": "Other values arrive than predict gave",
    "forms": "The same rows get other predictions when they are sent in another form",
    "names": "A request with other columns than the model declares is answered",
    "lost": "A path predicts other rows than it was asked for",
}
_REFUSED = "A row is predicted in one situation and refused in another"
_REFUSALS = {
    "contract": "What predict returns for a legal row does not fit what the model declares",
    "empty": "predict fails on a batch without rows",
    "alone": "A row alone is refused, and predicted beside another",
    "versions": "The parameters were written by another version of a library than the one that reads them",
    "working-directory": "The model depends on the working directory",
    "hash-seed": "The model depends on PYTHONHASHSEED",
    "time-zone": "The model depends on the time zone of the process",
    "locale": "The model depends on the locale",
    "threads": "The model depends on the number of threads",
}


def _outputs(names: Sequence[str]) -> str:
    return _listed(names) if names else "The prediction"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _short(said: str) -> str:
    lines = [line.strip(" -") for line in without_hints(said).splitlines() if line.strip()]
    return "; ".join(lines[:3])[:300]
