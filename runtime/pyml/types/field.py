"""One declared column or tensor: its name, its Spark type, and how Arrow carries it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pyml.types.spark_types import arrow_type, quoted

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TensorKind:
    """One element type of a tensor: its names in numpy, in the Open Inference Protocol and in Spark."""

    dtype: str
    datatype: str
    ddl_type: str


# Spark has no unsigned or 16-bit float types: the next wider type carries them without loss.
TENSOR_KINDS = (
    TensorKind("bool", "BOOL", "BOOLEAN"),
    TensorKind("int8", "INT8", "TINYINT"),
    TensorKind("int16", "INT16", "SMALLINT"),
    TensorKind("int32", "INT32", "INT"),
    TensorKind("int64", "INT64", "BIGINT"),
    TensorKind("uint8", "UINT8", "SMALLINT"),
    TensorKind("uint16", "UINT16", "INT"),
    TensorKind("uint32", "UINT32", "BIGINT"),
    TensorKind("float16", "FP16", "FLOAT"),
    TensorKind("float32", "FP32", "FLOAT"),
    TensorKind("float64", "FP64", "DOUBLE"),
    TensorKind("bytes", "BYTES", "BINARY"),
)
KIND_BY_NAME = {name: kind for kind in TENSOR_KINDS for name in (kind.dtype, kind.datatype)}
"""By numpy's name and by the name in the Open Inference Protocol."""


@dataclass(frozen=True)
class TensorSpec:
    """Element type and shape of a tensor.

    Attributes:
        datatype: name in the Open Inference Protocol, such as ``FP32``.
        shape: length of each dimension, -1 if it is free; the first is the batch and always free.
    """

    datatype: str
    shape: tuple[int, ...]

    @property
    def dtype(self) -> str:
        """Name of the numpy dtype; ``object`` for BYTES, whose elements are Python bytes."""
        dtype = KIND_BY_NAME[self.datatype].dtype
        return "object" if dtype == "bytes" else dtype


@dataclass(frozen=True)
class Field:
    """One column: its name, its Spark type in canonical spelling, and whether it may hold null."""

    name: str
    ddl_type: str
    nullable: bool = True
    tensor: TensorSpec | None = None

    @property
    def base_type(self) -> str:
        """The Spark type without its parameters: DECIMAL for `DECIMAL(10,2)`, ARRAY for `ARRAY<INT>`."""
        return self.ddl_type.partition("(")[0].partition("<")[0]

    @cached_property
    def arrow(self) -> pa.Field:
        """The Arrow field that carries this column."""
        import pyarrow as pa

        return pa.field(self.name, arrow_type(self.ddl_type), self.nullable)

    def __str__(self) -> str:
        return f"{quoted(self.name)} {self.ddl_type}{'' if self.nullable else ' NOT NULL'}"
