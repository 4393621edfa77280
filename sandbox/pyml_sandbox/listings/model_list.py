"""The model versions of a sandbox: what each declares and needs, what it has earned, and whether it is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyml_sandbox.lifecycle.temporary_serving import is_marked
from pyml_sandbox.models.registry import stored_versions
from pyml_sandbox.models.routes import Routes, load_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.parity.report.report_history import ReportRow, summaries
from pyml_sandbox.workspace.events import JSON
from pyml_sandbox.workspace.files import size_bytes
from pyml_sandbox.workspace.state import DRIVERS

if TYPE_CHECKING:
    from pyml_sandbox.workspace.home import SandboxHome


@dataclass(frozen=True)
class VersionRow:
    """One uploaded version, and what is known of it.

    Attributes:
        version: the version; of a damaged one its name alone, see `error`.
        size_bytes: of its stored package.
        environment_mb: size of its environment as it was made first, in millions of bytes; None if not known.
        image: id of the image in which it ran last, or from which it was imported; None if not known.
        level: that the newest check in this sandbox earned, such as "P3"; empty if it earned none, or was never made.
        level_asked: that this check required.
        verdict: of this check; empty if it was never made.
        checked_at: when it ended, in seconds since 1970; None if it was never made.
        is_deployed: whether requests for it are answered; a version that only a check serves is not deployed.
        is_default: whether it answers the requests that name no version.
        error: why its files cannot be used; empty if they can.
    """

    version: ModelVersion
    size_bytes: int
    environment_mb: float | None = None
    image: str | None = None
    level: str = ""
    level_asked: str = ""
    verdict: str = ""
    checked_at: float | None = None
    is_deployed: bool = False
    is_default: bool = False
    error: str = ""

    @property
    def json(self) -> dict[str, JSON]:
        """The row as a JSON object."""
        return {
            **self.version.json,
            "name": self.version.name,
            "version": self.version.version,
            "size_bytes": self.size_bytes,
            "environment_mb": self.environment_mb,
            "image": self.image,
            "level": self.level,
            "level_asked": self.level_asked,
            "verdict": self.verdict,
            "checked_at": self.checked_at,
            "deployed": self.is_deployed,
            "default": self.is_default,
            "error": self.error,
        }


def list_versions(home: SandboxHome, name: str | None = None) -> list[VersionRow]:
    """The uploaded versions by name of their model, and of one model the latest upload first. Asks no engine.

    A version whose files are damaged is among them, and says so.

    Args:
        home: the sandbox.
        name: only the versions of this model; None for all.

    Raises:
        SetupError: the routes of the sandbox are damaged.
    """
    routes = load_routes(home)
    newest: dict[str, ReportRow] = {}
    for report in summaries(home):
        if report.driver in DRIVERS:  # else it says something of a cluster, or of a system that is not ours
            newest.setdefault(report.model_id, report)
    rows = [
        _row(home, version, error, routes, newest.get(version.model_id))
        for version, error in stored_versions(home, name)
    ]
    return sorted(rows, key=lambda row: (row.version.name, -row.version.uploaded_at, row.version.version))


def _row(home: SandboxHome, version: ModelVersion, error: str, routes: Routes, report: ReportRow | None) -> VersionRow:
    is_deployed = (version.name, version.version) in routes.deployed and not is_marked(home, version.model_id)
    deployment = routes.models.get(version.name)
    return VersionRow(
        version=version,
        size_bytes=size_bytes(version.package),
        environment_mb=_megabytes(version),
        image=version.pinned or (report.image if report else "") or None,
        level=report.level if report else "",
        level_asked=report.level_asked if report else "",
        verdict=report.verdict if report else "",
        checked_at=report.finished_at if report else None,
        is_deployed=is_deployed,
        is_default=is_deployed and deployment is not None and deployment.default == version.version,
        error=error,
    )


def _megabytes(version: ModelVersion) -> float | None:
    size = (version.environment or {}).get("size_mb")
    return float(size) if isinstance(size, int | float) else None
