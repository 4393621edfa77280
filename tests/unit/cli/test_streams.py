"""The command in any shell: streams that are closed, full, unread or without some letters, and no current folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PYML = f"{sys.executable} -c 'import pyml_cli; pyml_cli.main()'"


def shell(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `pyml` is the command; the exit code is that of `pyml`, even before a pipe."""
    line = f'pyml() {{ {PYML} "$@"; }}; {command}; exit ${{PIPESTATUS[0]}}'
    environment = {**os.environ, "PYML_HOME": str(folder / "home"), "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    return subprocess.run(
        ["bash", "-c", line],
        env={**environment, **variables},
        cwd=folder,
        text=True,
        errors="replace",
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("pyml explain 2>&1 | true", 128 + signal.SIGPIPE),  # `true` ends long before Python begins
        ("pyml explain >/dev/full", 3),
        ("pyml --help >/dev/full", 3),
        ("pyml dev status 2>/dev/full", 3),
        ("pyml explain >&-", 0),
        ("pyml explain <&- >&- 2>&-", 0),
        ("pyml dev status 2>&-", 3),
        ("pyml dev down <&-", 0),
        ("pyml dev reset </dev/null", 2),
        ("mkdir gone; cd gone; rmdir ../gone; pyml dev status", 3),
        ("mkdir gone; cd gone; rmdir ../gone; pyml validate", 3),
    ],
)
def test_a_command_ends_with_a_sentence_whatever_its_streams_and_folder(
    command: str, code: int, tmp_path: Path
) -> None:
    done = shell(command, tmp_path)
    assert (done.returncode, "Traceback" in done.stderr, "bug" in done.stderr) == (code, False, False), done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_letters_that_a_stream_lacks_are_replaced(encoding: str, tmp_path: Path) -> None:
    done = shell("pyml explain T1 | cat; pyml dev status --sandbox é", tmp_path, PYTHONIOENCODING=encoding)
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def test_json_keeps_every_letter_on_a_stream_that_lacks_it(tmp_path: Path) -> None:
    done = shell("pyml dev status --json --sandbox ☃", tmp_path, PYTHONIOENCODING="ascii")
    assert "\\u2603" in done.stdout


def test_an_argument_that_the_locale_cannot_decode_is_named(tmp_path: Path) -> None:
    script = "import sys; from pyml_cli.main import run; sys.exit(run(['explain', 'caf\\udce9']))"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_without_a_terminal_colours_or_width_the_output_is_the_same(tmp_path: Path) -> None:
    plain = shell("pyml dev status", tmp_path)
    narrow = shell("pyml dev status", tmp_path, COLUMNS="20", TERM="dumb", NO_COLOR="1")
    assert (narrow.returncode, narrow.stderr) == (plain.returncode, plain.stderr)
