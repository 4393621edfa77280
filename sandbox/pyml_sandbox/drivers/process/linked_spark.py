"""The installed Spark as its Python workers start soonest: PySpark as a folder where Spark looks for a zip of it.

Spark puts `python/lib/pyspark.zip` first on the path of its workers. Python compiles what it imports from a zip anew
in each process; what lies in a folder is compiled once. Python takes a folder of any name.
"""

from __future__ import annotations

import hashlib
import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path

from pyml_sandbox.services.spark_home import SparkHome

PYSPARK_ZIP = "pyspark.zip"
PY4J_ZIPS = "py4j-*.zip"
PARTS = ("bin", "jars")
CONF = "conf"
"""The folder where Spark looks for its configuration: empty."""


def linked_spark(spark_home: SparkHome, cache: Path) -> SparkHome:
    """A Spark distribution of links to the installed one, made once.

    Args:
        spark_home: the installed one.
        cache: folder of what can be made again.

    Returns:
        The same version in a folder of its own; the installed one if its PySpark is no zip.
    """
    library = spark_home.folder / "python" / "lib"
    py4j = sorted(library.glob(PY4J_ZIPS))
    source = _package("py4j")
    if not (library / PYSPARK_ZIP).is_file() or len(py4j) != 1 or source is None:
        return spark_home
    key = hashlib.sha256(f"{spark_home.folder} {spark_home.version} {source} {CONF}".encode()).hexdigest()[:12]
    folder = cache / f"spark-{spark_home.version}-{key}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".", ignore_cleanup_errors=True) as beside:
            made = Path(beside) / "spark"
            packages = {PYSPARK_ZIP: spark_home.folder, py4j[0].name: source}
            _link(made, {part: spark_home.folder / part for part in PARTS})
            (made / CONF).mkdir()
            for name, package in packages.items():
                _link(made / "python" / "lib" / name, {package.name: package})
            _put(made, folder)
    return replace(spark_home, folder=folder)


def _package(name: str) -> Path | None:
    """The folder of an installed package, which is not imported."""
    found = importlib.util.find_spec(name)
    return None if found is None or found.origin is None else Path(found.origin).parent


def _link(folder: Path, targets: dict[str, Path]) -> None:
    folder.mkdir(parents=True)
    for name, target in targets.items():
        (folder / name).symlink_to(target)


def _put(made: Path, folder: Path) -> None:
    """Put a folder at its place; leave the one that a different process has put there meanwhile."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
