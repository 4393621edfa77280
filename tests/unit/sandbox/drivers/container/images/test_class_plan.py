"""What the build of the base image starts, so that Java can write archives of classes there."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyml_sandbox.drivers.container import service_specs
from pyml_sandbox.drivers.container.compose.default_file import SETTINGS
from pyml_sandbox.drivers.container.images.builds.dockerfiles import compose_folder
from pyml_sandbox.drivers.container.images.class_plan import FOLDER, PLAN, rehearsal_files
from pyml_sandbox.services.inside_paths import METASTORE_CLASSES, SPARK_CLASSES


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for path, text in rehearsal_files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def run(context: Path, plan: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as the build does: the packages of the context come first, and have nothing but its modules."""
    command = [sys.executable, str(compose_folder() / "archive_classes.py"), str(plan)]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(context)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd="/")


def test_a_build_without_archives_goes_on_and_says_why(context: Path) -> None:
    archive = context / "classes" / "metastore.jsa"
    plan = {
        "folder": str(context / "work"),
        "archives": [str(archive)],
        "ports": {"metastore": 1, "spark": 1},
        "commands": {"metastore": ["sh", "-c", f"echo no java; touch {archive}; exit 3"], "spark": ["false"]},
        "environments": {"metastore": {"PATH": os.environ["PATH"]}, "spark": {}},
    }
    (context / PLAN).write_text(json.dumps(plan))
    done = run(context, context / PLAN)
    assert done.returncode == 0, done.stderr
    assert "no archives of classes, so services start later: sh did not start" in done.stdout
    assert "no java" in done.stdout
    assert not archive.exists()


def test_the_plan_starts_what_containers_start_on_the_same_class_path(context: Path) -> None:
    plan = json.loads((context / PLAN).read_text())
    metastore = service_specs.metastore_container(SETTINGS, "").command
    spark = service_specs.sql_container(SETTINGS, "").command
    started = plan["commands"]
    at = metastore.index("-cp")
    assert started["metastore"][started["metastore"].index("-cp") :] == list(metastore[at:])
    assert started["spark"][0] == spark[0]
    for archive, rehearsed, command in (
        (METASTORE_CLASSES, started["metastore"], metastore),
        (SPARK_CLASSES, started["spark"], spark),
    ):
        assert set(archive.dump_options) <= words_of(rehearsed)
        assert set(archive.options) <= words_of(command)


def words_of(command: Sequence[str]) -> set[str]:
    """The words of a command, and those of the options of Java in a setting of Spark."""
    return {part for word in command for part in (word, *shlex.split(word.partition("JavaOptions=")[2]))}


def test_the_plan_touches_no_data_of_a_sandbox(context: Path) -> None:
    words = [word for command in json.loads((context / PLAN).read_text())["commands"].values() for word in command]
    assert not [word for word in words if "/var/lib/pyml" in word]
    assert any(FOLDER in word for word in words)


def test_all_that_spark_runs_in_a_container_uses_its_archive() -> None:
    master = service_specs.master_container(SETTINGS, "", lambda timeout_s: None)
    worker = service_specs.worker_container(SETTINGS, "w", "c", "m", "sha256:1", lambda timeout_s: None)
    options = set(SPARK_CLASSES.options)
    for spec in (master, worker):
        assert options <= set(shlex.split(spec.environment["SPARK_DAEMON_JAVA_OPTS"]))
    connect = service_specs.connect_container(SETTINGS, "c", "m", "sha256:1", lambda timeout_s: None)
    assert sum(options <= words_of([word]) for word in connect.command) == 2, "the driver and its executors"
