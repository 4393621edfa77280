"""A pytest that has no use for the plugin does not pay for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"pandas", "numpy", "pyarrow", "pyspark", "docker", "grpc", "duckdb", "rich", "sqlglot", "filelock", "aiohttp"}
PROGRAM = f"""
import atexit, sys
atexit.register(lambda: print("LOADED", *sorted({HEAVY} & sys.modules.keys())))
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def loaded(folder: Path, *arguments: str) -> tuple[int, set[str]]:
    """Run pytest with the plugin as only one, and say what it imported of that which is heavy."""
    command = [sys.executable, "-c", PROGRAM, "-p", "pyml_fixtures.plugin", *arguments]
    environ = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1].split()
    assert last[0] == "LOADED", done.stdout + done.stderr
    return done.returncode, set(last[1:])


@pytest.mark.parametrize("arguments", [["--version"], ["--markers"], ["--fixtures"], ["--collect-only"], ["--pyml"]])
def test_nothing_heavy_is_imported_unused(tmp_path: Path, arguments: list[str]) -> None:
    code, heavy = loaded(tmp_path, *arguments)
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert heavy == set()


def test_nor_for_tests_that_only_name_it(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("")
    (tmp_path / "pyml.toml").write_text("")
    (tmp_path / "test_it.py").write_text(
        "import pytest\nfrom pyml_fixtures import assert_parity\n\n"
        "@pytest.mark.parity(level='P1')\ndef test_parity(parity, offline): pass\n\ndef test_other(): pass\n"
    )
    assert loaded(tmp_path, "--pyml", "--collect-only") == (0, set())
    assert loaded(tmp_path, "-k", "other") == (0, set())


def test_the_marker_and_the_options_are_listed(pytester: pytest.Pytester) -> None:
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.parity(level=None): fail unless *"])
    pytester.runpytest_subprocess("--help").stdout.fnmatch_lines(["  --pyml *", "  --pyml-driver=*", "  --pyml-keep *"])
