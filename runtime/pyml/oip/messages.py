"""Messages of the Open Inference Protocol, and the paths of its gRPC methods.

The classes are built in a separate descriptor pool. Protobuf refuses a second file that defines the same name in its
default pool, and every client library of this protocol defines these: a model that imports `tritonclient` must load.
The fields are listed in `messages.pyi` and in `inference.proto`.
"""

from __future__ import annotations

from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass


def own_pool(package: str, name: str) -> DescriptorPool:
    """The descriptors of a compiled file as a pool of their own.

    Args:
        package: that has the file.
        name: of the file.
    """
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(files(package).joinpath(name).read_bytes()).file:
        pool.Add(file)
    return pool


_POOL = own_pool("pyml.oip", "inference.binpb")


def _message(name: str) -> type:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"inference.{name}"))


ServerLiveRequest = _message("ServerLiveRequest")
ServerLiveResponse = _message("ServerLiveResponse")
ServerReadyRequest = _message("ServerReadyRequest")
ServerReadyResponse = _message("ServerReadyResponse")
ModelReadyRequest = _message("ModelReadyRequest")
ModelReadyResponse = _message("ModelReadyResponse")
ServerMetadataRequest = _message("ServerMetadataRequest")
ServerMetadataResponse = _message("ServerMetadataResponse")
ModelMetadataRequest = _message("ModelMetadataRequest")
ModelMetadataResponse = _message("ModelMetadataResponse")
TensorMetadata = _message("ModelMetadataResponse.TensorMetadata")
ModelInferRequest = _message("ModelInferRequest")
InferInputTensor = _message("ModelInferRequest.InferInputTensor")
InferRequestedOutputTensor = _message("ModelInferRequest.InferRequestedOutputTensor")
ModelInferResponse = _message("ModelInferResponse")
InferOutputTensor = _message("ModelInferResponse.InferOutputTensor")
InferParameter = _message("InferParameter")
InferTensorContents = _message("InferTensorContents")
RepositoryIndexRequest = _message("RepositoryIndexRequest")
RepositoryIndexResponse = _message("RepositoryIndexResponse")
ModelIndex = _message("RepositoryIndexResponse.ModelIndex")
ModelStatisticsRequest = _message("ModelStatisticsRequest")
ModelStatisticsResponse = _message("ModelStatisticsResponse")
ModelStatistics = _message("ModelStatistics")
InferStatistics = _message("InferStatistics")
StatisticDuration = _message("StatisticDuration")

FILE = _POOL.FindFileByName("inference.proto")
"""The descriptor of the service and its messages."""
SERVICE = "inference.GRPCInferenceService"
SERVER_LIVE = f"/{SERVICE}/ServerLive"
SERVER_READY = f"/{SERVICE}/ServerReady"
SERVER_METADATA = f"/{SERVICE}/ServerMetadata"
MODEL_READY = f"/{SERVICE}/ModelReady"
MODEL_METADATA = f"/{SERVICE}/ModelMetadata"
MODEL_INFER = f"/{SERVICE}/ModelInfer"
REPOSITORY_INDEX = f"/{SERVICE}/RepositoryIndex"
MODEL_STATISTICS = f"/{SERVICE}/ModelStatistics"
JSON_SIZE_HEADER = "Inference-Header-Content-Length"
"""Header of the binary tensor data extension over REST: how many bytes of the body are JSON."""

__all__ = [
    "FILE",
    "JSON_SIZE_HEADER",
    "MODEL_INFER",
    "MODEL_METADATA",
    "MODEL_READY",
    "MODEL_STATISTICS",
    "REPOSITORY_INDEX",
    "SERVER_LIVE",
    "SERVER_METADATA",
    "SERVER_READY",
    "SERVICE",
    "DecodeError",
    "InferInputTensor",
    "InferOutputTensor",
    "InferParameter",
    "InferRequestedOutputTensor",
    "InferStatistics",
    "InferTensorContents",
    "ModelIndex",
    "ModelInferRequest",
    "ModelInferResponse",
    "ModelMetadataRequest",
    "ModelMetadataResponse",
    "ModelReadyRequest",
    "ModelReadyResponse",
    "ModelStatistics",
    "ModelStatisticsRequest",
    "ModelStatisticsResponse",
    "RepositoryIndexRequest",
    "RepositoryIndexResponse",
    "ServerLiveRequest",
    "ServerLiveResponse",
    "ServerMetadataRequest",
    "ServerMetadataResponse",
    "ServerReadyRequest",
    "ServerReadyResponse",
    "StatisticDuration",
    "TensorMetadata",
]
