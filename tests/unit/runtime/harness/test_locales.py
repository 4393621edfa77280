"""Locales that are compiled once a model asks for that of its environment, each case in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path("/usr/share/i18n/locales")
SORTED = """
import locale, os
from pyml.harness.locales import compile_on_demand
compile_on_demand()
try:
    locale.setlocale(locale.LC_ALL, {value!r})
    print("".join(sorted("bCa", key=locale.strxfrm)), locale.localeconv()["decimal_point"], os.environ.get("LOCPATH"))
except locale.Error:
    print("refused")
"""


def sorted_in(environment: str, value: str = "", path: str = "") -> str:
    """Three letters in the order of a locale, its decimal sign, and the variable that must not be left behind."""
    variables = {"LC_ALL": environment, "PATH": path or str(Path(shutil.which("localedef") or "/usr/bin/x").parent)}
    command = [sys.executable, "-c", SORTED.format(value=value)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_installed_locale_is_that_of_the_machine() -> None:
    assert sorted_in("C.UTF-8") == "Cab . None"


def test_a_locale_is_compiled_where_the_machine_has_its_source() -> None:
    is_there = (SOURCES / "de_DE").exists() and shutil.which("localedef")
    assert sorted_in("de_DE.UTF-8") == ("abC , None" if is_there else "refused")


@pytest.mark.parametrize(
    ("environment", "value", "path"),
    [
        ("xx_XX.UTF-8", "", ""),
        ("C.UTF-8", "xx_XX.UTF-8", ""),
        ("xx_XX.UTF-8", "", "/nowhere"),
    ],
    ids=["no source", "named by the model itself", "no compiler"],
)
def test_what_cannot_be_compiled_is_refused_as_ever(environment: str, value: str, path: str) -> None:
    assert sorted_in(environment, value, path) == "refused"
