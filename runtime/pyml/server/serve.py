"""The server as a process: listen, load, serve, stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType

import grpc

from pyml.errors import SetupError
from pyml.inference.own_streams import empty_stdin
from pyml.oip.grpc_polling import TOLERATE_PINGS
from pyml.package.settings import MIB, ServingSettings, Settings
from pyml.server.forked_children import release_children
from pyml.server.hop_listener import HopListener
from pyml.server.main_thread import MainThreadExecutor
from pyml.server.self_watch import watch
from pyml.server.served_model import ServedModel
from pyml.server.server_options import ServerOptions
from pyml.server.service import ModelService
from pyml.server.sockets import ServiceSocket

log = logging.getLogger("pyml.server")

# Requests up to this many times the limit are read, to be refused with our message; gRPC refuses larger ones.
_READ_FACTOR = 4
_PROBE_THREADS = 4
_LAST_S = 0.5
"""How long the model's thread may take to say that it has nothing to do, even if the grace period is over."""


class _StoppedError(BaseException):
    """The server got a signal to stop while it loaded the model; not an Exception, so that no model catches it."""


def serve(options: ServerOptions) -> None:
    """Serve one model until SIGTERM or SIGINT; on the main thread.

    It listens before the model is loaded, and reports that it is starting. Requests accepted before the signal are
    answered, for at most `grace_s` seconds.

    Raises:
        SettingsError: `pyml.toml` is invalid.
        SetupError: the socket cannot be bound.
        PackageError: the model cannot be loaded.
    """
    started = time.monotonic()
    serving = Settings.load(options.package).serving
    executor = MainThreadExecutor()
    model = ServedModel(options.name, options.version, serving)
    claimed = partial(ServiceSocket.claim, options.socket_folder, options.service, os.getpid())
    endpoint, hop_endpoint = claimed(), claimed(is_hop=True)
    server = _listening(ModelService(model, executor), endpoint, serving)
    hop = HopListener(hop_endpoint, model, executor)
    _stop_on_signal(server, hop, model, executor, options.grace_s)
    release_children(endpoint.path, hop_endpoint.path)
    empty_stdin()
    try:
        endpoint.publish()
        watch(endpoint)
        model.load(options.package)
        hop.open()
        log.info("%s@%s is ready after %.1f s", options.name, options.version, time.monotonic() - started)
        executor.run()
    except _StoppedError:
        return
    finally:
        endpoint.withdraw()
        hop_endpoint.withdraw()
        server.stop(grace=0)


def _listening(service: ModelService, endpoint: ServiceSocket, serving: ServingSettings) -> grpc.Server:
    server = grpc.server(
        ThreadPoolExecutor(_PROBE_THREADS, thread_name_prefix="probe"),
        handlers=[service],
        options=[
            ("grpc.max_receive_message_length", serving.max_request_mb * MIB * _READ_FACTOR),
            ("grpc.max_send_message_length", -1),
            *TOLERATE_PINGS,
            # A caller that hangs in the middle of a request must not block other callers.
            ("grpc.keepalive_time_ms", 10_000),
            ("grpc.keepalive_timeout_ms", 5_000),
        ],
    )
    try:
        server.add_insecure_port(endpoint.address)
    except RuntimeError as error:
        raise SetupError(
            f"cannot listen on {endpoint.path}: {error}", "check that its folder can be written"
        ) from error
    server.start()
    return server


def _stop_on_signal(
    server: grpc.Server, hop: HopListener, model: ServedModel, executor: MainThreadExecutor, grace_s: float
) -> None:
    def stop() -> None:
        end = time.monotonic() + grace_s
        executor.call(hop.leave)
        is_answered = server.stop(grace=grace_s).wait(grace_s + 1)
        hop.left.wait(max(0, end - time.monotonic()))
        is_idle = threading.Event()
        executor.call(is_idle.set)
        if not is_answered or not is_idle.wait(max(_LAST_S, end - time.monotonic())):
            log.error("predict did not finish within %.0f s; stopping anyway", grace_s)
            os._exit(1)
        executor.finish()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        if not model.is_ready:
            raise _StoppedError
        threading.Thread(target=stop, name="stop", daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
