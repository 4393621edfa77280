"""The README's commands and code blocks, run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml_sandbox.drivers.choice import an_engine_answers
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.workspace.home import SandboxHome
from support.free_ports import free_port_choices

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", params=["process", "container"])
def environ(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A user's shell with a sandbox of its own, on ports that are free here; once with each driver."""
    if request.param == "container":
        request.getfixturevalue("base_image")
    elif an_engine_answers(os.environ) and os.environ.get("PYML_TESTS") != "all":
        pytest.skip("where an engine answers, the README runs in containers: make demos")
    home = SandboxHome(tmp_path_factory.mktemp("home"))
    ports = free_port_choices()
    up_and_down.up(home, up_and_down.Options(request.param, ports))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYML_"))}
    yield {
        **kept,
        "PYML_HOME": str(home.root),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "REST_PORT": str(ports.rest),
    }
    up_and_down.reset(home)


def run(script: str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_the_two_commands_are_targets_of_the_makefile(environ: dict[str, str]) -> None:
    commands = [line.split("#")[0].strip() for line in blocks("sh")[0].splitlines()]
    assert commands == ["make demo", "make test"]
    assert "pytest" in run("make -n test", ROOT, environ).stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_make_demo_ends_with_what_to_do_next(environ: dict[str, str]) -> None:
    demo = run(f"make demo VENV={BIN.parent}", ROOT, environ)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "flights: 336,776 rows" in demo.stdout
    assert demo.stdout.count("late_probability") >= 3
    assert demo.stdout.index("PASS") < demo.stdout.index("FAIL")
    assert "pyml init my_model" in demo.stderr
    if "needs the container driver" not in demo.stderr:
        assert "$ pyml verify 127.0.0.1:" in demo.stderr
        assert re.search(r"@sha256:[0-9a-f]{64} is flight_delay@", demo.stdout)
        assert "kubectl apply -f" in demo.stdout


def test_the_model_in_the_readme_is_the_one_that_init_writes(tmp_path: Path, environ: dict[str, str]) -> None:
    run("pyml init my_model", tmp_path, environ)
    written = (tmp_path / "my_model" / "model.py").read_text(encoding="utf-8")
    assert blocks("python")[0].partition("class ")[2] == written.partition("class ")[2]


@pytest.mark.timeout(600)
def test_the_five_minute_tour_runs_as_it_stands(tmp_path: Path, environ: dict[str, str]) -> None:
    tour, program = blocks("sh")[1:], blocks("python")[1]
    script = "\n".join(tour).replace("make install\n. .venv/bin/activate\n", "").replace("8471", environ["REST_PORT"])
    program_step = f"python - <<'EOF'\n{program}EOF\n"
    before_curl, curl, after = script.partition("curl ")
    if shutil.which("curl") is None:
        curl = f"{sys.executable} {Path(__file__).parent / 'curl.py'} "
    done = run(before_curl + program_step + curl + after, tmp_path, environ)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "PASS  level P5",
        "ml.fares: 100 rows",
        '{"fare": 10.18}',
        "{'fare': [10.18]}",
        "1 passed",
        '"data":[10.18]',
        "gateway",
    ):
        assert words in done.stdout, f"{words!r} is missing in:\n{done.stdout}\n{done.stderr}"
