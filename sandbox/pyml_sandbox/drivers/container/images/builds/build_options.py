"""What may be chosen for an image build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BuildOptions:
    """What may be chosen for a build.

    Attributes:
        python_image: the image to start from; None: python:3.11-slim-bookworm, else a bootstrapped one.
        ca_bundle: certificates to trust, a PEM file; None: those that $PYML_CA_BUNDLE or the
            variables of pip, OpenSSL, requests and curl name.
        wheels: a folder of wheels that takes the place of every index; None: $PYML_WHEELS, else indexes are asked.
    """

    python_image: str | None = None
    ca_bundle: Path | None = None
    wheels: Path | None = None
