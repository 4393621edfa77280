"""pyml: write a model once, run it offline and online, and know that both agree."""

from pyml.errors import PymlError
from pyml.expected import save_expected
from pyml.model import DataFrameModel, TensorModel
from pyml.types.schema import Schema

__all__ = ["DataFrameModel", "PymlError", "Schema", "TensorModel", "save_expected"]
