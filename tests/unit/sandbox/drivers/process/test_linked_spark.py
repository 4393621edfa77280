"""Spark as links, with PySpark as a folder: made once, and left out where there is nothing to gain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pyml_sandbox.drivers.process.linked_spark import linked_spark
from pyml_sandbox.services.spark_home import SparkHome


@pytest.fixture
def installed(tmp_path: Path) -> SparkHome:
    """A Spark with the files that are looked at."""
    folder = tmp_path / "site-packages" / "pyspark"
    for part in ("bin", "jars", "python/lib"):
        (folder / part).mkdir(parents=True)
    (folder / "worker.py").write_text("")
    for name in ("pyspark.zip", "py4j-0.10.9.9-src.zip"):
        (folder / "python" / "lib" / name).write_bytes(b"a zip")
    return SparkHome(folder, "4.9.0")


def test_what_spark_takes_for_a_zip_is_a_folder_with_the_installed_package(
    installed: SparkHome, tmp_path: Path
) -> None:
    linked = linked_spark(installed, tmp_path / "cache")
    library = linked.folder / "python" / "lib"
    assert (library / "pyspark.zip" / "pyspark" / "worker.py").is_file()
    assert (library / "py4j-0.10.9.9-src.zip" / "py4j" / "java_gateway.py").is_file()
    assert (linked.version, linked.jars.resolve()) == (installed.version, installed.jars)
    assert sorted(path.name for path in linked.folder.iterdir()) == ["bin", "conf", "jars", "python"]
    assert not list((linked.folder / "conf").iterdir()), "nobody's settings, and Java can archive the classes"


def test_it_is_made_once_by_many_at_once(installed: SparkHome, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: linked_spark(installed, tmp_path / "cache").folder, range(16)))
    assert found == set((tmp_path / "cache").iterdir())


def test_a_different_spark_has_a_different_folder(installed: SparkHome, tmp_path: Path) -> None:
    newer = SparkHome(installed.folder, "5.0.0")
    assert linked_spark(installed, tmp_path).folder != linked_spark(newer, tmp_path).folder


@pytest.mark.parametrize("missing", ["pyspark.zip", "py4j-0.10.9.9-src.zip"])
def test_a_spark_without_zips_is_taken_as_it_is(missing: str, installed: SparkHome, tmp_path: Path) -> None:
    (installed.folder / "python" / "lib" / missing).unlink()
    assert linked_spark(installed, tmp_path / "cache") == installed
