"""Pages that code, messages, tests and other pages name by their path exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOPS = ("runtime", "sandbox", "cli", "fixtures", "tests", "compose", "docs")
SUFFIXES = (".py", ".toml", ".yaml", ".md", ".sh", ".html", ".Dockerfile", ".json")
FILES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml", "Makefile")),
    *(file for top in TOPS for file in sorted((ROOT / top).rglob("*")) if file.suffix in SUFFIXES),
]
NAMED = re.compile(r"(?<![\w/.-])docs/[\w/-]+(?:\.schema)?\.(?:md|json)")


def named_pages() -> list[tuple[str, str]]:
    return [
        (str(file.relative_to(ROOT)), page)
        for file in FILES
        if file.is_file()
        for page in sorted(set(NAMED.findall(file.read_text(encoding="utf-8", errors="replace"))))
    ]


def test_pages_are_named_in_code_and_in_pages() -> None:
    assert len({file for file, _ in named_pages()}) > 20


@pytest.mark.parametrize(("file", "page"), named_pages())
def test_the_page_exists(file: str, page: str) -> None:
    assert (ROOT / page).is_file(), f"{file} names {page}"
