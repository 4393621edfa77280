"""Model packages for tests, written where they are needed."""

from __future__ import annotations

from pathlib import Path

ECHO = """
import pandas as pd
from pyml import DataFrameModel, Schema

class Echo(DataFrameModel):
    inputs = Schema("a DOUBLE")
    outputs = Schema("a DOUBLE")
    def __init__(self, parameters): pass
    def predict(self, frame): return frame
"""


def write_package(
    folder: Path, model: str | None = ECHO, requirements: str | None = "", toml: str | None = None
) -> Path:
    """Write the four artifacts; None leaves one out."""
    (folder / "parameters").mkdir(parents=True, exist_ok=True)
    (folder / "packages.txt").write_text("")
    for name, text in (("model.py", model), ("requirements.txt", requirements), ("pyml.toml", toml)):
        if text is not None:
            (folder / name).write_text(text)
    return folder
