"""Model servers and gateways as real processes, for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import grpc
import pyarrow as pa

from pyml.oip import codec
from pyml.oip import messages as oip
from pyml.pinned_environment import PINNED
from support.free_ports import free_ports

CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)

# A model that does what the column `act` of its first row says, and answers with its `x` doubled.
CHORES = '''
import decimal
import os
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema


class Chores(DataFrameModel):
    inputs = Schema("act STRING NOT NULL, x DOUBLE NOT NULL")
    outputs = Schema("y DOUBLE NOT NULL, said STRING NOT NULL")

    def __init__(self, parameters):
        self.thread = threading.get_ident()
        decimal.getcontext().prec = 5

    def predict(self, frame):
        act, _, more = frame["act"][0].partition(" ") if len(frame) else ("", "", "")
        said = getattr(self, act)(more) if act else ""
        y = frame["x"].to_numpy() * 2
        if act == "columns":
            return pd.DataFrame({"z": y})
        if act == "rows":
            return pd.DataFrame({"y": y[:-1], "said": [""] * (len(y) - 1)})
        if act == "type":
            return pd.DataFrame({"y": y.astype("float32"), "said": [""] * len(y)})
        return pd.DataFrame({"y": y, "said": np.array([str(said)] * len(y), dtype=object)})

    def columns(self, _):
        pass

    rows = type = columns

    def touch(self, path):
        Path(path).touch()

    def wait(self, folder):
        """Says that it has begun, and goes on when it is told to."""
        Path(folder, "begun").touch()
        while not Path(folder, "go").exists():
            time.sleep(0.005)

    def spin(self, _):
        while True:
            pass

    def fail(self, words):
        raise ValueError(words)

    def exit(self, code):
        raise SystemExit(int(code))

    def interrupt(self, _):
        raise KeyboardInterrupt("ctrl-c")

    def die(self, _):
        os._exit(9)

    def nan(self, _):
        return ""

    def where(self, _):
        return threading.get_ident() == self.thread and threading.current_thread() is threading.main_thread()

    def precision(self, _):
        return decimal.getcontext().prec

    def environment(self, name):
        return os.environ.get(name)

    def folder(self, _):
        return os.getcwd()

    def pid(self, _):
        return os.getpid()
'''


def until(holds: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait for a condition; fail when it does not come."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def chores(act: str = "", rows: int = 1) -> pa.RecordBatch:
    """Rows for the model above."""
    schema = pa.schema([pa.field("act", pa.string(), False), pa.field("x", pa.float64(), False)])
    return pa.RecordBatch.from_pydict({"act": [act] * rows, "x": [float(row) for row in range(rows)]}, schema=schema)


class Caller:
    """A client of the protocol at one address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)

    def call(self, method: str, request: bytes = b"", timeout_s: float = 30) -> bytes:
        """One call of raw bytes; waits until something listens."""
        answer: bytes = self.channel.unary_unary(method)(request, timeout=timeout_s, wait_for_ready=True)
        return answer

    def start(self, request: oip.ModelInferRequest, timeout_s: float | None = 30) -> grpc.Future:
        """Begin a request."""
        return self.channel.unary_unary(oip.MODEL_INFER).future(request.SerializeToString(), timeout=timeout_s)

    def infer(self, request: oip.ModelInferRequest, timeout_s: float | None = 30) -> oip.ModelInferResponse:
        """One request and its answer."""
        return oip.ModelInferResponse.FromString(self.start(request, timeout_s).result())

    def do(self, act: str = "", name: str = "chores") -> dict[str, list[object]]:
        """Ask the model above for one chore."""
        answer = self.infer(codec.arrow_request(name, "", chores(act)))
        found: dict[str, list[object]] = codec.read_arrow_response(answer).to_pydict()
        return found

    def begin(self, act: str, name: str = "chores", timeout_s: float | None = 30) -> grpc.Future:
        """Begin one chore."""
        return self.start(codec.arrow_request(name, "", chores(act)), timeout_s)

    def refused(self, act: str, name: str = "chores") -> grpc.RpcError:
        """Ask for a chore that must fail; the error."""
        error = self.begin(act, name).exception()
        assert isinstance(error, grpc.RpcError)
        return error

    def is_model_ready(self, name: str = "chores", version: str = "") -> bool:
        """Ask ModelReady."""
        request = oip.ModelReadyRequest(name=name, version=version).SerializeToString()
        return oip.ModelReadyResponse.FromString(self.call(oip.MODEL_READY, request)).ready


