"""A model over frames: fare of a trip from its distance and hour.

Train a model of your own on `Model.inputs.frame(rows)`: the frame that `predict` gets, with its dtypes and nulls.
"""

import json

import pandas as pd

from pyml import DataFrameModel, Schema


class Model(DataFrameModel):
    inputs = Schema("distance DOUBLE NOT NULL, hour INT NOT NULL")
    outputs = Schema("fare DOUBLE NOT NULL")

    def __init__(self, parameters):
        self.rates = json.loads((parameters / "rates.json").read_text())

    def predict(self, frame):
        per_mile = frame["hour"].between(7, 9).map({True: self.rates["peak"], False: self.rates["calm"]})
        return pd.DataFrame({"fare": self.rates["base"] + frame["distance"] * per_mile})
