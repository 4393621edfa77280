"""The gateway's client: sends rows over gRPC and reads the predictions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

import grpc

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError
from pyml.inference.describe import Signature
from pyml.inference.worker_info import Worker
from pyml.oip import codec
from pyml.oip.messages import (
    MODEL_INFER,
    MODEL_METADATA,
    ModelInferRequest,
    ModelInferResponse,
    ModelMetadataRequest,
    ModelMetadataResponse,
)
from pyml.oip.rpc_status import NOT_RUN, Reason, failure_in
from pyml.package.settings import ServingSettings
from pyml.types.tensors import (
    Tensors,
    arrow_from_tensors,
    as_declared_tensors,
    check_outputs,
    rows_of,
    tensors_from_arrow,
)
from pyml_sandbox.predict.repeated_calls import REPEAT_S, RepeatedCalls
from pyml_sandbox.predict.request_limits import TIMEOUT_S
from pyml_sandbox.workspace.ports import is_here

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml_sandbox.services.remote_spark import RemoteAccess

IN_FLIGHT = 4
DETAILS = 300
"""Characters of what gRPC says of a connection; it has no end."""
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    # Reach a gateway that is back at once, not after gRPC's back-off of up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)


class OnlineError(PymlError):
    """The gateway or the model server answered with an error, whose message it carries."""

    general_code = ErrorCode.ONLINE


class ServerEndedError(SandboxError):
    """A model's server exited while it handled a request, which got no response."""

    general_code = ErrorCode.SERVER_DIED


