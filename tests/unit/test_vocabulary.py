"""One term has one meaning: docs/explanation/architecture.md lists the terms, and words that they replaced do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"pyml": ROOT / "runtime/pyml", "pyml_sandbox": ROOT / "sandbox/pyml_sandbox"}
SOURCES = (*PACKAGES.values(), ROOT / "cli/pyml_cli", ROOT / "fixtures/pyml_fixtures")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
FILES = [*PAGES, *(file for folder in SOURCES for file in sorted(folder.rglob("*.py")))]

RETIRED = {
    r"workshops?": "environment builder",
    r"laborator(y|ies)": "harness",
    r"what[- ]ifs?|WhatIf\w*": "perturbation",
    r"symptoms?": "observation",
    r"specimens?": "input row, synthetic row",
    r"gauges?": "noise model",
    r"nudge[ds]?": "trigger start",
    r"strangers": "unmatched keys",
    r"idle stop": "idle reaper",
    r"bring-?up": "up",
    r"sweeps?|swept": "remove orphans",
    r"traits?": "tag",
    r"carr(y|ies|ied|ying) out": "apply",
    r"telling lines": "relevant lines",
    r"surroundings": "environment",
    r"situations?": "condition, machine context",
    r"judge?ments?": "verdict",
    r"losses": "mismatches",
}
"""Words that meant one thing here alone, and the terms that replaced them."""

OF_PROMETHEUS = {"docs/reference/metrics.md", "runtime/pyml/gateway/telemetry/metrics_page.py"}
"""Where a gauge is a type of Prometheus."""

PARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")
"""Where one word of an identifier ends and the next begins."""


def homes() -> list[str]:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    return re.findall(r"^\| [^|`]+ \| .+ \| `([\w.]+)` \|$", page, flags=re.MULTILINE)


def names_in(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if hasattr(node, "name")}


def is_there(home: str) -> bool:
    """Whether a dotted path is a module or package, or a class or function of a module."""
    package, *parts = home.split(".")
    module, owner = (PACKAGES[package].joinpath(*some) for some in (parts, parts[:-1]))
    if module.is_dir() or module.with_suffix(".py").is_file():
        return True
    return owner.with_suffix(".py").is_file() and parts[-1] in names_in(owner.with_suffix(".py"))


def retired_in(file: Path) -> Iterator[str]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        words = PARTS.sub("/", line) if file.suffix == ".py" else line
        for word, term in RETIRED.items():
            if term == "noise model" and str(file.relative_to(ROOT)) in OF_PROMETHEUS:
                continue
            if re.search(rf"(?<![\w`-])({word})(?![\w`-])", words, flags=re.IGNORECASE):
                yield f"{file.relative_to(ROOT)}:{number}: {line.strip()} (the term is: {term})"


def test_the_glossary_has_terms() -> None:
    assert len(homes()) > 50


@pytest.mark.parametrize("home", homes())
def test_each_term_has_a_home_that_exists(home: str) -> None:
    assert is_there(home)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_retired_word_comes_back(file: Path) -> None:
    assert list(retired_in(file)) == []
