"""Real paths that raised instead of predicting: what a report says of them, and what that means. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pyml.error_code import ErrorCode
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.observations.catalogue import Check, check_named
from pyml_sandbox.parity.verdict import Finding, Hop, PathFailure, Severity

_LIMITS = (ErrorCode.REQUEST_TOO_LARGE, ErrorCode.QUEUE_FULL, ErrorCode.DEADLINE)
"""What the gateway and the model servers say where a request is larger or slower than they allow."""


def merged(failures: Iterable[PathFailure]) -> tuple[PathFailure, ...]:
    """One failure for each exception, with all the ways of asking that raised it, in their order."""
    by_message: dict[str, PathFailure] = {}
    for failure in failures:
        known = by_message.get(failure.message)
        paths = (*known.paths, *failure.paths) if known else failure.paths
        comparison = known.comparison if known else failure.comparison
        by_message[failure.message] = replace(known or failure, paths=paths, comparison=comparison)
    return tuple(by_message.values())


def is_limit(failure: PathFailure) -> bool:
    """Whether requests of the check were too large or too slow for a limit: that says nothing about parity."""
    return failure.code in _LIMITS


def words_of(failure: PathFailure) -> str:
    """What failed, and the whole exception."""
    asked = ", ".join(failure.paths)
    if "offline" in failure.paths and len(failure.paths) > 1:
        return f"Both paths failed with the same exception ({asked}), so no row was compared: {failure.message}"
    return f"{asked[:1].upper()}{asked[1:]} failed: {failure.message}"


def gap_of(limit: PathFailure) -> str:
    """Why a limit that was met leaves the question open, and what to set."""
    what = words_of(limit)
    return f"{what[:1].lower()}{what[1:]}; send fewer rows in one request: batch_rows below [parity] in pyml.toml"


def finding_of_failure(failure: PathFailure) -> Finding:
    """A failure that no other finding explains: what the path says is all there is.

    A limit is a warning: it breaks no level, since the model was not asked.
    """
    limit = is_limit(failure)
    return Finding(
        words_of(failure),
        "R4" if limit else None,
        name=CAUSES["R4"].name if limit else "",
        weight=Severity.WARNS if limit else Severity.FAILS,
        hop=Hop.BOUNDARY if limit else None,
        checks=(Check.PATHS,),
        comparison=failure.comparison,
    )


def explains(finding: Finding) -> bool:
    """Whether a finding may be the reason why a path failed as a whole: a check saw refusals, and no other values."""
    check = check_named(finding.check)
    return not finding.columns and check is not None and check.entry.explains_failures
