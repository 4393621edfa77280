"""The installed code of pyml's runtime, which is copied into model environments and run by the gateway."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyml


def runtime_folder() -> Path:
    """The folder of the package `pyml`."""
    return Path(pyml.__file__).parent


def runtime_digest() -> str:
    """A digest that changes with the runtime's code."""
    folder = runtime_folder()
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return digest(*(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files))


def digest(*parts: str) -> str:
    """A SHA-256 over strings, as 64 hex digits."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() + b"\0")
    return whole.hexdigest()
