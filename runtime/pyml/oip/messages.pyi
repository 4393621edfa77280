# Protobuf's own method names.
# ruff: noqa: N802
from abc import ABCMeta
from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence
from typing import Literal, Self

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

def own_pool(package: str, name: str) -> DescriptorPool: ...

class DecodeError(Exception): ...

class _Message:
    @classmethod
    def FromString(cls, data: bytes, /) -> Self: ...
    def SerializeToString(self) -> bytes: ...
    def ByteSize(self) -> int: ...

class ServerLiveRequest(_Message): ...

class ServerLiveResponse(_Message):
    live: bool
    def __init__(self, *, live: bool = ...) -> None: ...

class ServerReadyRequest(_Message): ...

class ServerReadyResponse(_Message):
    ready: bool
    def __init__(self, *, ready: bool = ...) -> None: ...

class ModelReadyRequest(_Message):
    name: str
    version: str
    def __init__(self, *, name: str = ..., version: str = ...) -> None: ...

class ModelReadyResponse(_Message):
    ready: bool
    def __init__(self, *, ready: bool = ...) -> None: ...

class ServerMetadataRequest(_Message): ...

class ServerMetadataResponse(_Message):
    name: str
    version: str
    extensions: MutableSequence[str]
    def __init__(self, *, name: str = ..., version: str = ..., extensions: Iterable[str] = ...) -> None: ...

class ModelMetadataRequest(_Message):
    name: str
    version: str
    def __init__(self, *, name: str = ..., version: str = ...) -> None: ...

class TensorMetadata(_Message):
    name: str
    datatype: str
    shape: MutableSequence[int]
    def __init__(self, *, name: str = ..., datatype: str = ..., shape: Iterable[int] = ...) -> None: ...

class ModelMetadataResponse(_Message):
    name: str
    versions: MutableSequence[str]
    platform: str
    inputs: MutableSequence[TensorMetadata]
    outputs: MutableSequence[TensorMetadata]
    properties: MutableMapping[str, str]
    def __init__(
        self,
        *,
        name: str = ...,
        versions: Iterable[str] = ...,
        platform: str = ...,
        inputs: Iterable[TensorMetadata] = ...,
        outputs: Iterable[TensorMetadata] = ...,
        properties: Mapping[str, str] = ...,
    ) -> None: ...

class InferParameter(_Message):
    bool_param: bool
    int64_param: int
    string_param: str
    double_param: float
    uint64_param: int
    def __init__(
        self,
        *,
        bool_param: bool = ...,
        int64_param: int = ...,
        string_param: str = ...,
        double_param: float = ...,
        uint64_param: int = ...,
    ) -> None: ...
    def WhichOneof(
        self, oneof: Literal["parameter_choice"], /
    ) -> Literal["bool_param", "int64_param", "string_param", "double_param", "uint64_param"] | None: ...

class InferTensorContents(_Message):
    bool_contents: MutableSequence[bool]
    int_contents: MutableSequence[int]
    int64_contents: MutableSequence[int]
    uint_contents: MutableSequence[int]
    uint64_contents: MutableSequence[int]
    fp32_contents: MutableSequence[float]
    fp64_contents: MutableSequence[float]
    bytes_contents: MutableSequence[bytes]
    def __init__(
        self,
        *,
        bool_contents: Iterable[bool] = ...,
        int_contents: Iterable[int] = ...,
        int64_contents: Iterable[int] = ...,
        uint_contents: Iterable[int] = ...,
        uint64_contents: Iterable[int] = ...,
        fp32_contents: Iterable[float] = ...,
        fp64_contents: Iterable[float] = ...,
        bytes_contents: Iterable[bytes] = ...,
    ) -> None: ...

class _Tensor(_Message):
    name: str
    datatype: str
    shape: MutableSequence[int]
    parameters: MutableMapping[str, InferParameter]
    contents: InferTensorContents
    def __init__(
        self,
        *,
        name: str = ...,
        datatype: str = ...,
        shape: Iterable[int] = ...,
        parameters: Mapping[str, InferParameter] = ...,
        contents: InferTensorContents | None = ...,
    ) -> None: ...
    def HasField(self, field: Literal["contents"], /) -> bool: ...

