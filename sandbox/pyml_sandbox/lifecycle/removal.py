"""Deletes uploaded versions that nothing uses: neither the gateway nor a job."""

from __future__ import annotations

from dataclasses import dataclass

from pyml.command_line import command
from pyml.error_code import ErrorCode
from pyml.errors import SandboxError, UsageError
from pyml_sandbox.lifecycle.temporary_serving import is_marked
from pyml_sandbox.models.registry import named_versions, remove_version
from pyml_sandbox.models.routes import load_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.predict.offline_jobs.job_history import records
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore
from pyml_sandbox.workspace.files import size_bytes
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import locked, name_option


@dataclass(frozen=True)
class StoredSize:
    """A version that goes, or has gone.

    Attributes:
        model_id: name@version.
        size_bytes: of its stored package.
    """

    model_id: str
    size_bytes: int


def versions_to_delete(home: SandboxHome, reference: str) -> list[StoredSize]:
    """What `delete_versions` would delete, the latest upload first.

    Args:
        home: the sandbox.
        reference: `name@version`, whose first digits are enough; or `name` for all versions of the model.

    Raises:
        UsageError: there is no such version, several match, or one of them is deployed.
        SandboxError: a check or a job needs one of them now.
    """
    found = named_versions(home, reference)
    for version in found:
        _refuse_in_use(home, version)
    return [StoredSize(version.model_id, size_bytes(version.folder)) for version in found]


def delete_versions(home: SandboxHome, reference: str, on_event: OnEvent = ignore) -> list[StoredSize]:
    """Delete an uploaded version, or all versions of a model. Environments, images and tables stay. Blocks.

    Nothing is deleted if one of them cannot be.

    Args:
        home: the sandbox.
        reference: as of `versions_to_delete`.
        on_event: called for each version.

    Returns:
        The versions that were deleted.

    Raises:
        UsageError, SandboxError: as `versions_to_delete`.
    """
    with locked(home, f"pyml models delete {reference}"):
        doomed = versions_to_delete(home, reference)
        for each in doomed:
            name, _, version = each.model_id.partition("@")
            remove_version(home, name, version, on_event)
            on_event(Event(each.model_id, Progress.STOPPED, "deleted"))
    return doomed


def delete_version(home: SandboxHome, model_id: str, on_event: OnEvent = ignore) -> StoredSize:
    """Delete one uploaded version; see `delete_versions`.

    Args:
        home: the sandbox.
        model_id: `name@version`; its first digits are enough.
        on_event: called when it is deleted.

    Raises:
        UsageError: there is no such version, the id names no version, or it is deployed.
        SandboxError: a check or a job needs it now.
    """
    if not model_id.partition("@")[2]:
        raise UsageError(f"expected name@version, found {model_id!r}", "pyml models   lists the versions")
    return delete_versions(home, model_id, on_event)[0]


def _refuse_in_use(home: SandboxHome, version: ModelVersion) -> None:
    model_id, option = version.model_id, name_option(home)
    if is_marked(home, model_id):
        message = f"{model_id} is served for a check that runs now."
        raise SandboxError(message, "wait for its end, or stop it with Ctrl-C", ErrorCode.SANDBOX_BUSY)
    if (version.name, version.version) in load_routes(home).deployed:
        raise UsageError(f"{model_id} is deployed.", f"{command('pyml undeploy', version.name)}{option}")
    for job in records(home):
        if job.is_running and job.model_id == model_id:
            hint = f"{command('pyml jobs cancel', job.job_id)}{option}"
            raise SandboxError(f"The job {job.job_id} predicts with {model_id} now.", hint, ErrorCode.SANDBOX_BUSY)
