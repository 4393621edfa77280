"""The history of reports: every check leaves its report, whatever the verdict, and a summary to list it by.

The cache of reports looks here as well: a summary has the key of what its report depends on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyml.errors import PymlError
from pyml_sandbox.workspace.events import JSON
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.record_folder import RecordFolder, new_record_id

if TYPE_CHECKING:
    from pyml_sandbox.parity.report.document import Report
    from pyml_sandbox.workspace.home import SandboxHome

FOLDER = ".reports"
MAX_REPORTS = 200
"""How many stay; besides them, the latest of each uploaded version."""
WHOLE = ".report"
"""Suffix of the file with the whole report, which is large; the record beside it is its summary."""


@dataclass(frozen=True)
class ReportRow:
    """The summary of one report.

    Attributes:
        report_id: sorts by the time of the check's end.
        model_id: name@version that was checked.
        verdict: PASS, FAIL or CANNOT-CERTIFY.
        level: that it earned; empty for none.
        level_asked: that was required.
        causes: codes of the causes that were found, such as B1.
        seconds: that the check took.
        rows: number of rows that both paths predicted.
        finished_at: seconds since 1970.
        driver: how the services ran: "process" or "container"; else the cluster or the endpoint that was checked.
        image: id of the image in which both paths ran; empty if there was none.
        key: of everything that the report depends on; empty if the report must not be given as an answer again.
    """

    report_id: str
    model_id: str
    verdict: str
    level: str
    level_asked: str
    causes: Sequence[str]
    seconds: float
    rows: int
    finished_at: float
    driver: str
    image: str = ""
    key: str = ""

    @property
    def json(self) -> dict[str, JSON]:
        """The summary as a JSON object."""
        return {**asdict(self), "causes": list(self.causes)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> ReportRow:
        """Read what `json` gave.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is damaged.
        """
        numbers = {"seconds": float(facts["seconds"]), "finished_at": float(facts["finished_at"])}
        row = cls(**{**facts, **numbers, "rows": int(facts["rows"]), "causes": tuple(map(str, facts["causes"]))})
        if not all(isinstance(text, str) for text in (row.report_id, row.model_id, row.verdict, row.level, row.driver)):
            raise ValueError("a name in it is no text")
        return row


def keep(home: SandboxHome, report: Report, seconds: float, key: str = "") -> ReportRow:
    """Add the report of a check that has just ended; if there are too many, the oldest are deleted.

    Args:
        home: the sandbox.
        report: of the check; not one that was found here.
        seconds: that the check took.
        key: with which `find_by_key` finds it; empty if it must not.
    """
    finished_at = datetime.fromisoformat(report.checked_at).timestamp() if report.checked_at else time.time()
    images = set(report.images.values())
    row = ReportRow(
        report_id=new_record_id(finished_at),
        model_id=report.model,
        verdict=str(report.verdict),
        level=report.decision.level or "",
        level_asked=report.declared_level,
        causes=tuple(dict.fromkeys(finding.code for finding in report.findings if finding.code)),
        seconds=round(seconds, 3),
        rows=report.rows,
        finished_at=finished_at,
        driver=report.driver,
        image=images.pop() if len(images) == 1 else "",
        key=key,
    )
    folder = _folder(home)
    write_atomically(folder.file(row.report_id, WHOLE), json.dumps(report.to_json()))
    folder.write(row.report_id, row.json)  # the last: what has a summary is whole
    folder.keep_latest(MAX_REPORTS, lambda ids: _latest_of_versions(home, ids))
    return row


def summaries(home: SandboxHome) -> Iterator[ReportRow]:
    """The summaries of all reports, the latest first; damaged ones are passed over."""
    folder = _folder(home)
    found = (folder.read(report_id, ReportRow.from_json) for report_id in folder.ids())
    return (row for row in found if row is not None)


def report_ids(home: SandboxHome) -> list[str]:
    """The ids of all reports, the latest first; nothing is read."""
    return _folder(home).ids()


def report_of(home: SandboxHome, report_id: str) -> Report | None:
    """A whole report; None if there is none, or if it is damaged.

    Raises:
        ValueError: it is not the id of a report.
    """
    from pyml_sandbox.parity.report.document import Report

    file = _folder(home).file(report_id, WHOLE)
    try:
        return Report.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, PymlError):
        return None


def find_by_key(home: SandboxHome, key: str) -> Report | None:
    """The latest readable report with a key; None if there is none."""
    found = (report_of(home, row.report_id) for row in summaries(home) if row.key == key)
    return next((report for report in found if report is not None), None)


def _latest_of_versions(home: SandboxHome, ids: Collection[str]) -> list[str]:
    """Those reports that are the latest of a version that is still uploaded: they say which level it earned."""
    latest: dict[str, str] = {}
    for row in summaries(home):
        latest.setdefault(row.model_id, row.report_id)
    uploaded = {f"{path.parent.name}@{path.name}" for path in home.models.glob("*/*/")}
    return [report_id for model_id, report_id in latest.items() if report_id in ids and model_id in uploaded]


def _folder(home: SandboxHome) -> RecordFolder:
    return RecordFolder(home.parity / FOLDER)
