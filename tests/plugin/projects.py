"""Small model repositories, in which pytest is run as their user would run it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.packages import write_package

MODEL = """
import pandas as pd
from pyml import DataFrameModel, Schema

class Model(DataFrameModel):
    inputs = Schema("a DOUBLE NOT NULL")
    outputs = Schema("p DOUBLE")
    def __init__(self, parameters): pass
    def predict(self, frame):
        a = frame["a"]
        return pd.DataFrame({{"p": {body}}})
"""
TOML = """
name = "{name}"

[parity]
sql = "SELECT id, CAST(id AS DOUBLE) AS a FROM range(300)"
key = ["id"]
level = "{level}"
batch_rows = 100
sample_rows = 20
"""
HONEST = "a * 2"
BATCH_MEAN = "a - a.mean()"
UNSTEADY = "__import__('numpy').random.default_rng().normal(size=len(a))"
OUR_FRAMES = re.compile(r"(pyml_fixtures|pyml_sandbox|runtime/pyml|concurrent/futures|pluggy)/?\S*\.py:\d+")


@dataclass(frozen=True)
class Project:
    """A model repository.

    Attributes:
        pytester: runs pytest, in a process of its own.
        folder: the repository.
    """

    pytester: pytest.Pytester
    folder: Path

    def write_model(self, body: str = HONEST, *, level: str = "P1") -> None:
        """Write the four artifacts and `pyml.toml`."""
        toml = TOML.format(name=self.folder.name, level=level)
        write_package(self.folder, MODEL.format(body=body), toml=toml)

    def write_test(self, text: str, name: str = "test_it.py") -> None:
        """Write a file of tests."""
        (self.folder / "tests").mkdir(exist_ok=True)
        (self.folder / "tests" / name).write_text(text)

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in the repository, and hold what it prints to this: a user never sees a frame of ours."""
        result = self.pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)
        assert not OUR_FRAMES.search(result.stdout.str()), "frames that are not the user's"
        for words in ("INTERNALERROR", "During handling of", "direct cause of"):
            assert words not in result.stdout.str()
        return result
