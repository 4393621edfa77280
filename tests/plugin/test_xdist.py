"""Under pytest-xdist all workers share one sandbox, one upload and one check; the last of the run stops it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from plugin.projects import BATCH_MEAN, HONEST, Project
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.lifecycle.status import Health, status
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import SandboxState, save_state
from support.free_ports import free_ports

TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number, parity, pyml_model, online):
    import pyarrow as pa
    print("WORKER", os.environ["PYTEST_XDIST_WORKER"], pyml_model, parity.elsewhere["rows_table"])
    assert online(pa.table({"a": [1.0]}))["p"].to_pylist() == [2.0]
"""


@pytest.fixture
def down(project: Project, process_sandbox: SandboxHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxHome]:
    """A sandbox that is down, with ports of its own; it shares environments with the one that is up."""
    home = SandboxHome(process_sandbox.root, "workers")
    home.create()
    save_state(home, SandboxState("process", Ports(*free_ports(4)), None, "", ""))
    monkeypatch.setenv("PYML_SANDBOX", home.name)
    yield home
    up_and_down.reset(home)


@pytest.mark.timeout(600)
def test_workers_share_a_sandbox_that_the_run_starts_and_stops(project: Project, down: SandboxHome) -> None:
    project.write_model(HONEST)
    project.write_test(TESTS)
    result = project.run("-n", "2", "--dist", "load", "-rP")
    result.assert_outcomes(passed=4)
    said = set(re.findall(r"^WORKER (\w+) (\S+) (\S+)$", result.stdout.str(), re.MULTILINE))
    assert {worker for worker, _, _ in said} == {"gw0", "gw1"}
    assert len({(model, table) for _, model, table in said}) == 1
    assert {service.health for service in status(down).services} == {Health.STOPPED}


def test_workers_show_what_the_user_needs_to_see(project: Project) -> None:
    project.write_model(BATCH_MEAN, level="P2")
    project.write_test(
        "import pytest\nfrom pyml_fixtures import assert_parity\n\n"
        "def test_a(pyml_model):\n    assert_parity(pyml_model, level='P2')\n\n"
        "@pytest.mark.parity(level='P2')\ndef test_b(): pass\n"
    )
    result = project.run("-n", "2")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(
        [
            ">       assert_parity(pyml_model, level='P2')",
            "FAILED tests/test_it.py::test_a - AssertionError: FAIL [[]B*[]]*",
            "FAILED tests/test_it.py::test_b - Failed: FAIL [[]B*[]]*",
        ]
    )
