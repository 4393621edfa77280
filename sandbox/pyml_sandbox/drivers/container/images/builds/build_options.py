"""The user's choices for an image build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BuildOptions:
    """The user's choices for an image build.

    Attributes:
        python_image: the Python image; None for python:3.11-slim-bookworm, else a bootstrapped one.
        ca_bundle: PEM file of certificates to trust; None for the file that $PYML_CA_BUNDLE or the
            variables of pip, OpenSSL, requests and curl name.
        wheels: folder of wheels to install from, instead of any index; None for $PYML_WHEELS, else indexes.
    """

    python_image: str | None = None
    ca_bundle: Path | None = None
    wheels: Path | None = None
