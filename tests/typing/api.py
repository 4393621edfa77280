"""The public API as a user writes it; mypy reads this file, nothing runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pyml import DataFrameModel, Schema, TensorModel


class Fare(DataFrameModel):
    inputs = Schema("distance DOUBLE NOT NULL")
    outputs = Schema("fare DOUBLE NOT NULL")

    def __init__(self, parameters: Path) -> None:
        self.rate = float((parameters / "rate.txt").read_text())

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"fare": frame["distance"] * self.rate})


class Score(TensorModel):
    inputs = Schema([("x", "float32", (-1, 4))])
    outputs = Schema([("score", "float32", (-1,))])

    def __init__(self, parameters: Path) -> None:
        self.weights = np.load(parameters / "weights.npy")

    def predict(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"score": tensors["x"] @ self.weights}
