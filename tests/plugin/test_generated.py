"""`pytest --pyml`: the test of a model repository that has none of its own."""

from __future__ import annotations

import pytest

from plugin.projects import BATCH_MEAN, HONEST, Project

PLAIN_TEST = "def test_it(): pass\n"


def test_without_the_option_nothing_is_collected(bare: Project) -> None:
    bare.write_model()
    assert bare.run().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_model_that_agrees_passes(project: Project) -> None:
    project.write_model(HONEST)
    result = project.run("--pyml", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["pyml.toml::parity PASSED*"])


def test_a_model_that_parts_the_paths_fails_with_the_report(project: Project) -> None:
    project.write_model(BATCH_MEAN, level="P2")
    result = project.run("--pyml", "pyml.toml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ parity _*",
            "FAIL [[]B*[]] *",
            "FAIL*plugged@* 300 rows",
            "FAILED pyml.toml::parity - Failed: FAIL [[]B*[]] *",
        ]
    )


def test_trouble_is_told_and_not_traced(project: Project) -> None:
    project.write_model()
    (project.folder / "pyml.toml").write_text("[parity]\nleve = 'P1'\n")
    result = project.run("--pyml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["invalid pyml.toml", "*unknown key `parity.leve`*", "*did you mean*"])


def test_tests_of_its_own_take_its_place(bare: Project) -> None:
    bare.write_model()
    bare.write_test(PLAIN_TEST)
    result = bare.run("--pyml")
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["pyml: pyml.toml::parity is left out, since the repository has its own tests"])


def test_tests_of_another_repository_do_not(bare: Project) -> None:
    for name in ("one", "two"):
        inner = Project(bare.pytester, bare.folder / name)
        inner.folder.mkdir()
        inner.write_model()
    inner.write_test(PLAIN_TEST)
    result = bare.run("--pyml", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["one/pyml.toml::parity", "two/tests/test_it.py::test_it"])
    assert "two/pyml.toml::parity\n" not in result.stdout.str()


def test_a_pyml_toml_without_a_model_is_no_model_repository(bare: Project) -> None:
    (bare.folder / "pyml.toml").write_text("")
    assert bare.run("--pyml").ret == pytest.ExitCode.NO_TESTS_COLLECTED
