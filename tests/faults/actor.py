"""The model that faults need: what a row's `act` says happens in `predict`, and then the row is doubled."""

from __future__ import annotations

from pathlib import Path

from support.packages import write_package

MODEL = """
import os
import time

from pyml import DataFrameModel, Schema


class Actor(DataFrameModel):
    inputs = Schema("a DOUBLE, act STRING")
    outputs = Schema("b DOUBLE")

    def __init__(self, parameters):
        pass

    def predict(self, frame):
        for act in frame["act"].dropna().unique():
            if len(act.split()) == 2:
                perform(*act.split())
        return frame[["a"]].rename(columns={"a": "b"}) * 2


def perform(name, number):
    print("begins", name, number, flush=True)
    number = float(number)
    if name == "sleep":
        time.sleep(number)
    elif name == "exit":
        os._exit(int(number))
    elif name == "kill":
        os.kill(os.getpid(), int(number))
    elif name == "memory":
        held = [b"x" * 2**20 for _ in range(int(number))]
        raise ValueError(f"{len(held)} MiB were to be had")
    elif name == "fork":
        fork(int(number))
    elif name == "raise":
        raise ValueError(f"the model refuses {number}")


def fork(number):
    children = []
    try:
        for _ in range(number):
            child = os.fork()
            if child == 0:
                time.sleep(30)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
"""

NAME = "actor"
SERVER = f"model-{NAME}"
"""How the name of the service begins that serves it."""


def write_actor(folder: Path, head: str = "", toml: str | None = None) -> Path:
    """Write the package.

    Args:
        folder: to write it to.
        head: code at the head of model.py, which runs while the model is loaded.
        toml: text of pyml.toml; None for none.
    """
    return write_package(folder, head + MODEL, toml=toml)


def rows_file(folder: Path, *acts: str) -> Path:
    """A file of rows: one without an act, then one for each act."""
    file = folder / "rows.jsonl"
    lines = ['{"a": 1.5, "act": null}', *(f'{{"a": 1.5, "act": "{act}"}}' for act in acts)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def query(rows: int, act: str = "") -> str:
    """A query of rows, of which the first has an act."""
    column = f"IF(id = 0, '{act}', NULL)" if act else "CAST(NULL AS STRING)"
    return f"SELECT id, CAST(id AS DOUBLE) AS a, {column} AS act FROM range({rows})"
