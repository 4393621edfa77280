"""The model server: one model behind the Open Inference Protocol on a Unix socket.

The way of a request: gRPC's own thread takes the call, `ModelService.service` refuses it or lets it into the queue, the
main thread decodes it, predicts and encodes the answer. Probes have threads of their own, so that they are answered
during a slow predict too. Measured against `grpc.aio` with a thread for `predict`: a quarter more requests per second,
since a request changes threads less often.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

import grpc

from pyml.environment import PINNED
from pyml.errors import InputError, PackageError, Problem, PymlError, SetupError
from pyml.mainthread import MainThreadExecutor
from pyml.oip import messages as oip
from pyml.settings import ServingSettings, Settings
from pyml.sockets import ServiceSocket
from pyml.status import Failure, failure_of

if TYPE_CHECKING:
    from pyml.runner import Runner

log = logging.getLogger("pyml.server")

_M = TypeVar("_M", oip.ModelInferRequest, oip.ModelReadyRequest)

MIB = 1024 * 1024
# Requests up to so many times the limit are read, to be refused in our own words; gRPC refuses larger ones in its own.
_READ_FACTOR = 4
_PROBE_THREADS = 4


@dataclass(frozen=True)
class ServerOptions:
    """What the command line says.

    Attributes:
        package: folder of the model package.
        name: name under which the model is asked for.
        version: likewise its version.
        socket_folder: folder of the sockets.
        service: name of the link in it.
        grace_s: how long requests may take to finish once the server is told to stop.
    """

    package: Path
    name: str
    version: str
    socket_folder: Path
    service: str
    grace_s: float


class ModelService(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Answers the protocol's methods for one model.

    Args:
        name: the model's name.
        version: its version.
        serving: limits of the queue and of requests.
        executor: where `predict` runs.
    """

    def __init__(self, name: str, version: str, serving: ServingSettings, executor: MainThreadExecutor) -> None:
        self.name = name
        self.version = version
        self.serving = serving
        self._executor = executor
        self._runner: Runner | None = None
        self._context = copy_context()
        infer = partial(self._infer)
        infer.experimental_thread_pool = executor  # type: ignore[attr-defined]  # grpc runs the method there
        self._infer_handler = _handler(infer)
        self._handlers = {
            oip.SERVER_LIVE: _handler(self._server_live),
            oip.SERVER_READY: _handler(self._server_ready),
            oip.SERVER_METADATA: _handler(self._server_metadata),
            oip.MODEL_READY: _handler(self._model_ready),
            oip.MODEL_METADATA: _handler(self._model_metadata),
        }

    @property
    def is_ready(self) -> bool:
        """True once the model is loaded."""
        return self._runner is not None

    def load(self, package: Path) -> None:
        """Load the model; on the thread that will predict.

        Raises:
            PackageError: the package is not right, or its code raised.
        """
        from pyml.runner import Runner

        try:
            runner = Runner.load(package)
        except SystemExit as error:
            raise PackageError(
                "the model cannot be loaded", [Problem(f"it called sys.exit({error.code!r})")]
            ) from error
        gc.collect()
        gc.freeze()
        # What the model set for its context when it loaded (decimal precision, numpy's error state) holds in `predict`.
        self._context = copy_context()
        self._runner = runner

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Choose what answers a call; gRPC calls this on one thread, before it reads the request."""
        if details.method != oip.MODEL_INFER:
            return self._handlers.get(details.method)
        refusal = self._refusal()
        return self._infer_handler if refusal is None else _handler(partial(_refuse, failure=refusal))

    def _refusal(self) -> Failure | None:
        if self._runner is None:
            return self._starting()
        if self._executor.waiting >= self.serving.max_queue:
            return Failure(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"the queue of model {self.name} is full: {self.serving.max_queue} requests wait for predict\n"
                "  fix: send fewer at once, or more rows in each; or raise max_queue in [serving] of pyml.toml",
                "queue",
            )
        return None

    def _starting(self) -> Failure:
        return Failure(grpc.StatusCode.UNAVAILABLE, f"model {self.name}@{self.version} is starting", "starting")

    def _infer(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        failure = _oversize(len(data), self.serving.max_request_mb)
        if failure is None:
            try:
                return self._context.run(self._answer, data)
            except BaseException as error:  # whatever a model raises, the server lives on
                failure = failure_of(error)
                log.warning("%s: %s", failure.code.name, failure.message, exc_info=failure.is_ours and error)
        return _abort(context, failure)

    def _answer(self, data: bytes) -> bytes:
        from pyml.oip.codec import answer

        if self._runner is None:
            raise PymlError("the model is not loaded")
        request = _parsed(oip.ModelInferRequest, data)
        self._refuse_other(request.model_name, request.model_version)
        response = answer(request, self._runner)
        response.model_name, response.model_version = self.name, self.version
        return response.SerializeToString()

    def _refuse_other(self, name: str, version: str) -> None:
        if name != self.name or version not in ("", self.version):
            asked = f"{name}@{version}" if version else name
            problem = Problem(f"asked for {asked}, this is {self.name}@{self.version}", "ask the gateway")
            raise InputError("this server does not serve the model", [problem])

    def _server_live(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        return oip.ServerLiveResponse(live=True).SerializeToString()

    def _server_ready(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        return oip.ServerReadyResponse(ready=self.is_ready).SerializeToString()

    def _model_ready(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self._check_model(data, context)
        return oip.ModelReadyResponse(ready=self.is_ready).SerializeToString()

    def _server_metadata(self, _data: bytes, _context: grpc.ServicerContext) -> bytes:
        from pyml.oip.metadata import server_metadata

        return server_metadata("pyml model server").SerializeToString()

    def _model_metadata(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        from pyml.oip.metadata import model_metadata

        self._check_model(data, context)
        if self._runner is None:
            _abort(context, self._starting())
        metadata = model_metadata(self.name, self.version, self._runner.inputs, self._runner.outputs)
        return metadata.SerializeToString()

    def _check_model(self, data: bytes, context: grpc.ServicerContext) -> None:
        try:
            request = _parsed(oip.ModelReadyRequest, data)
            self._refuse_other(request.name, request.version)
        except InputError as error:
            _abort(context, failure_of(error))


def _handler(behaviour: Callable[[bytes, grpc.ServicerContext], bytes]) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(behaviour)


def _refuse(_data: bytes, context: grpc.ServicerContext, failure: Failure) -> bytes:
    return _abort(context, failure)


def _abort(context: grpc.ServicerContext, failure: Failure) -> NoReturn:
    context.set_trailing_metadata(failure.metadata)
    context.abort(failure.code, failure.details)
    raise AssertionError("abort returned")  # it never does; grpc has no types that say so


def _parsed(message: type[_M], data: bytes) -> _M:
    try:
        return message.FromString(data)
    except oip.DecodeError as error:
        raise InputError("the request is not a message of the protocol", [Problem(str(error))]) from error


def _oversize(size_bytes: int, max_request_mb: int) -> Failure | None:
    if size_bytes <= max_request_mb * MIB:
        return None
    return Failure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"the request has {size_bytes / MIB:.1f} MiB, this model takes up to {max_request_mb}\n"
        "  fix: send fewer rows in each request, or raise max_request_mb in [serving] of pyml.toml",
        "size",
    )


class _StoppedError(BaseException):
    """The server was told to stop while it loaded the model; not an Exception, so that no model swallows it."""


def serve(options: ServerOptions) -> None:
    """Serve one model until SIGTERM or SIGINT; on the main thread.

    It listens before the model is loaded, and says that it is starting. Requests that were let in before the signal are
    answered, for at most `grace_s` seconds.

    Raises:
        SettingsError: `pyml.toml` is not right.
        SetupError: the socket cannot be bound.
        PackageError: the model cannot be loaded.
    """
    started = time.monotonic()
    serving = Settings.load(options.package).serving
    executor = MainThreadExecutor()
    service = ModelService(options.name, options.version, serving, executor)
    place = ServiceSocket.claim(options.socket_folder, options.service, os.getpid())
    server = _listening(service, place, serving)
    _stop_on_signal(server, service, executor, options.grace_s)
    try:
        place.publish()
        service.load(options.package)
        log.info("%s@%s is ready after %.1f s", options.name, options.version, time.monotonic() - started)
        executor.run()
    except _StoppedError:
        return
    finally:
        place.withdraw()
        server.stop(grace=0)


def _listening(service: ModelService, place: ServiceSocket, serving: ServingSettings) -> grpc.Server:
    server = grpc.server(
        ThreadPoolExecutor(_PROBE_THREADS, thread_name_prefix="probe"),
        handlers=[service],
        options=[
            ("grpc.max_receive_message_length", serving.max_request_mb * MIB * _READ_FACTOR),
            ("grpc.max_send_message_length", -1),
            # A caller that hangs in the middle of a request must not hold up the others.
            ("grpc.keepalive_time_ms", 10_000),
            ("grpc.keepalive_timeout_ms", 5_000),
        ],
    )
    try:
        server.add_insecure_port(place.address)
    except RuntimeError as error:
        raise SetupError(f"cannot listen on {place.path}: {error}", "check that its folder can be written") from error
    server.start()
    return server


def _stop_on_signal(server: grpc.Server, service: ModelService, executor: MainThreadExecutor, grace_s: float) -> None:
    def stop() -> None:
        if not server.stop(grace=grace_s).wait(grace_s + 1) or executor.is_busy:
            log.error("predict did not finish within %.0f s, giving it up", grace_s)
            os._exit(1)
        executor.finish()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        if not service.is_ready:
            raise _StoppedError
        threading.Thread(target=stop, name="stop", daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


def _options(arguments: Sequence[str] | None) -> ServerOptions:
    parser = argparse.ArgumentParser(prog="python -m pyml.server", description="Serve one model on a Unix socket.")
    parser.add_argument("--package", type=Path, required=True, metavar="DIR", help="folder of the model package")
    parser.add_argument("--name", required=True, help="name under which the model is asked for")
    parser.add_argument("--version", required=True, help="its version")
    parser.add_argument("--socket-dir", type=Path, required=True, metavar="DIR", help="folder of the sockets")
    parser.add_argument("--service", required=True, help="name of the link there that clients dial")
    parser.add_argument("--grace", type=float, default=10, metavar="SECONDS", help="time to finish requests at the end")
    given = parser.parse_args(arguments)
    return ServerOptions(
        given.package.resolve(), given.name, given.version, given.socket_dir.resolve(), given.service, given.grace
    )


def _warn_of_loose_environment() -> None:
    loose = [f"{name}={value}" for name, value in PINNED.items() if os.environ.get(name) != value]
    if loose:
        log.warning("the environment is not the one that offline jobs have; set %s", " ".join(loose))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server; its exit code, with the cause as the last line on stderr where it fails."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _warn_of_loose_environment()
    try:
        os.chdir(options.package)
        serve(options)
    except OSError as error:
        print(f"cannot open the model package: {error}", file=sys.stderr)
        return 1
    except PymlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
