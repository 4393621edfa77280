"""A model over named tensors: a dense layer over a window of four readings."""

import json

import numpy as np

from pyml import Schema, TensorModel


class Model(TensorModel):
    inputs = Schema([("readings", "float32", (-1, 4))])
    outputs = Schema([("score", "float32", (-1,))])

    def __init__(self, parameters):
        self.weights = np.array(json.loads((parameters / "weights.json").read_text()), dtype=np.float32)

    def predict(self, tensors):
        return {"score": (tensors["readings"] * self.weights).sum(axis=1)}