def service_name(name: str, version: str, replica: int = 1) -> str:
    """The service of one server of a model version."""
    return f"model-{name}-{version}" + (f"-{replica}" if replica > 1 else "")


class Serving:
    """Starts servers and gateways in one short folder, and ends what is left of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = folder / "s"
        self.routes_file = folder / "routes.json"
        self._running: list[subprocess.Popen[str]] = []
        self._logs: list[TextIO] = []

    def server(
        self,
        package: Path,
        name: str = "chores",
        version: str = "1",
        *,
        replica: int = 1,
        ready: bool = True,
        more: tuple[str, ...] = (),
    ) -> subprocess.Popen[str]:
        """Start a model server; by default wait until its model is ready."""
        service = service_name(name, version, replica)
        process = self._start(
            "pyml.server", "--package", str(package), "--name", name, "--version", version,
            "--socket-dir", str(self.sockets), "--service", service, *more, log=service,
        )  # fmt: skip
        if ready:
            own = Caller(f"unix:{self.sockets / f'{service}.{process.pid}.sock'}")
            until(lambda: process.poll() is not None or own.is_model_ready(name, version))
            own.channel.close()
            assert process.poll() is None, self.log(service)
        return process

    def caller(self, name: str = "chores", version: str = "1") -> Caller:
        """A client of a model server's socket."""
        return Caller(f"unix:{self.sockets}/{service_name(name, version)}")

    def gateway(self, *more: str) -> tuple[subprocess.Popen[str], Caller, str]:
        """Start a gateway and wait until it is ready: the process, a client of it, and its REST address."""
        ports = free_ports(2)
        command = (
            "--routes",
            str(self.routes_file),
            "--grpc",
            f"127.0.0.1:{ports[0]}",
            "--rest",
            f"127.0.0.1:{ports[1]}",
        )
        process = self._start("pyml.gateway", *command, *more, log="gateway")
        caller = Caller(f"127.0.0.1:{ports[0]}")
        caller.call(oip.SERVER_READY)
        return process, caller, f"http://127.0.0.1:{ports[1]}"

    def deploy(self, replicas: int = 1, *, together: bool = False, **models: list[str]) -> None:
        """Write the routes file: models to their versions, the first of each the default, each with so many servers."""

        def place(service: str) -> dict[str, str]:
            return {"socket": f"{self.sockets}/{service}", "service": service}

        def places(name: str, version: str) -> dict[str, object]:
            services = [service_name(name, version, at) for at in range(1, replicas + 1)]
            return {"replicas": [place(service) for service in services], "on_request": False, "together": together}

        entries = {
            name: {"default": versions[0], "versions": {version: places(name, version) for version in versions}}
            for name, versions in models.items()
        }
        staged = self.routes_file.with_suffix(".new")
        staged.write_text(json.dumps({"version": 2, "models": entries}))
        staged.replace(self.routes_file)

    def log(self, name: str) -> str:
        """What a service has written so far."""
        return (self.folder / f"{name}.log").read_text()

    def end(self) -> None:
        """Kill what is still running."""
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()
        for log in self._logs:
            log.close()

    def _start(self, module: str, *arguments: str, log: str) -> subprocess.Popen[str]:
        self._logs.append((self.folder / f"{log}.log").open("a"))
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stderr=self._logs[-1], text=True, env={**os.environ, **PINNED}
        )
        self._running.append(process)
        return process


@contextmanager
def serving() -> Iterator[Serving]:
    """A place for servers and gateways; at the end nothing of it runs."""
    with tempfile.TemporaryDirectory(prefix="pyml-") as folder:  # pytest's own folders are too deep for a socket
        place = Serving(Path(folder))
        try:
            yield place
        finally:
            place.end()


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM, timeout_s: float = 20) -> int:
    """Send a signal; the exit code."""
    process.send_signal(number)
    return process.wait(timeout_s)
