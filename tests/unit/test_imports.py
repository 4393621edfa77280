"""Imports run one way, and nothing heavy is loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "runtime/pyml": {"pyml"},
    "sandbox/pyml_sandbox": {"pyml", "pyml_sandbox"},
    "cli/pyml_cli": {"pyml", "pyml_sandbox", "pyml_cli"},
    "fixtures/pyml_fixtures": {"pyml", "pyml_sandbox", "pyml_fixtures"},
}
OURS = set().union(*ALLOWED.values())
HEAVY = ("pandas", "pyarrow", "pyspark", "docker", "duckdb", "grpc", "sqlglot", "aiohttp", "numpy")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_run_one_way(folder: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        if "templates" not in path.parts  # what `pyml init` writes is a user's code, and uses all of ours
        for name in imported(path)
        if name in OURS - ALLOWED[folder]
    }
    assert not wrong


@pytest.mark.parametrize(
    "statement",
    ["import pyml", "import pyml_sandbox", "import pyml_fixtures.plugin", "import sys; sys.argv = ['pyml', '--help']; import pyml_cli; pyml_cli.main()"],
)  # fmt: skip
def test_nothing_heavy_is_loaded(statement: str) -> None:
    program = f"import atexit, sys; atexit.register(lambda: print(sorted({HEAVY} & sys.modules.keys())))\n{statement}"
    program = program.replace(str(HEAVY), str(set(HEAVY)))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
