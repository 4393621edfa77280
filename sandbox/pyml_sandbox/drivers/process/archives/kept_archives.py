"""The archives of classes of this user: one for each service, Java and set of jars, in the cache.

A service is started with the path of its archive whether or not it exists: Java goes without one that is missing, that
does not fit, or that has a wrong checksum. At one thing it would end instead: a damaged header. So each archive has a
note beside it, with its size and a digest of its beginning; one that differs from its note is deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyml_sandbox.drivers.process.java import Java
from pyml_sandbox.services.class_data.class_archive import ClassArchive

BEGINNING_BYTES = 65_536
SUFFIX = ".jsa"
KEPT_EACH = 2
"""How many archives of a service are kept, those used last: two versions of Java, or of pyml, may take turns."""
FAILED = ".failed"
"""What the file beside an archive is named that tells why it could not be made."""
RETRY_AFTER_S = 86_400


def find_archive(service: str, java: Java, classpath: Sequence[Path], options: str, cache: Path) -> ClassArchive:
    """The archive of a service, which need not exist. A damaged one is deleted.

    Args:
        service: its name.
        java: runs it.
        classpath: jars, and folders of jars, in order.
        options: of Java, in which an archive has to agree with the service.
        cache: folder of what can be made again.
    """
    base = _base(java, cache)
    file = cache / f"classes-{service}-{_key(java, classpath, options, base)}{SUFFIX}"
    if base.parent == cache:
        base = _checked(base)
    return ClassArchive(str(base), str(_checked(file)))


def is_missing(archive: ClassArchive) -> bool:
    """Whether it does not exist, and no attempt to make it has failed since yesterday."""
    failed = Path(archive.file + FAILED)
    return not Path(archive.file).exists() and time.time() - _used_at(failed) > RETRY_AFTER_S


def put(made: Path, file: Path) -> None:
    """Put an archive and its note at their place in the cache, each in one step; the archive comes last."""
    made.chmod(0o400)  # a file that is mapped must not change
    note = made.with_name(made.name + ".note")
    note.write_text(_description(made), encoding="utf-8")
    os.replace(note, _note(file))
    os.replace(made, file)


def delete_old(service: str, cache: Path) -> None:
    """Delete the archives of a service but those that were used last. One that is in use stays mapped."""
    kept = sorted(cache.glob(f"classes-{service}-*{SUFFIX}"), key=_used_at, reverse=True)
    for file in kept[KEPT_EACH:]:
        _delete(file)


def _base(java: Java, cache: Path) -> Path:
    """The archive of Java's own classes: the one it came with, else one in the cache."""
    own = java.real / "lib" / "server" / "classes.jsa"
    if own.is_file():
        return own
    digest = hashlib.sha256("\n".join(_facts_of_java(java)).encode()).hexdigest()[:12]
    return cache / f"classes-java-{digest}{SUFFIX}"


def _key(java: Java, classpath: Sequence[Path], options: str, base: Path) -> str:
    facts = [*_facts_of_java(java), str(base), options, *(fact for path in classpath for fact in _facts(path))]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def _facts_of_java(java: Java) -> Iterator[str]:
    yield str(java.home)
    for file in (java.real / "release", java.real / "lib" / "modules", java.real / "lib" / "server" / "libjvm.so"):
        yield from _facts(file)


def _facts(path: Path) -> Iterator[str]:
    """Path, size and time of a file, or of each file of a folder, in the order in which Java lists them."""
    if path.is_dir():
        with os.scandir(path) as found:
            for entry in found:
                status = entry.stat()
                yield f"{path}/{entry.name} {status.st_size} {status.st_mtime_ns}"
    elif path.exists():
        status = path.stat()
        yield f"{path} {status.st_size} {status.st_mtime_ns}"
    else:
        yield f"{path} -"


def _checked(file: Path) -> Path:
    """Mark an archive as used now. One that is not what its note says is deleted, or else not used."""
    if not file.exists():
        return file
    with contextlib.suppress(OSError):
        if _note(file).read_text(encoding="utf-8") == _description(file):
            with contextlib.suppress(OSError):
                os.utime(file)
            return file
    _delete(file)
    return file if not file.exists() else file.with_name(f"{file.name}.damaged")


def _description(file: Path) -> str:
    with file.open("rb") as archive:
        beginning = hashlib.sha256(archive.read(BEGINNING_BYTES)).hexdigest()
    return json.dumps({"size": file.stat().st_size, "beginning": beginning})


def _delete(file: Path) -> None:
    for each in (file, _note(file)):
        with contextlib.suppress(OSError):
            each.unlink()


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.note")


def _used_at(file: Path) -> float:
    with contextlib.suppress(OSError):
        return file.stat().st_mtime
    return 0