class OnlineModel:
    """One model version behind the gateway.

    Args:
        address: the gateway's gRPC address, such as `127.0.0.1:8470`.
        name: name of the model.
        version: of the model; empty for its default version.
        signature: its declared kind, inputs and outputs.
        timeout_s: deadline of each request, in seconds.
        max_request_mb: size of the largest request that its server accepts, in MiB.
        is_coming_back: see `RepeatedCalls`; by default nothing is.
        why_away: see `RepeatedCalls`.
        access: how a gateway outside of this machine is reached; None for the sandbox's own.

    Attributes:
        worker: the process that answered the last recorded request; None before the first one.
    """

    def __init__(
        self,
        address: str,
        name: str,
        version: str,
        signature: Signature,
        timeout_s: float = TIMEOUT_S,
        max_request_mb: int = ServingSettings.max_request_mb,
        is_coming_back: Callable[[], bool] = lambda: False,
        why_away: Callable[[float], None] = lambda seconds: None,
        access: RemoteAccess | None = None,
    ) -> None:
        self.name, self.version, self.signature = name, version, signature
        self.timeout_s, self.max_request_mb = timeout_s, max_request_mb
        self.worker: Worker | None = None
        self._translated = partial(translated_elsewhere, address) if access else translated
        self._repeated = RepeatedCalls(self._translated, is_coming_back, why_away, min(REPEAT_S, timeout_s))
        self._channel, self._metadata = channel_to(address, access)
        self._infer = self._channel.unary_unary(
            MODEL_INFER,
            request_serializer=ModelInferRequest.SerializeToString,
            response_deserializer=ModelInferResponse.FromString,
        )

    def __enter__(self) -> OnlineModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    @property
    def input_names(self) -> Sequence[str]:
        """Names of the model's inputs."""
        return self.signature.inputs.names

    def predict(self, batches: Iterable[pa.RecordBatch], *, recorded: bool = False) -> Iterator[pa.RecordBatch]:
        """Predict batches, with a few requests in flight at a time.

        Where the gateway or the server went away and is coming back, a request is sent again for at most 30 s, or its
        own deadline if that is shorter.

        Args:
            batches: shape (rows, inputs) each, in the model's Arrow types; each batch is one request.
            recorded: whether digests of what `predict` saw and returned follow the predictions, as columns
                (`pyml.inference.digests`).

        Yields:
            The predictions for each batch, in the order of the batches; shape (rows, outputs).

        Raises:
            OnlineError: the gateway or the model refused or failed.
            OutputError: the tensors that came back are not the declared ones.
            SandboxError: the gateway cannot be reached.
        """
        waiting: deque[tuple[ModelInferRequest, grpc.Future]] = deque()
        try:
            for batch in batches:
                request = self._request(batch, recorded)
                waiting.append((request, self._send(request)))
                if len(waiting) >= IN_FLIGHT:
                    yield self._predictions(self._response(*waiting.popleft()), recorded)
            while waiting:
                yield self._predictions(self._response(*waiting.popleft()), recorded)
        finally:
            for _, call in waiting:
                call.cancel()

    def served_schemas(self) -> dict[str, str]:
        """The schemas that the server declares for the model, as Spark DDL by the names `inputs` and `outputs`.

        Raises:
            OnlineError, SandboxError: as :meth:`predict`.
        """
        response = self._described(self.version)
        return {name: response.properties[name] for name in ("inputs", "outputs")}

    def default_version(self) -> str:
        """The version that answers requests which name none; empty if the server does not say.

        Raises:
            OnlineError, SandboxError: as :meth:`predict`.
        """
        versions = list(self._described("").versions)
        return versions[0] if len(versions) == 1 else ""

    def _described(self, version: str) -> ModelMetadataResponse:
        metadata = self._channel.unary_unary(
            MODEL_METADATA,
            request_serializer=ModelMetadataRequest.SerializeToString,
            response_deserializer=ModelMetadataResponse.FromString,
        )
        try:
            asked = ModelMetadataRequest(name=self.name, version=version)
            response: ModelMetadataResponse = metadata(asked, timeout=self.timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._translated(error) from error
        return response

    def predict_as_columns(self, batch: pa.RecordBatch, *, is_raw: bool = True) -> pa.RecordBatch:
        """Predict a batch that is sent, and returned, as one tensor for each column.

        Args:
            batch: shape (rows, inputs), in the model's Arrow types.
            is_raw: whether tensors are sent as raw bytes; else as typed lists.

        Raises:
            InputError: tensors cannot carry the rows, or the predictions, without loss.
            OnlineError, SandboxError: as :meth:`predict`.
        """
        request = codec.column_request(self.name, self.version, batch, is_raw=is_raw)
        return codec.read_column_response(self._response(request), self.signature.outputs)

    def predict_tensors(self, tensors: Tensors, *, is_raw: bool = True) -> Tensors:
        """Predict named tensors in one request; for tensor models.

        Args:
            tensors: arrays of the declared shapes, by name; the first dimension is the batch. Numbers of a different
                dtype are converted if no value changes.
            is_raw: whether tensors are sent as raw bytes; else as typed lists.

        Returns:
            The outputs by name, of the declared dtypes and shapes.

        Raises:
            InputError: the tensors do not fit the declared ones.
            OnlineError, SandboxError: as :meth:`predict`.
        """
        declared = as_declared_tensors(tensors, self.signature.inputs)
        request = codec.tensor_request(self.name, self.version, declared, is_raw=is_raw)
        return self._checked(codec.read_tensor_response(self._response(request)))

    def _checked(self, answered: Tensors) -> Tensors:
        return check_outputs(answered, self.signature.outputs, rows_of(answered))

    def _request(self, batch: pa.RecordBatch, recorded: bool) -> ModelInferRequest:
        """Tensors for a tensor model; Arrow for frames, and for every request that asks for a record."""
        if self.signature.kind == "tensor" and not recorded:
            tensors = tensors_from_arrow(batch, self.signature.inputs)
            return codec.tensor_request(self.name, self.version, tensors)
        return codec.arrow_request(self.name, self.version, batch, recorded=recorded)

    def _send(self, request: ModelInferRequest) -> grpc.Future:
        return self._infer.future(request, timeout=self.timeout_s, metadata=self._metadata)

    def _response(self, request: ModelInferRequest, call: grpc.Future | None = None) -> ModelInferResponse:
        return self._repeated.response(call or self._send(request), lambda: self._send(request))

    def _predictions(self, response: ModelInferResponse, recorded: bool) -> pa.RecordBatch:
        if "worker" in response.parameters:
            self.worker = Worker.from_json(response.parameters["worker"].string_param)
        if self.signature.kind == "tensor" and not recorded:
            return arrow_from_tensors(self._checked(codec.read_tensor_response(response)), self.signature.outputs)
        return codec.read_arrow_response(response)


def translated_elsewhere(address: str, error: grpc.RpcError) -> PymlError:
    """The same of a gateway outside the sandbox, which no command here starts or deploys to."""
    found = translated(error)
    if not isinstance(found, SandboxError) or isinstance(found, ServerEndedError):
        return found
    why = f"{found.message}; {str(error.details() or '')[:DETAILS]}" if failure_in(error) is None else found.message
    hint = "see whether that gateway runs and serves the model, and what clusters.toml says of it"
    return SandboxError(f"{address}: {why}", hint, *found.codes)


def channel_to(address: str, access: RemoteAccess | None) -> tuple[grpc.Channel, tuple[tuple[str, str], ...]]:
    """The channel to a gateway, and what goes with each call."""
    if access is None:
        return grpc.insecure_channel(address, options=_OPTIONS), ()
    options = list(_OPTIONS)
    if not is_here(address):  # a different machine may lie behind the proxy of the shell
        options = [option for option in _OPTIONS if option[0] != "grpc.enable_http_proxy"]
    credentials = access.credentials()
    if credentials is not None:
        return grpc.secure_channel(address, credentials, options=options), ()
    return grpc.insecure_channel(address, options=options), (("authorization", access.bearer),) * bool(access.bearer)


def out_of_time() -> OnlineError:
    """The error of a request whose deadline has passed."""
    hint = "allow more time (--timeout SECONDS), or send fewer rows in one request"
    return OnlineError("no answer within the deadline", hint, ErrorCode.DEADLINE)


def translated(error: grpc.RpcError) -> PymlError:
    """A gRPC error as one of ours; a server's message is kept, with its hint and codes.

    Cases: the deadline passed; nothing answers, or what answers is not our gateway; the gateway reports that the server
    exited during the request, that it is down or starting, or that the model is not deployed; the model or the request
    is at fault.
    """
    status = error.code()
    if status is grpc.StatusCode.DEADLINE_EXCEEDED:
        return out_of_time()
    failure = failure_in(error)
    if failure is None:
        details = str(error.details() or "")
        if status is grpc.StatusCode.UNAVAILABLE:
            what = "nothing listens on its port" if "failed to connect" in details else "it closed the connection"
            return SandboxError(f"the gateway does not answer: {what}", "pyml dev up", ErrorCode.GATEWAY_DOWN)
        is_too_large = status is grpc.StatusCode.RESOURCE_EXHAUSTED  # beyond what gRPC reads at all
        return OnlineError(details or status.name, "", ErrorCode.REQUEST_TOO_LARGE if is_too_large else ErrorCode.GRPC)
    if failure.reason is Reason.DIED:
        return ServerEndedError(failure.message, failure.hint, *failure.codes)
    if failure.reason in NOT_RUN:
        return SandboxError(failure.message, failure.hint or "pyml dev up", *failure.codes)
    if failure.reason is Reason.UNKNOWN:
        return SandboxError(failure.message, failure.hint or "pyml deploy MODEL_ID", *failure.codes)
    return OnlineError(failure.message or status.name, failure.hint, *failure.codes)
