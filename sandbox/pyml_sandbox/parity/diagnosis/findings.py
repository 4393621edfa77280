"""From diagnoses to findings: each cause in words, with its level, its hop and its severity. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyml.errors import without_hints
from pyml.package.settings import LEVELS
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.diagnosis.rules import Diagnosis
from pyml_sandbox.parity.noise.column_noise import Noise
from pyml_sandbox.parity.noise.ties import Ties
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.verdict import Counterexample, Finding, Hop, NoiseFloor, Severity

UNSTEADY = ("D1", "D2")
"""Causes under which nothing can be compared at all."""

REAL = (Check.PATHS, Check.FRAMES, Check.STORED, Check.LOST, Check.FORMS)
"""Checks of the real paths on plain rows: what they see breaks the first level, whatever its cause."""

_HOPS = {
    Check.FRAMES: Hop.BOUNDARY,
    Check.FORMS: Hop.BOUNDARY,
    Check.LOST: Hop.BOUNDARY,
    Check.METADATA: Hop.BOUNDARY,
    Check.STORED: Hop.STORAGE,
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
        check=first.name,
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
        check=Check.SIZES,
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
        check=Check.SIZES,
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
    if observation.check is Check.VARIABLE:
        return f"{what} depends on the environment variable {observation.variable}"
    return f"{_SEEN.get(observation.check, '{what} differs between the two paths').format(what=what)}{by}"


_SEEN = {
    Check.REPEAT: "{what} differs between two calls with the same rows",
    Check.FRESH: "{what} differs between two processes that were started alike",
    Check.CLOCK: "{what} depends on the date",
    Check.WARM: "{what} changes with the calls that came before",
    Check.SAME_SIZE: "{what} depends on what an earlier call with as many rows was",
    Check.FIRST_BATCH: "{what} depends on which rows a process was asked about first",
    Check.MUTATION: "predict writes into the frame that it is given",
    Check.HASH_SEED: "{what} depends on PYTHONHASHSEED",
    Check.TIME_ZONE: "{what} depends on the time zone of the process",
    Check.THREADS: "{what} depends on the number of threads",
    Check.LOCALE: "{what} depends on the locale",
    Check.WORKING_DIRECTORY: "{what} depends on the working directory",
    Check.VERSIONS: "The parameters were written by another version of a library than the one that reads them",
    Check.PACKAGES: "The two paths have different packages installed",
    Check.METADATA: "The model declares other inputs or outputs where it is served than where it was uploaded",
    Check.ALONE: "A row alone is refused, and predicted beside another",
    Check.CONTRACT: "What predict returns for a legal row does not fit what the model declares",
    Check.COPIES: "{what} of a row is another one when the row is sent alone than when it is sent with a copy of "
    "itself",
    Check.NEIGHBOUR: "{what} of a row depends on the other rows that it is sent with",
    Check.TEXT_NEIGHBOUR: "{what} of a row depends on the texts in the rows that it is sent with",
    Check.LONG_NEIGHBOUR: "{what} of a row changes when a longer one is sent with it",
    Check.NULL_NEIGHBOUR: "{what} of a row depends on a null in the same batch",
    Check.TOGETHER: "{what} of a row is another one in a batch than alone",
    Check.CROWD: "{what} of a row is another one in a large batch than alone",
    Check.SIZES: "{what} of a row depends on how many rows are sent with it",
    Check.SPLIT: "{what} of a row depends on how the rows are split into batches",
    Check.SHUFFLE: "{what} of a row depends on the order of the rows",
    Check.EMPTY: "predict fails on a batch without rows",
    Check.CONCURRENT: "{what} is another one when requests are under way at the same time",
    Check.THREAD_SAFE: "{what} is another one when predict is called from several threads",
    Check.FRAMES: "predict is handed other values than were sent",
    Check.STORED: "Other values arrive than predict gave",
    Check.FORMS: "The same rows get other predictions when they are sent in another form",
    Check.NAMES: "A request with other columns than the model declares is answered",
    Check.LOST: "A path predicts other rows than it was asked for",
}
_REFUSED = "A row is predicted in one situation and refused in another"
_REFUSALS = {
    Check.CONTRACT: "What predict returns for a legal row does not fit what the model declares",
    Check.EMPTY: "predict fails on a batch without rows",
    Check.ALONE: "A row alone is refused, and predicted beside another",
    Check.VERSIONS: "The parameters were written by another version of a library than the one that reads them",
    Check.WORKING_DIRECTORY: "The model depends on the working directory",
    Check.HASH_SEED: "The model depends on PYTHONHASHSEED",
    Check.TIME_ZONE: "The model depends on the time zone of the process",
    Check.LOCALE: "The model depends on the locale",
    Check.THREADS: "The model depends on the number of threads",
}


def _outputs(names: Sequence[str]) -> str:
    return _listed(names) if names else "The prediction"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _short(said: str) -> str:
    lines = [line.strip(" -") for line in without_hints(said).splitlines() if line.strip()]
    return "; ".join(lines[:3])[:300]
