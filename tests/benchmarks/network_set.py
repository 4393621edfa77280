"""Neural networks with random weights, and a relative error of 1e-4 that depends on the batch, planted in each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pyml.types.schema import Schema
from support.packages import write_package

if TYPE_CHECKING:
    import pyarrow as pa

SEEDS = 200
KINDS = ("classifier", "regression", "embedding", "convolution")
FORMS = ("FLOAT", "DOUBLE", "ARRAY", "tensor")
FEWEST_ROWS, MOST_ROWS = 40, 20_000

_INPUTS = {"classifier": 30, "regression": 12, "embedding": 20, "convolution": 64}
_OUTPUTS = {"classifier": 10, "regression": 1, "embedding": 16, "convolution": 10}

_LAYERS = {
    "numpy": """
def dense(x, shape):
    return x @ Weights.next(shape, shape[0] ** -0.5)


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def unit(x):
    return x / np.sqrt((x * x).sum(axis=1, keepdims=True))


def convolved(x):
    images = x.reshape(-1, 8, 8)
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2)).reshape(len(x), 36, 9)
    return dense(windows, (9, 16)).reshape(len(x), -1)


def tensor(x):
    return np.ascontiguousarray(x, dtype="float32")


def array(x):
    return x
""",
    "torch": """
import torch

torch.set_num_threads(1)


def dense(x, shape):
    return x @ torch.from_numpy(Weights.next(shape, shape[0] ** -0.5))


def relu(x):
    return torch.relu(x)


def softmax(x):
    return torch.softmax(x, dim=1)


def unit(x):
    return torch.nn.functional.normalize(x, dim=1)


def convolved(x):
    kernels = torch.from_numpy(Weights.next((16, 1, 3, 3), 1 / 3))
    return torch.nn.functional.conv2d(x.reshape(-1, 1, 8, 8), kernels).reshape(len(x), -1)


def tensor(x):
    return torch.from_numpy(np.array(x, dtype="float32"))


def array(x):
    return x.detach().numpy()
""",
}
BACKENDS = tuple(_LAYERS)

_NETWORKS = {
    "classifier": "softmax(dense(relu(dense(relu(dense(x, (30, 128))), (128, 64))), (64, 10)))",
    "regression": "dense(relu(dense(relu(dense(x, (12, 256))), (256, 64))), (64, 1)) * SCALE",
    "embedding": "unit(dense(relu(dense(x, (20, 256))), (256, 16)))",
    "convolution": "softmax(dense(relu(dense(relu(convolved(x)), (576, 64))), (64, 10)))",
}
PLANTED = {
    "alone": "len(x) == 1",
    "in a batch": "len(x) > 1",
    "in a large batch": "len(x) > 8",
    "first of a batch": "(np.arange(len(x))[:, None] == 0) & (len(x) > 1)",
}
"""When the planted error is made, by where it is."""

_TEXT = '''"""{name}."""

import numpy as np
import pandas as pd

from pyml import {base}, Schema

SCALE = {scale}


class Weights:
    random, kept, made = np.random.default_rng({seed}), [], 0

    @classmethod
    def next(cls, shape, scale):
        if cls.made == len(cls.kept):
            cls.kept.append((cls.random.normal(size=shape) * scale).astype("float32"))
        cls.made += 1
        return cls.kept[cls.made - 1]

{layers}

class Model({base}):
    inputs = Schema({inputs!r})
    outputs = Schema({outputs!r})

    def __init__(self, parameters):
        pass

    def network(self, x):
        Weights.made = 0
        answer = array({network})
        return answer * np.float32(1) if {is_honest} else answer * np.where({when}, np.float32(1.0001), np.float32(1))

    def predict(self, given):
        {predict}
'''
_PREDICT = {
    "FLOAT": "return pd.DataFrame(self.network(tensor(given.to_numpy())), columns=list(self.outputs.names))",
    "DOUBLE": "return pd.DataFrame(self.network(tensor(given.to_numpy())), columns=list(self.outputs.names)).astype('float64')",
    "ARRAY": "return pd.DataFrame({'o': list(self.network(tensor(given.to_numpy())))})",
    "tensor": "return {'o': self.network(tensor(given['x']))}",
}


@dataclass(frozen=True)
class Network:
    """One network, with or without a planted error.

    Attributes:
        kind: of `KINDS`.
        seed: of its weights and its rows; decides on its form and on the number of rows, too.
        planted: of `PLANTED`; empty in an honest network.
        backend: of `BACKENDS`.
    """

    kind: str
    seed: int
    planted: str
    backend: str

    @property
    def name(self) -> str:
        """Of this network in the results."""
        return f"{self.backend} {self.kind} {self.seed} {self.form}, {self.rows} rows, {self.planted or 'honest'}"

    @property
    def form(self) -> str:
        """How its outputs are declared."""
        return FORMS[self.seed % len(FORMS)]

    @property
    def rows(self) -> int:
        """Rows of its fixture: the seeds are spread evenly on a logarithmic scale."""
        return int(FEWEST_ROWS * (MOST_ROWS / FEWEST_ROWS) ** (self.seed / (SEEDS - 1)))

    @property
    def inputs(self) -> str | list[tuple[str, str, tuple[int, ...]]]:
        """Its declared inputs."""
        width = _INPUTS[self.kind]
        if self.form == "tensor":
            return [("x", "float32", (-1, width))]
        return ", ".join(f"x{number} DOUBLE NOT NULL" for number in range(width))

    @property
    def outputs(self) -> str | list[tuple[str, str, tuple[int, ...]]]:
        """Its declared outputs."""
        width = _OUTPUTS[self.kind]
        if self.form == "tensor":
            return [("o", "float32", (-1, width))]
        if self.form == "ARRAY":
            return "o ARRAY<FLOAT> NOT NULL"
        return ", ".join(f"o{number} {self.form} NOT NULL" for number in range(width))

    def batch(self) -> pa.RecordBatch:
        """Its rows, shape (rows, inputs)."""
        import pyarrow as pa

        schema = Schema(self.inputs).arrow
        values = np.random.default_rng(self.seed + 1).normal(size=(self.rows, _INPUTS[self.kind]))
        if self.form == "tensor":
            return pa.RecordBatch.from_pydict({"x": list(values.astype("float32"))}, schema=schema)
        return pa.RecordBatch.from_arrays([pa.array(column) for column in values.T], schema=schema)

    def write(self, folder: Path) -> Path:
        """Write its package."""
        text = _TEXT.format(
            name=self.name,
            base="TensorModel" if self.form == "tensor" else "DataFrameModel",
            scale=10.0 ** (self.seed % 9 - 4),
            layers=_LAYERS[self.backend],
            inputs=self.inputs,
            outputs=self.outputs,
            seed=self.seed,
            network=_NETWORKS[self.kind],
            is_honest=not self.planted,
            when=PLANTED.get(self.planted, "False"),
            predict=_PREDICT[self.form],
        )
        return write_package(folder, model=text)


def networks(backend: str, seeds: int) -> list[Network]:
    """Every network, each with a planted error behind the honest one; the seeds are spread over all sizes."""
    places = list(PLANTED)
    chosen = [round(number * (SEEDS - 1) / max(seeds - 1, 1)) for number in range(seeds)]
    return [
        Network(kind, seed, planted, backend)
        for seed, kind in product(chosen, KINDS)
        for planted in ("", places[seed // len(FORMS) % len(places)])
    ]
