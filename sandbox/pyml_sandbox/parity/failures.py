"""Failures of the real paths: what a report says about them, and what they mean for the verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pyml.error_code import ErrorCode
from pyml_sandbox.parity.observations.catalogue import Check, check_named
from pyml_sandbox.parity.verdict import Finding, Hop, PathFailure, Severity
from pyml_sandbox.predict.request_limits import is_limit

LIMIT = "a limit of size or time"
"""Name of the finding for a request that exceeded one."""

_SETTINGS = {
    ErrorCode.REQUEST_TOO_LARGE: "one row is larger: raise max_request_mb in table [serving] of pyml.toml",
    ErrorCode.QUEUE_FULL: "raise max_queue in table [serving] of pyml.toml",
    ErrorCode.DEADLINE: "send fewer rows in one request: batch_rows in table [parity] of pyml.toml",
}


def merged(failures: Iterable[PathFailure]) -> tuple[PathFailure, ...]:
    """Merge failures with the same exception into one, with all their paths in order."""
    by_message: dict[str, PathFailure] = {}
    for failure in failures:
        known = by_message.get(failure.message)
        paths = (*known.paths, *failure.paths) if known else failure.paths
        comparison = known.comparison if known else failure.comparison
        by_message[failure.message] = replace(known or failure, paths=paths, comparison=comparison)
    return tuple(by_message.values())


def failure_message(failure: PathFailure) -> str:
    """Which paths failed, and the whole message of the exception."""
    asked = ", ".join(failure.paths)
    if "offline" in failure.paths and len(failure.paths) > 1:
        return f"Both paths failed with the same exception ({asked}), so no row was compared: {failure.message}"
    return f"{asked[:1].upper()}{asked[1:]} failed: {failure.message}"


def gap_of(limit: PathFailure) -> str:
    """Why a limit that was exceeded leaves the question open, and which setting to change."""
    what = failure_message(limit)
    return f"{what[:1].lower()}{what[1:]}; {_SETTINGS[limit.code]}"


def finding_of_failure(failure: PathFailure) -> Finding:
    """The finding for a failure that no other finding explains.

    A limit that was exceeded is a warning, since it breaks no level.
    """
    limit = is_limit(failure.code)
    return Finding(
        failure_message(failure),
        name=LIMIT if limit else "",
        weight=Severity.WARNS if limit else Severity.FAILS,
        hop=Hop.BOUNDARY if limit else None,
        checks=(Check.PATHS,),
        comparison=failure.comparison,
    )


def explains(finding: Finding) -> bool:
    """Whether a finding may be the reason why a path failed as a whole: a check saw refusals, not different values."""
    check = check_named(finding.check)
    return not finding.columns and check is not None and check.entry.explains_failures
