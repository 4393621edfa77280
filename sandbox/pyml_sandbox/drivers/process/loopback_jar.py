"""The jar that makes the metastore listen on 127.0.0.1 only: one class, compiled from the source beside this file.

No JDK is needed: Spark ships a Java compiler, Janino, for the code it generates.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import zipfile
from pathlib import Path

from pyml.errors import SetupError
from pyml_sandbox.drivers.process.java import Java
from pyml_sandbox.services.spark_home import SparkHome

SOURCE = Path(__file__).with_name("TServerSocketKeepAlive.java")
COMPILER = "org.codehaus.commons.compiler.samples.CompilerDemo"
COMPILE_TIMEOUT_S = 60
EPOCH = (1980, 1, 1, 0, 0, 0)


def loopback_jar(spark_home: SparkHome, java: Java, cache: Path) -> Path:
    """The jar; compiled on first use, which takes about half a second.

    Args:
        spark_home: has the compiler, and the class to replace.
        java: runs the compiler.
        cache: folder in which the jar is kept.

    Raises:
        SetupError: the class could not be compiled. The metastore must not run without it.
    """
    source = SOURCE.read_bytes()
    jar = cache / f"loopback-{hashlib.sha256(source + spark_home.version.encode()).hexdigest()[:12]}.jar"
    if not jar.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _compile(spark_home, java, Path(folder))
            _pack(Path(folder), jar)
    return jar


def _compile(spark_home: SparkHome, java: Java, into: Path) -> None:
    compiler = [str(java.program), "-cp", f"{spark_home.jars}/*", COMPILER]
    command = [*compiler, "-d", str(into), "-classpath", str(_thrift_jar(spark_home)), str(SOURCE)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=COMPILE_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        stderr = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise SetupError(
            f"{SOURCE.name}, which keeps the metastore on 127.0.0.1, could not be compiled: {stderr or error}",
            "pyml dev doctor   shows the Java and the Spark in use",
        ) from error


def _thrift_jar(spark_home: SparkHome) -> Path:
    jars = sorted(spark_home.jars.glob("libthrift-*.jar"))
    if not jars:
        raise SetupError(f"{spark_home.jars} has no libthrift jar.", "pip install --force-reinstall pyspark")
    return jars[-1]


def _pack(classes: Path, jar: Path) -> None:
    beside = jar.with_name(f".{jar.name}.{os.getpid()}")
    with zipfile.ZipFile(beside, "w") as archive:
        for path in sorted(classes.rglob("*.class")):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(classes)), EPOCH), path.read_bytes())
    os.replace(beside, jar)
