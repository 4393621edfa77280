"""What a model author inherits from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pyml.types.schema import Schema


class Model(ABC):
    """What both kinds of model share: declared inputs and outputs, and parameters loaded once.

    Attributes:
        inputs: what `predict` takes.
        outputs: what `predict` gives back.
    """

    inputs: ClassVar[Schema]
    outputs: ClassVar[Schema]

    @abstractmethod
    def __init__(self, parameters: Path) -> None:
        """Load whatever `predict` needs.

        Args:
            parameters: the package's `parameters/` folder.
        """


class DataFrameModel(Model):
    """A model over frames::

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
            frame: the columns of `inputs` in that order, index 0 to n-1; each dtype follows from the declared type
                alone (docs/types.md). It is the model's own: writing into it changes nothing elsewhere.

        Returns:
            A frame with the columns of `outputs` and as many rows, matched by position; the index is not looked at.
        """


class TensorModel(Model):
    """A model over named tensors: `inputs` and `outputs` are given as (name, dtype, shape)."""

    @abstractmethod
    def predict(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict for a batch.

        Args:
            tensors: one array for each of `inputs`, of its declared dtype and shape; all share the first dimension.

        Returns:
            One array for each of `outputs`, with the same first dimension.
        """
