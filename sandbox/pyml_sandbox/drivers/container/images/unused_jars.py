"""The jars of PySpark that are left out of the base image: a third of them, which no service of the sandbox loads.

`tests/containers` runs metastore, master, worker, Connect server and a job without them;
docs/reference/container-images.md has the sizes.
spark-mllib, spark-mllib-local and breeze stay: Spark Connect loads the list of ML operators when a session closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

UNUSED: Mapping[str, str] = {
    "rocksdbjni-*": "state store of streaming queries",
    "connect-repl": "the Scala shell and the JDBC driver of Spark Connect",
    "spire*": "numbers of Breeze",
    "cats-kernel*": "algebra of Spire",
    "algebra*": "algebra of Spire",
    "lapack-*": "linear algebra of MLlib",
    "blas-*": "linear algebra of MLlib",
    "arpack*": "linear algebra of MLlib",
    "JTransforms-*": "Fourier transforms of MLlib",
    "JLargeArrays-*": "arrays of JTransforms",
    "spark-graphx*": "graphs",
    "netty-*-osx-*": "native code of another system",
    "netty-*-windows-*": "native code of another system",
    "netty-*-riscv64*": "native code of another machine",
}
"""Patterns of file names in PySpark's folder of jars, and the purpose of these jars."""


def is_unused(name: str) -> bool:
    """Whether a jar, or folder of jars, is left out of the base image."""
    return any(fnmatchcase(name, pattern) for pattern in UNUSED)
