"""Nothing heavy is loaded before it is needed. Which way imports run is held by import-linter, see pyproject.toml."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pandas", "pyarrow", "pyspark", "docker", "duckdb", "grpc", "sqlglot", "aiohttp", "numpy", "pydantic")


@pytest.mark.parametrize(
    "statement",
    ["import pyml", "import pyml_sandbox", "import pyml_fixtures.plugin", "import sys; sys.argv = ['pyml', '--help']; import pyml_cli; pyml_cli.main()"],
)  # fmt: skip
def test_nothing_heavy_is_loaded(statement: str) -> None:
    program = f"import atexit, sys; atexit.register(lambda: print(sorted({HEAVY} & sys.modules.keys())))\n{statement}"
    program = program.replace(str(HEAVY), str(set(HEAVY)))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