class InferInputTensor(_Tensor): ...
class InferOutputTensor(_Tensor): ...

class InferRequestedOutputTensor(_Message):
    name: str
    parameters: MutableMapping[str, InferParameter]
    def __init__(self, *, name: str = ..., parameters: Mapping[str, InferParameter] = ...) -> None: ...

class _Inputs(MutableSequence[InferInputTensor], metaclass=ABCMeta):
    def add(self) -> InferInputTensor: ...

class ModelInferRequest(_Message):
    model_name: str
    model_version: str
    id: str
    parameters: MutableMapping[str, InferParameter]
    inputs: _Inputs
    outputs: MutableSequence[InferRequestedOutputTensor]
    raw_input_contents: MutableSequence[bytes]
    def __init__(
        self,
        *,
        model_name: str = ...,
        model_version: str = ...,
        id: str = ...,
        parameters: Mapping[str, InferParameter] = ...,
        inputs: Iterable[InferInputTensor] = ...,
        outputs: Iterable[InferRequestedOutputTensor] = ...,
        raw_input_contents: Iterable[bytes] = ...,
    ) -> None: ...

class ModelInferResponse(_Message):
    model_name: str
    model_version: str
    id: str
    parameters: MutableMapping[str, InferParameter]
    outputs: MutableSequence[InferOutputTensor]
    raw_output_contents: MutableSequence[bytes]
    def __init__(
        self,
        *,
        model_name: str = ...,
        model_version: str = ...,
        id: str = ...,
        parameters: Mapping[str, InferParameter] = ...,
        outputs: Iterable[InferOutputTensor] = ...,
        raw_output_contents: Iterable[bytes] = ...,
    ) -> None: ...

class RepositoryIndexRequest(_Message):
    repository_name: str
    ready: bool
    def __init__(self, *, repository_name: str = ..., ready: bool = ...) -> None: ...

class ModelIndex(_Message):
    name: str
    version: str
    state: str
    reason: str
    def __init__(self, *, name: str = ..., version: str = ..., state: str = ..., reason: str = ...) -> None: ...

class RepositoryIndexResponse(_Message):
    models: MutableSequence[ModelIndex]
    def __init__(self, *, models: Iterable[ModelIndex] = ...) -> None: ...

class ModelStatisticsRequest(_Message):
    name: str
    version: str
    def __init__(self, *, name: str = ..., version: str = ...) -> None: ...

class StatisticDuration(_Message):
    count: int
    ns: int
    def __init__(self, *, count: int = ..., ns: int = ...) -> None: ...

class InferStatistics(_Message):
    success: StatisticDuration
    fail: StatisticDuration
    queue: StatisticDuration
    compute_input: StatisticDuration
    compute_infer: StatisticDuration
    compute_output: StatisticDuration
    cache_hit: StatisticDuration
    cache_miss: StatisticDuration
    def __init__(self, **durations: StatisticDuration) -> None: ...

class ModelStatistics(_Message):
    name: str
    version: str
    last_inference: int
    inference_count: int
    execution_count: int
    inference_stats: InferStatistics
    batch_stats: MutableSequence[object]
    memory_usage: MutableSequence[object]
    response_stats: MutableMapping[str, object]
    def __init__(
        self,
        *,
        name: str = ...,
        version: str = ...,
        last_inference: int = ...,
        inference_count: int = ...,
        execution_count: int = ...,
        inference_stats: InferStatistics = ...,
    ) -> None: ...

class ModelStatisticsResponse(_Message):
    model_stats: MutableSequence[ModelStatistics]
    def __init__(self, *, model_stats: Iterable[ModelStatistics] = ...) -> None: ...

FILE: FileDescriptor
SERVICE: str
SERVER_LIVE: str
SERVER_READY: str
SERVER_METADATA: str
MODEL_READY: str
MODEL_METADATA: str
MODEL_INFER: str
REPOSITORY_INDEX: str
MODEL_STATISTICS: str
JSON_SIZE_HEADER: str
