"""Reports that are kept: found again by everything that they depend on, and by nothing less."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pyml.package.settings import ParitySettings
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.parity import cache
from pyml_sandbox.parity.report import report_history
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.rows.snapshot import Snapshot
from pyml_sandbox.workspace.home import SandboxHome
from support.reports import REPORTS

SETTINGS = ParitySettings(sql="SELECT * FROM t", key=("id",))


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path / "home", "tests")


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    file = tmp_path / "rows.parquet"
    file.write_bytes(b"the rows")
    return Snapshot("pyml_parity.rows_1", file, 3, ("id",), ())


def version(name: str = "taxi", digits: str = "3f2a9c1b77d0", folder: str = "anywhere") -> ModelVersion:
    return ModelVersion(name, digits, Path(folder), 0.0, {})


def kept(home: SandboxHome, key: str, name: str) -> Path:
    """The file of a report that is kept under a key."""
    row = report_history.keep(home, REPORTS[name], 1.5, key)
    return home.parity / report_history.FOLDER / f"{row.report_id}{report_history.WHOLE}"


# ---- the key


def test_a_key_changes_with_what_the_notebook_predicted(snapshot: Snapshot) -> None:
    keys = {cache.key_of("env", version(), snapshot, SETTINGS, notebook) for notebook in ("", "a1", "b2")}
    assert len(keys) == 3


def test_equal_questions_have_equal_keys(snapshot: Snapshot) -> None:
    first, second = (cache.key_of("env", version(), snapshot, SETTINGS) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("environment", "asked", "settings"),
    [
        ("other env", version(), SETTINGS),
        ("env", version(digits="000000000000"), SETTINGS),
        ("env", version(name="other"), SETTINGS),
        ("env", version(), replace(SETTINGS, level="P5")),
        ("env", version(), replace(SETTINGS, sql="SELECT * FROM u")),
        ("env", version(), replace(SETTINGS, table="t", sql="")),
        ("env", version(), replace(SETTINGS, key=("id", "day"))),
        ("env", version(), replace(SETTINGS, batch_rows=7)),
        ("env", version(), replace(SETTINGS, sample_rows=7)),
        ("env", version(), replace(SETTINGS, budget_s=7.0)),
    ],
)
def test_a_key_changes_with_each_thing_that_a_report_depends_on(
    environment: str, asked: ModelVersion, settings: ParitySettings, snapshot: Snapshot
) -> None:
    assert cache.key_of(environment, asked, snapshot, settings) != cache.key_of("env", version(), snapshot, SETTINGS)


def test_a_key_changes_with_the_rows(snapshot: Snapshot) -> None:
    before = cache.key_of("env", version(), snapshot, SETTINGS)
    snapshot.file.write_bytes(b"other rows")
    assert cache.key_of("env", version(), replace(snapshot), SETTINGS) != before


def test_a_key_changes_with_the_code_that_checks(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.key_of("env", version(), snapshot, SETTINGS)
    monkeypatch.setattr(cache, "runtime_digest", lambda: "of another runtime")
    assert cache.key_of("env", version(), snapshot, SETTINGS) != before


def test_a_key_does_not_change_with_where_things_lie(snapshot: Snapshot, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.parquet"
    elsewhere.write_bytes(snapshot.file.read_bytes())
    moved = replace(snapshot, table="pyml_parity.rows_2", file=elsewhere)
    assert cache.key_of("env", version(folder="there"), moved, SETTINGS) == cache.key_of(
        "env", version(), snapshot, SETTINGS
    )


def test_parts_of_a_key_do_not_run_into_each_other(snapshot: Snapshot) -> None:
    left = cache.key_of("env", version("a"), snapshot, SETTINGS)
    right = cache.key_of("enva", version(""), snapshot, SETTINGS)
    assert left != right


# ---- keeping and finding


@pytest.mark.parametrize("name", REPORTS)
def test_a_kept_report_is_found_whole_and_said_to_be_an_earlier_one(name: str, home: SandboxHome) -> None:
    kept(home, "k", name)
    assert cache.find(home, "k") == replace(REPORTS[name], is_cached=True)


def test_a_report_is_found_by_its_own_key_alone(home: SandboxHome) -> None:
    kept(home, "k", "pass")
    assert cache.find(home, "other") is None


def test_nothing_is_found_where_nothing_was_kept(home: SandboxHome) -> None:
    assert cache.find(home, "k") is None
    assert not home.parity.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b"7", b"{}", b'{"schema": 99}', b"\xff\xfe", b'{"schema": 2}'], ids=repr
)
def test_a_damaged_file_is_passed_over(content: bytes, home: SandboxHome) -> None:
    kept(home, "k", "pass").write_bytes(content)
    assert cache.find(home, "k") is None


def test_a_report_with_a_part_cut_out_is_passed_over(home: SandboxHome) -> None:
    file = kept(home, "k", "fail")
    document = json.loads(file.read_text())
    del document["verdict"]
    file.write_text(json.dumps(document))
    assert cache.find(home, "k") is None


def test_a_later_report_takes_the_place_of_an_earlier_one(home: SandboxHome) -> None:
    for name, at in (("pass", "2026-11-28T10:00:00+00:00"), ("fail", "2026-11-28T11:00:00+00:00")):
        report_history.keep(home, replace(REPORTS[name], checked_at=at), 1.5, "k")
    assert cache.find(home, "k") == replace(REPORTS["fail"], is_cached=True, checked_at="2026-11-28T11:00:00+00:00")


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_of_a_run_is_written_for_people_and_programs(name: str, tmp_path: Path) -> None:
    cache.write(tmp_path, REPORTS[name])
    text = (tmp_path / "report.json").read_text()
    assert Report.from_json(json.loads(text)) == REPORTS[name]
    assert text.endswith("}\n")
    assert "\n  " in text
