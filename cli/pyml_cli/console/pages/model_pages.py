"""The uploaded versions, and what there is to know of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import UsageError
from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page import Asked, Page

if TYPE_CHECKING:
    from pyml.types.field import Field
    from pyml_sandbox.workspace.events import JSON


def models(asked: Asked) -> Facts:
    """Every version, with its level, and the requests of those that are deployed."""
    from pyml_sandbox.listings.model_list import list_versions

    rows = list_versions(asked.bench.home)
    return {"versions": [row.json for row in rows], "rates": request_rates(asked)}


def version(asked: Asked) -> Facts:
    """One version: contract, files, locked packages, and its reports.

    Raises:
        UsageError: there is no such version.
    """
    from pyml_sandbox.listings.model_list import list_versions
    from pyml_sandbox.listings.report_list import list_reports
    from pyml_sandbox.models.registry import find_version

    found = find_version(asked.bench.home, asked.path["model"])
    rows = {row.version.model_id: row for row in list_versions(asked.bench.home, found.name)}
    signature = found.signature
    try:
        lock, files = found.lock, sorted(path for path in found.package.rglob("*") if path.is_file())
        row = rows.pop(found.model_id)
    except (FileNotFoundError, KeyError) as error:
        message = f"{found.model_id} was deleted at this moment."
        raise UsageError(message, "pyml models   lists the versions", ErrorCode.MODEL_UNKNOWN) from error
    return {
        "row": row.json,
        "siblings": list(rows),
        "kind": signature.kind,
        "inputs": [_field(field) for field in signature.inputs.fields],
        "outputs": [_field(field) for field in signature.outputs.fields],
        "files": [str(path.relative_to(found.package)) for path in files],
        "lock": lock.splitlines(),
        "reports": [report.json for report in list_reports(asked.bench.home, found.name)],
    }


def request_rates(asked: Asked) -> Mapping[str, JSON]:
    """Requests per second of each deployed model since it was asked before, by name; empty while nobody knows."""
    return asked.bench.rates.latest(is_awaited=asked.is_whole)


def _field(field: Field) -> Mapping[str, JSON]:
    return {"name": field.name, "type": str(field).partition(" ")[2] or str(field)}


PAGES = (Page("/models", "models.jinja", models), Page("/models/{model}", "version.jinja", version))
