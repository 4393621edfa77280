"""What a model repository's own tests see of the plugin: fixtures, assertions and the marker, on the shared sandbox."""

from __future__ import annotations

import shutil

import pytest

from plugin.projects import BATCH_MEAN, HONEST, UNSTEADY, Project
from pyml_sandbox.lifecycle.status import status
from pyml_sandbox.models import registry
from pyml_sandbox.models.template import BASIC, create
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.slow_cases import slow

FOUND = "FAIL [[]B*[]] *"
ASSERTS = "def test_it(pyml_model):\n    assert_parity(pyml_model, level='P2')\n"
IMPORT = "from pyml_fixtures import assert_parity\n\n"


@pytest.fixture
def either(bare: Project, sandbox: SandboxHome, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A repository beside a sandbox of each driver in turn, for the whole way."""
    monkeypatch.setenv("PYML_HOME", str(sandbox.root))
    monkeypatch.setenv("PYML_SANDBOX", sandbox.name)
    return bare


@pytest.mark.parametrize("template", BASIC)
def test_the_test_that_init_writes_passes(either: Project, template: str) -> None:
    create(either.folder, template)
    either.run().assert_outcomes(passed=1)


def test_a_joined_sandbox_stays_up(project: Project, process_sandbox: SandboxHome) -> None:
    project.write_test("def test_it(pyml_sandbox):\n    assert pyml_sandbox.state.driver == 'process'\n")
    project.run("--pyml-driver", "process").assert_outcomes(passed=1)
    assert status(process_sandbox).is_up


def test_a_sandbox_of_another_driver_is_refused_in_a_sentence(project: Project) -> None:
    project.write_test("def test_it(pyml_sandbox): pass\n")
    result = project.run("--pyml-driver", "container")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "the sandbox 'tests' has the process driver, but --pyml-driver is container",
            "*fix: omit --pyml-driver*",
        ]
    )


def test_outside_a_model_repository_the_reason_is_said(project: Project) -> None:
    project.write_test("def test_it(pyml_model): pass\n")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["there is no model.py in *plugged", "*fix: run pytest in a model package"])


def test_a_package_that_is_not_right_is_told_and_not_traced(project: Project) -> None:
    project.write_model()
    (project.folder / "packages.txt").unlink()
    project.write_test("def test_it(pyml_model): pass\n")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["invalid model package *", "*packages.txt*"])


def test_the_model_is_found_from_a_folder_of_tests(project: Project) -> None:
    project.write_model()
    project.write_test("def test_it(pyml_model):\n    assert pyml_model.startswith('plugged@')\n")
    project.run("--rootdir", str(project.folder / "tests"), "tests").assert_outcomes(passed=1)


def test_a_failed_assertion_shows_the_finding_at_the_line_that_asserts(project: Project) -> None:
    project.write_model(BATCH_MEAN)
    project.write_test(IMPORT + ASSERTS)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       assert_parity(pyml_model, level='P2')",
            f"E       AssertionError: {FOUND}",
            "E       FAIL*plugged@* 300 rows",
            "tests*test_it.py:4: AssertionError",
            f"FAILED tests/test_it.py::test_it - AssertionError: {FOUND}",
        ]
    )


@pytest.mark.slow
def test_a_model_that_differs_from_itself_cannot_be_certified(project: Project) -> None:
    project.write_model(UNSTEADY)
    project.write_test(IMPORT + ASSERTS)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       AssertionError: CANNOT-CERTIFY *"])


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ("'nobody'", "E       pyml.errors.UsageError: There is no model 'nobody'*"),
        ("'.', level='P9'", "E       pyml.errors.UsageError: there is no parity level 'P9'"),
        ("'.', rows='SELECT 1 AS id'", "E       pyml.errors.InputError: the query does not fit the model*"),
        ("'.', rows='SELEC 1'", "E       pyml.errors.UsageError: Spark cannot run the query: *"),
    ],
)
def test_what_cannot_be_asked_is_told_at_the_line_that_asks(project: Project, call: str, line: str) -> None:
    project.write_model()
    project.write_test(f"{IMPORT}def test_it(pyml_model):\n    assert_parity({call})\n")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">       assert_parity({call.replace('[', '[[]')})", line])


OF_THE_NOTEBOOK = """
from pyml_fixtures import assert_parity

def test_asserted(pyml_model): assert_parity(pyml_model, level="P1")

def test_reported(parity): assert parity.notebook.agrees
"""


@pytest.mark.parametrize(("predicted", "passed"), [slow(14.0, 2), (15.0, 0)])
def test_the_notebook_beside_the_settings_is_compared_with_both_paths(
    project: Project, predicted: float, passed: int
) -> None:
    project.write_model()
    toml = project.folder / "pyml.toml"
    toml.write_text(f"{toml.read_text()}expected = 'expected.csv'\n")
    (project.folder / "expected.csv").write_text(f"id,p\n7,{predicted}\n")
    project.write_test(OF_THE_NOTEBOOK)
    result = project.run()
    result.assert_outcomes(passed=passed, failed=2 - passed)
    if not passed:
        result.stdout.fnmatch_lines(
            ["*FAIL Both paths agree with each other and differ from the notebook: `p` in 1 of 1 row*"]
        )


@pytest.mark.slow
def test_rows_may_be_a_query_of_the_tests_own(project: Project) -> None:
    project.write_model(BATCH_MEAN)
    query = "SELECT id AS n, CAST(id AS DOUBLE) AS a FROM range(20)"
    project.write_test(
        f"{IMPORT}def test_id(pyml_model):\n    assert_parity(pyml_model, '{query}', 'P2', key='n')\n\n"
        f"def test_folder(pyml_sandbox):\n    assert_parity('.', '{query}', 'P2', key=['n'])\n"
    )
    result = project.run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E       FAIL*plugged@* 20 rows",
            f"FAILED tests/test_it.py::test_id - AssertionError: {FOUND}",
            f"FAILED tests/test_it.py::test_folder - AssertionError: {FOUND}",
        ]
    )


FRAMES = """
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml_fixtures import assert_parity

FRAME = pd.DataFrame({"id": range(40), "a": np.arange(40.0), "more": "not an input"})
TABLE = pa.table({"a": np.arange(40.0)})

@pytest.mark.parametrize("rows", [FRAME, TABLE], ids=["keyed", "numbered"])
def test_it(pyml_model, rows):
    assert_parity(pyml_model, rows, "P2")
"""


def test_rows_may_be_held_by_the_test(project: Project) -> None:
    project.write_model(BATCH_MEAN)
    project.write_test(FRAMES)
    result = project.run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "E       FAIL*plugged@* 40 rows",
            f"FAILED tests/test_it.py::test_it[[]keyed[]] - AssertionError: {FOUND}",
            f"FAILED tests/test_it.py::test_it[[]numbered[]] - AssertionError: {FOUND}",
        ]
    )


PATHS = """
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml.errors import InputError
from pyml_fixtures import assert_frames_agree

ROWS = pa.table({"a": pa.array([3.0, float("nan"), 1.0], pa.float64())})

def test_frames(offline, online):
    frame = pd.DataFrame({"a": [3.0, float("nan"), 1.0]}, index=[7, 7, 9])
    assert_frames_agree(offline(frame), online(frame))
    assert list(offline(frame)["p"])[::2] == [6.0, 2.0]

def test_tables(offline, online):
    assert isinstance(offline(ROWS), pa.Table)
    assert_frames_agree(offline(ROWS), online(ROWS))

def test_no_rows(offline, online):
    assert_frames_agree(offline(ROWS.slice(0, 0)), online(ROWS.slice(0, 0)))

def test_rows_that_do_not_fit(offline, online):
    for path in (offline, online):
        with pytest.raises(InputError, match="`a` is missing"):
            path(ROWS.rename_columns(["b"]))

def test_blame(offline):
    offline(ROWS.rename_columns(["b"]))
"""


def test_both_paths_answer_in_the_form_of_the_rows(project: Project, process_sandbox: SandboxHome) -> None:
    project.write_model()
    project.write_test(PATHS)
    result = project.run()
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines([">       offline(ROWS.rename_columns(*", "E       pyml.errors.InputError: *"])
    with session(process_sandbox) as spark:
        assert not spark.catalog.listTables("pyml_tests"), "the tables of the tests are gone"
    assert not list(process_sandbox.jobs.glob("pyml_tests.*"))


def test_offline_is_spark_and_online_is_not(project: Project) -> None:
    project.write_model("[float('pyspark' in __import__('sys').modules)] * len(a)")
    project.write_test(
        "import pyarrow as pa\n\ndef test_it(offline, online):\n    rows = pa.table({'a': [1.0]})\n"
        "    assert offline(rows)['p'].to_pylist() == [1.0]\n    assert online(rows)['p'].to_pylist() == [0.0]\n"
    )
    project.run().assert_outcomes(passed=1)


def test_paths_that_part_are_shown_value_by_value(project: Project) -> None:
    project.write_model("[float('pyspark' in __import__('sys').modules)] * len(a)")
    project.write_test(
        "import pyarrow as pa\nfrom pyml_fixtures import assert_frames_agree\n\ndef test_it(offline, online):\n"
        "    rows = pa.table({'a': [1.0, 2.0]})\n    assert_frames_agree(offline(rows), online(rows))\n"
    )
    result = project.run()
    result.stdout.fnmatch_lines(
        [
            ">       assert_frames_agree(offline(rows), online(rows))",
            "E       AssertionError: `p` differs in 2 of 2 rows, by up to 1",
            "FAILED tests/test_it.py::test_it - AssertionError: `p` differs in 2 of 2 rows, by up to 1",
        ]
    )


def test_tensors_go_both_ways_as_tensors(project: Project) -> None:
    create(project.folder, "tensor")
    shutil.rmtree(project.folder / "tests")
    project.write_test(
        "import numpy as np\n\ndef test_it(offline, online):\n"
        "    rows = {'readings': np.arange(12, dtype='float32').reshape(3, 4)}\n"
        "    np.testing.assert_array_equal(offline(rows)['score'], online(rows)['score'])\n"
        "    assert offline(rows)['score'].shape == (3,)\n"
    )
    project.run().assert_outcomes(passed=1)


MARKED = """
import pytest

@pytest.mark.parity(level="P1")
def test_marked():
    print("the body ran")

@pytest.mark.parity
def test_of_the_level_in_pyml_toml(): pass

@pytest.mark.parity(level="P1")
class TestMany:
    def test_one(self, parity):
        assert parity.rows == 300

def test_not_marked(parity):
    assert parity.rows == 300
"""


def test_a_marker_demands_its_level_before_the_body_runs(project: Project) -> None:
    project.write_model(BATCH_MEAN, level="P2")
    project.write_test(MARKED.replace("P1", "P2"))
    result = project.run("-s", "--strict-markers")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines([FOUND, f"FAILED tests/test_it.py::test_marked - Failed: {FOUND}"])
    assert "the body ran" not in result.stdout.str()


def test_a_marker_is_content_with_the_level_it_names(project: Project) -> None:
    project.write_model(HONEST, level="P1")
    project.write_test(MARKED)
    result = project.run("-s")
    result.assert_outcomes(passed=4)
    assert result.stdout.str().count("the body ran") == 1


@pytest.mark.parametrize("marker", ["parity(level='P6')", "parity(level=3)", "parity('P1')", "parity(levels='P1')"])
def test_a_marker_that_says_something_else_is_refused(bare: Project, marker: str) -> None:
    bare.write_test(f"import pytest\n\n@pytest.mark.{marker}\ndef test_it(): pass\n")
    result = bare.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: tests/test_it.py::test_it: *parity*", "*fix: *"])


def test_the_model_is_checked_once_for_all_that_ask(project: Project, process_sandbox: SandboxHome) -> None:
    """A second check would drop the table that the report of the first one names."""
    project.write_model("a * 5")
    project.write_test(
        "import pytest\n\n@pytest.mark.parity\ndef test_a(parity, pyml_sandbox):\n"
        "    from pyml_sandbox.predict.spark_session import session\n    with session(pyml_sandbox.home) as spark:\n"
        "        assert spark.table(parity.elsewhere['rows_table']).count() == 300\n"
    )
    project.run().assert_outcomes(passed=1)
    assert any(version.name == "plugged" for version in registry.versions(process_sandbox))
