"""Tensors of integers and floats that the protocol has typed contents for: every form of request can carry them."""

import json
from pathlib import Path

import numpy as np

from pyml import Schema, TensorModel


class Typed(TensorModel):
    inputs = Schema(
        [
            ("level", "int8", (-1, 2)),
            ("shift", "int16", (-1,)),
            ("port", "uint16", (-1,)),
            ("gain", "float32", (-1,)),
        ]
    )
    outputs = Schema(
        [
            ("level", "int8", (-1, 2)),
            ("shift", "int16", (-1,)),
            ("port", "uint16", (-1,)),
            ("score", "float32", (-1,)),
        ]
    )

    def __init__(self, parameters: Path) -> None:
        self.weight = np.float32(json.loads((parameters / "weight.json").read_text()))

    def predict(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        kept = {name: tensors[name] for name in ("level", "shift", "port")}
        return {**kept, "score": tensors["gain"] * self.weight}
