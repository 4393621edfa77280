"""The base classes of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pyml.types.schema import Schema


class Model(ABC):
    """Base of both kinds of model: declared inputs and outputs, and parameters that are loaded once.

    Attributes:
        inputs: schema of what `predict` takes.
        outputs: schema of what `predict` returns.
        predicts_empty: whether `predict` is called for a batch without rows; if not, the answer has no rows.
    """

    inputs: ClassVar[Schema]
    outputs: ClassVar[Schema]
    predicts_empty: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, parameters: Path) -> None:
        """Load everything that `predict` needs.

        Args:
            parameters: the package's `parameters/` folder.
        """


class DataFrameModel(Model):
    """A model over pandas frames: `predict` takes one and returns one.

    A whole model::

        class Fare(DataFrameModel):
            inputs = Schema("distance DOUBLE NOT NULL, hour INT NOT NULL")
            outputs = Schema("fare DOUBLE NOT NULL")

            def __init__(self, parameters):
                self.model = joblib.load(parameters / "model.joblib")

            def predict(self, frame):
                return pd.DataFrame({"fare": self.model.predict(frame)})
    """

    @abstractmethod
    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict one row for each row given.

        Args:
            frame: the columns of `inputs` in declared order, index 0 to n-1; each dtype follows from the declared type
                alone (docs/reference/types.md). The model may modify it freely.

        Returns:
            A frame with the columns of `outputs` and as many rows, matched by position; its index is ignored.
        """


class TensorModel(Model):
    """A model over named tensors: `inputs` and `outputs` are lists of (name, dtype, shape)."""

    @abstractmethod
    def predict(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict for a batch.

        Args:
            tensors: one array for each of `inputs`, with its declared dtype and shape; all share the first dimension.

        Returns:
            One array for each of `outputs`, with the same first dimension.
        """
