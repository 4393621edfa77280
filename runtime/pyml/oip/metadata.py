"""Metadata of a server and of a model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pyml.oip.columns import datatype_of_column
from pyml.oip.messages import ModelMetadataResponse, ServerMetadataResponse, TensorMetadata

if TYPE_CHECKING:
    from pyml.types.schema import Schema


def server_metadata(name: str, extensions: tuple[str, ...] = ()) -> ServerMetadataResponse:
    """Response to ServerMetadata."""
    return ServerMetadataResponse(name=name, version=_own_version(), extensions=extensions)


def model_metadata(name: str, model_version: str, inputs: Schema, outputs: Schema) -> ModelMetadataResponse:
    """Response to ModelMetadata.

    The protocol describes tensors, so that each column of a frame is listed as one tensor. Columns that only an Arrow
    stream carries are listed as BYTES. The properties `inputs` and `outputs` give the exact types as Spark DDL.

    Args:
        name: name of the model.
        model_version: version of the model.
        inputs: declared inputs.
        outputs: declared outputs.
    """
    return ModelMetadataResponse(
        name=name,
        versions=[model_version],
        platform="pyml_tensor" if inputs.is_tensor else "pyml_dataframe",
        inputs=_tensors(inputs),
        outputs=_tensors(outputs),
        properties={
            "content_types": "arrow, tensors" if inputs.is_tensor else "arrow, pd",
            "inputs": inputs.ddl,
            "outputs": outputs.ddl,
        },
    )


def _tensors(schema: Schema) -> Iterator[TensorMetadata]:
    for field in schema.fields:
        if field.tensor:
            yield TensorMetadata(name=field.name, datatype=field.tensor.datatype, shape=field.tensor.shape)
        else:
            yield TensorMetadata(name=field.name, datatype=datatype_of_column(field.arrow.type) or "BYTES", shape=[-1])


def _own_version() -> str:
    try:
        return version("pyml-sandbox")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
