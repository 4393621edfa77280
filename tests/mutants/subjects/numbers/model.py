"""A score of numbers, and the numbers' own bits: the last digit counts."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from pyml import DataFrameModel, Schema


class Numbers(DataFrameModel):
    inputs = Schema(
        "account BIGINT NOT NULL, balance BIGINT, count INT NOT NULL, grade SMALLINT, "
        "width DOUBLE NOT NULL, height DOUBLE NOT NULL, zeal FLOAT"
    )
    outputs = Schema(
        "score DOUBLE NOT NULL, area DOUBLE NOT NULL, bits BIGINT NOT NULL, owner BIGINT NOT NULL, "
        "left_over BIGINT, next_grade SMALLINT, doubled FLOAT"
    )

    def __init__(self, parameters: Path) -> None:
        self.weights = json.loads((parameters / "weights.json").read_text())

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        width, height = frame["width"].to_numpy(), frame["height"].to_numpy()
        return pd.DataFrame(
            {
                "score": self.weights["width"] * width + self.weights["height"] * height,
                "area": width * height,
                "bits": width.view(np.int64) ^ (height.view(np.int64) >> 1),
                "owner": frame["account"],
                "left_over": frame["balance"] - frame["count"],
                "next_grade": frame["grade"] ^ 1,
                "doubled": frame["zeal"] + frame["zeal"],
            }
        )
