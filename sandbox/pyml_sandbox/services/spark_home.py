"""The Spark inside the installed PySpark package, found without importing it, which would take most of a second."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import SetupError
from pyml_sandbox.workspace.state import DATA_VERSION, DataStamp


@dataclass(frozen=True)
class SparkHome:
    """A Spark distribution.

    Attributes:
        folder: value for SPARK_HOME.
        version: of Spark, for instance "4.3.0".
    """

    folder: Path
    version: str

    @classmethod
    def find(cls) -> SparkHome:
        """The Spark inside the installed PySpark.

        Raises:
            SetupError: PySpark is not installed, or the installed package has no jars.
        """
        found = importlib.util.find_spec("pyspark")
        if found is None or found.origin is None or not (Path(found.origin).parent / "jars").is_dir():
            raise SetupError("PySpark with its jars is not installed here.", "pip install 'pyml-sandbox[sandbox]'")
        return cls(Path(found.origin).parent, importlib.metadata.version("pyspark"))

    @property
    def jars(self) -> Path:
        """The folder of all jars."""
        return self.folder / "jars"

    @property
    def stamp(self) -> DataStamp:
        """The versions that decide whether this Spark can use existing data."""
        return DataStamp(DATA_VERSION, self._jar_version("hive-metastore"), self._jar_version("derby"))

    def _jar_version(self, name: str) -> str:
        pattern = re.compile(rf"{re.escape(name)}-(\d[\w.]*)\.jar")
        versions = [found[1] for jar in self.jars.glob(f"{name}-*.jar") if (found := pattern.fullmatch(jar.name))]
        return versions[0] if versions else "unknown"
