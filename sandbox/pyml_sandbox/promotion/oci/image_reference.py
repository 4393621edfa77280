"""The name of an image in a registry."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyml.errors import UsageError
from pyml_sandbox.workspace.ports import is_here

_HOST = r"(?P<host>localhost(?::\d+)?|[A-Za-z0-9.-]+(?::\d+)|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
_REPOSITORY = r"(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
_TAG = r"(?::(?P<tag>\w[\w.-]{0,127}))?"
_DIGEST = r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
_PATTERN = re.compile(f"{_HOST}/{_REPOSITORY}{_TAG}{_DIGEST}", re.ASCII)


@dataclass(frozen=True)
class Reference:
    """An image in a registry.

    Attributes:
        host: of the registry, with its port.
        repository: path of the repository.
        tag: empty if there is none.
        digest: of the manifest, `sha256:…`; empty if there is none.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The reference in a text.

        Raises:
            UsageError: it names no registry, or is no reference.
        """
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise UsageError(
                f"expected HOST/REPOSITORY[:TAG], found {text!r}",
                "name the registry as well: registry.example/models/fare:1",
            )
        return cls(**{name: value or "" for name, value in found.groupdict().items()})

    @property
    def name(self) -> str:
        """Host and repository."""
        return f"{self.host}/{self.repository}"

    @property
    def is_local(self) -> bool:
        """Whether the registry is on this machine."""
        return is_here(self.host)

    def __str__(self) -> str:
        return f"{self.name}{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"
