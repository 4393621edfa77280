"""Tensors of many kinds, weighted in place: what predict is given is its own to write into."""

import json
from pathlib import Path

import numpy as np

from pyml import Schema, TensorModel


class Tensor(TensorModel):
    inputs = Schema(
        [
            ("signal", "float32", (-1, 4)),
            ("gain", "float64", (-1,)),
            ("code", "int64", (-1,)),
            ("level", "int8", (-1,)),
            ("mask", "bool", (-1, 2)),
            ("tag", "bytes", (-1,)),
            ("port", "uint16", (-1,)),
            ("half", "float16", (-1, 2)),
        ]
    )
    outputs = Schema(
        [
            ("score", "float64", (-1,)),
            ("weighted", "float32", (-1, 4)),
            ("code", "int64", (-1,)),
            ("level", "int8", (-1,)),
            ("mask", "bool", (-1, 2)),
            ("tag", "bytes", (-1,)),
            ("port", "uint16", (-1,)),
            ("half", "float16", (-1, 2)),
        ]
    )

    def __init__(self, parameters: Path) -> None:
        self.weights = np.array(json.loads((parameters / "weights.json").read_text()), dtype=np.float32)

    def predict(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        signal = tensors["signal"]
        signal *= self.weights
        kept = {name: tensors[name] for name in ("code", "level", "mask", "tag", "port", "half")}
        return {"score": signal[:, 0] * tensors["gain"], "weighted": signal, **kept}
