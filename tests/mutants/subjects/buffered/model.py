"""Works in a buffer of its own between the layers: right as long as one thread predicts, which pyml promises."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from pyml import DataFrameModel, Schema


class Buffered(DataFrameModel):
    inputs = Schema("signal DOUBLE NOT NULL, bias DOUBLE NOT NULL")
    outputs = Schema("response DOUBLE NOT NULL")

    def __init__(self, parameters: Path) -> None:
        self.layers = json.loads((parameters / "layers.json").read_text()) * 400
        self.buffer = np.empty(0)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        self.buffer = frame["signal"].to_numpy()
        for weight in self.layers:
            self.buffer = np.sin(self.buffer * weight + frame["bias"].to_numpy())
        return pd.DataFrame({"response": self.buffer})
