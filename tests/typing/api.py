"""The public API as a user writes it; mypy reads this file, nothing runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyspark.sql

from pyml import DataFrameModel, Schema, TensorModel, save_expected
from pyml_sandbox import Client


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


def trained_on(frame: pd.DataFrame, table: pa.Table, spark: pyspark.sql.DataFrame) -> list[pd.DataFrame]:
    return [Fare.inputs.frame(frame), Fare.inputs.frame(table), Fare.inputs.frame(spark)]


def online(client: Client, frame: pd.DataFrame, tensor: np.ndarray) -> None:
    of_values: dict[str, list[object]] = client.predict_online("fare", {"distance": [3.2], "hour": [8], "who": [None]})
    of_arrays: dict[str, np.ndarray] = client.predict_online("score", {"x": tensor})
    of_frame: pd.DataFrame = client.predict_online("fare", frame)
    print(of_values, of_arrays, of_frame)


def expected(trips: pd.DataFrame, predicted: pd.DataFrame, scores: np.ndarray) -> None:
    save_expected("expected.parquet", trips[["trip_id"]], predicted, Fare.outputs)
    save_expected(Path("expected.parquet"), trips[["trip_id"]], {"score": scores}, Score.outputs)
