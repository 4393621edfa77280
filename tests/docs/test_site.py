"""The documentation builds as a site without a warning, is complete, and needs no network to be read."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from typer.main import get_command

import pyml
import pyml_fixtures
import pyml_sandbox
from pyml.package.settings import (
    AllowanceSettings,
    ParitySettings,
    PromoteSettings,
    ServingSettings,
    Settings,
    ToleranceSettings,
)
from pyml_cli.main import application

ROOT = Path(__file__).parents[2]
TABLES = (Settings, ServingSettings, ParitySettings, ToleranceSettings, AllowanceSettings, PromoteSettings)
TAKEN_FROM_ELSEWHERE = re.compile(
    r'<(?:script|link|img|source|iframe)\b[^>]*?(?:src|href|srcset)="(?:https?:)?//[^"]*"'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--fail-on-warning", "--keep-going", "--quiet", "-b", "html", "-c", "docs/site", "docs", str(folder)]
    command = [sys.executable, "-m", "sphinx", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def page(site: Path, name: str) -> str:
    return (site / f"{name}.html").read_text(encoding="utf-8")


def commands_below(command: object, name: str) -> Iterator[tuple[str, list[str]]]:
    """Every command by its whole name, with its options."""
    yield name, [option for each in command.params for option in each.opts if option.startswith("--")]  # type: ignore[attr-defined]
    for part, child in getattr(command, "commands", {}).items():
        yield from commands_below(child, f"{name} {part}")


def test_every_page_is_built(site: Path) -> None:
    sources = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}
    assert len(sources) > 70
    assert sources <= built


def words(site: Path, name: str) -> str:
    """What a reader sees of a page."""
    return re.sub(r"<[^>]*>", "", page(site, name))


def test_every_key_of_the_settings_is_in_the_reference(site: Path) -> None:
    text = words(site, "reference/pyml-toml")
    keys = {key.name for table in TABLES for key in fields(table)}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", text)] == []


def test_every_command_and_option_is_in_the_reference(site: Path) -> None:
    text = words(site, "reference/commands")
    found = dict(commands_below(get_command(application()), "pyml"))
    assert len(found) > 20
    assert [name for name in found if f"\n{name}¶" not in text] == []
    assert [option for options in found.values() for option in options if option not in text] == []


@pytest.mark.parametrize("package", [pyml, pyml_sandbox, pyml_fixtures], ids=lambda package: str(package.__name__))
def test_every_public_name_is_in_the_reference(site: Path, package: object) -> None:
    text = page(site, "reference/python")
    names = package.__all__  # type: ignore[attr-defined]
    assert [name for name in names if not re.search(rf'id="[\w.]*\.{name}"', text)] == []


def test_files_of_sample_models_are_shown_and_sections_of_code_filled_in(site: Path) -> None:
    shown = {
        source.stem: re.findall(r"^\[(fixtures/[^\]]*)\]", source.read_text(encoding="utf-8"), re.MULTILINE)
        for source in (ROOT / "docs" / "how-to").glob("*.md")
    }
    assert sum(map(len, shown.values())) > 20
    for name, files in shown.items():
        captions = re.findall(r'<span class="caption-text">([^<]*)</span>', page(site, f"how-to/{name}"))
        assert captions == files
    assert "from the code:" not in "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.html"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert {
        str(path): TAKEN_FROM_ELSEWHERE.findall(text)
        for path, text in pages.items()
        if TAKEN_FROM_ELSEWHERE.search(text)
    } == {}
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert not [sheet for sheet in sheets if re.search(r"url\(\s*['\"]?(https?:)?//", sheet)]


def test_the_site_can_be_searched(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert "max_request_mb" in index
