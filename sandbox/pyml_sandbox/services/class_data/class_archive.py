"""An archive of the classes that a service loads while it starts, on top of the archive of Java's own classes.

Java maps it instead of reading, checking and linking some ten thousand classes of three hundred jars:
https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassArchive:
    """Two archives. Java goes without one that is missing, or that was made for a different class path.

    Attributes:
        base: path of the archive of Java's own classes.
        file: path of the archive of the service's classes.
    """

    base: str
    file: str

    @property
    def options(self) -> tuple[str, ...]:
        """The options with which Java uses it; the same whether or not it exists, so that it restarts no service."""
        # Java compares checksums before it uses an archive, and says nothing where it cannot use one.
        return (f"-XX:SharedArchiveFile={self.base}:{self.file}", "-XX:+VerifySharedSpaces", "-Xlog:cds*=off")

    @property
    def dump_options(self) -> tuple[str, ...]:
        """The options with which Java writes it when it ends, on top of a base that exists."""
        return (f"-XX:SharedArchiveFile={self.base}", f"-XX:ArchiveClassesAtExit={self.file}", "-Xlog:cds*=off")
