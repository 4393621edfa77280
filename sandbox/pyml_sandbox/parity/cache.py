"""The cache of reports: each is found in the history by a key made from everything that it depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.report_history import find_by_key
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.runtime_source import runtime_digest

if TYPE_CHECKING:
    from pyml.package.settings import ParitySettings
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.parity.rows.snapshot import Snapshot
    from pyml_sandbox.workspace.home import SandboxHome


def key_of(
    environment: str, version: ModelVersion, snapshot: Snapshot, settings: ParitySettings, notebook: str = ""
) -> str:
    """The key of a report: checks with equal keys give equal reports.

    Args:
        environment: key of the version's environment, an image or a virtual environment.
        version: the model version; its name includes a digest of its package.
        snapshot: the rows.
        settings: sizes, key columns and level.
        notebook: digest of what the notebook predicted; empty if there is nothing.
    """
    asked = json.dumps(asdict(settings), sort_keys=True)
    parts = [environment, version.model_id, snapshot.digest, asked, notebook, checker_version()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def checker_version() -> str:
    """A digest of the code of the check: of the runtime and of the sandbox."""
    whole = hashlib.sha256(runtime_digest().encode())
    for file in sorted(Path(__file__).parent.parent.rglob("*.py")):
        whole.update(file.read_bytes())
    return whole.hexdigest()


def find(home: SandboxHome, key: str) -> Report | None:
    """The latest report of a key in the history, marked as cached; None if there is no readable one."""
    found = find_by_key(home, key)
    return None if found is None else replace(found, is_cached=True)


def moved(report: Report, folder: Path, table: str) -> Report:
    """An earlier report that refers to the rows of this run, since its own are gone.

    Args:
        report: the earlier one.
        folder: of the files of this run.
        table: Hive table of the rows of this run.
    """
    command = report.next_command.replace(report.elsewhere.get("rows_table", table), table)
    return replace(report, elsewhere={"folder": str(folder), "rows_table": table}, next_command=command)


def write(folder: Path, report: Report) -> None:
    """Write the report of a run into the run's folder."""
    write_atomically(folder / "report.json", file_text(report))


def file_text(report: Report) -> str:
    """A report as a file for people and programs: its JSON document, indented."""
    return json.dumps(report.to_json(), indent=2) + "\n"
