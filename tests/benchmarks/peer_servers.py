"""Servers of the same model: ours, and each peer in its own environment, with one worker process and one thread for BLAS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import grpc
import numpy as np

from benchmarks import peer_programs as programs
from benchmarks import peer_requests as forms
from benchmarks.online import COLUMNS, MODEL, ROWS, random_rows
from benchmarks.peer_environments import UnavailablePeerError, last_line, peer_python
from benchmarks.peer_requests import NAME, RequestForm
from integration.serving import CHANNEL_OPTIONS, serving
from pyml.oip.messages import MODEL_INFER
from pyml.pinned_environment import PINNED
from support.free_ports import free_ports
from support.packages import write_package

HOST = "127.0.0.1"
START_S = 90
STOP_S = 10
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Target:
    """One way to ask one server.

    Attributes:
        address: host:port over gRPC, else the URL.
        form: how rows travel.
        pids: processes whose CPU time, with that of their children, is the server's.
        one_row, many_rows: files that hold the two requests.
    """

    address: str
    form: RequestForm
    pids: tuple[int, ...]
    one_row: Path
    many_rows: Path


@dataclass(frozen=True)
class Launch:
    """How a peer is started: its command, and the address and form of each way to ask it."""

    command: Sequence[str]
    ways: Mapping[str, tuple[str, RequestForm]]


@contextmanager
def our_targets(folder: Path) -> Iterator[dict[str, Target]]:
    """Our gateway before a model server, over gRPC and REST; and a second pair that predicts requests together."""
    found: dict[str, Target] = {}
    with ExitStack() as stack:
        for together in (False, True):
            place = stack.enter_context(serving())
            server = place.server(write_package(place.folder / NAME, MODEL), name=NAME)
            place.deploy(together=together, logistic=["1"])
            gateway, caller, rest = place.gateway()
            pids = gateway.pid, server.pid
            ways = {"ours together": (caller.address, forms.GRPC_ARROW)}
            if not together:
                rest_way = f"{rest}/v2/models/{NAME}/infer", forms.PROTOCOL_JSON
                ways = {"ours gRPC": (caller.address, forms.GRPC_ARROW), "ours REST": rest_way}
            found |= {name: _target(folder, name, way, pids) for name, way in ways.items()}
        for target in found.values():
            check_answer(target)
        yield found


@contextmanager
def peer_targets(peer: str, cache: Path, folder: Path) -> Iterator[dict[str, Target]]:
    """Start one peer, and end all of its processes at the end.

    Raises:
        UnavailablePeerError: it does not install, start, or answer as the model does, in time.
    """
    python = peer_python(peer, cache)
    folder.mkdir()
    launch = LAUNCHES[peer](python, folder)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            launch.command, cwd=folder, stdout=log, stderr=log, env=_environ(python), start_new_session=True
        )
    try:
        found = {name: _target(folder, name, way, (process.pid,)) for name, way in launch.ways.items()}
        for target in found.values():
            _wait_for_answer(target, process, folder / "log")
        yield found
    finally:
        _end(process)


def ask(target: Target, body: bytes, timeout_s: float = 10) -> bytes:
    """One request and its answer.

    Raises:
        OSError: over HTTP, nothing listens, or the answer is an error.
        grpc.RpcError: the same over gRPC.
    """
    if target.form.is_http:
        request = urllib.request.Request(target.address, body, {"Content-Type": target.form.content_type})
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            answer: bytes = response.read()
    else:
        with grpc.insecure_channel(target.address, options=CHANNEL_OPTIONS) as channel:
            answer = channel.unary_unary(MODEL_INFER)(body, timeout=timeout_s)
    return answer


def check_answer(target: Target) -> None:
    """Hold the answer to many rows against the model's formula.

    Raises:
        UnavailablePeerError: they differ, or there are none in its answer.
    """
    rows = np.column_stack([column.to_numpy() for column in random_rows(ROWS).columns])
    expected = 1 / (1 + np.exp(-(rows @ np.linspace(-1, 1, len(COLUMNS)))))
    answer = ask(target, target.many_rows.read_bytes())
    try:
        found = np.array(target.form.decode(answer))
    except (LookupError, TypeError, ValueError) as error:
        raise UnavailablePeerError(f"no predictions in its answer {answer[:100]!r}: {error!r}") from error
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=TOLERANCE, atol=0):
        raise UnavailablePeerError(f"its predictions are different: {found[:3]}, not {expected[:3]}")


def _target(folder: Path, name: str, way: tuple[str, RequestForm], pids: tuple[int, ...]) -> Target:
    address, form = way
    files = [folder / f"{name} {number}" for number in (1, ROWS)]
    for number, file in zip((1, ROWS), files, strict=True):
        file.write_bytes(form.encode(random_rows(number)))
    return Target(address, form, pids, *files)


def _wait_for_answer(target: Target, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            return check_answer(target)
        except (OSError, HTTPException, grpc.RpcError) as error:
            said = last_line(log.read_text(encoding="utf-8", errors="replace"))
            if process.poll() is not None:
                raise UnavailablePeerError(f"ended with {process.returncode}: {said}") from error
            if time.monotonic() > end:
                raise UnavailablePeerError(f"no answer within {START_S} s ({last_line(str(error))}): {said}") from error
            time.sleep(0.2)


def _environ(python: Path) -> dict[str, str]:
    return {**os.environ, **PINNED, "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started: all of them are in its session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _url(port: int, path: str) -> str:
    return f"http://{HOST}:{port}/{path}"


def _mlserver(python: Path, folder: Path) -> Launch:
    http, grpc_port, metrics = free_ports(3)
    ports = {"http_port": http, "grpc_port": grpc_port, "metrics_port": metrics}
    settings = {"host": HOST, **ports, "parallel_workers": 0, "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps({"name": NAME, "implementation": "logistic.Logistic"}))
    (folder / "logistic.py").write_text(programs.MLSERVER)
    ways = {
        "MLServer gRPC": (f"{HOST}:{grpc_port}", forms.GRPC_COLUMNS),
        "MLServer REST": (_url(http, f"v2/models/{NAME}/infer"), forms.PROTOCOL_JSON),
    }
    return Launch([str(python.with_name("mlserver")), "start", "."], ways)


def _mlflow(python: Path, folder: Path) -> Launch:
    (port,) = free_ports(1)
    (folder / "logistic.py").write_text(programs.MLFLOW_MODEL)
    save = [str(python), "-c", programs.MLFLOW_SAVE, "logistic.py", "model"]
    done = subprocess.run(save, cwd=folder, env=_environ(python), capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailablePeerError(f"its model is not saved: {last_line(done.stderr)}")
    serve = [str(python.with_name("mlflow")), "models", "serve", "--model-uri", "model", "--env-manager", "local"]
    command = [*serve, "--workers", "1", "--host", HOST, "--port", str(port)]
    return Launch(command, {"MLflow": (_url(port, "invocations"), forms.SPLIT_JSON)})


def _mosec(python: Path, folder: Path) -> Launch:
    (port,) = free_ports(1)
    (folder / "server.py").write_text(programs.MOSEC)
    command = [str(python), "server.py", "--address", HOST, "--port", str(port), "--log-level", "warning"]
    return Launch(command, {"mosec": (_url(port, "inference"), forms.ARROW_STREAM)})


def _fastapi(python: Path, folder: Path) -> Launch:
    (port,) = free_ports(1)
    (folder / "server.py").write_text(programs.FASTAPI)
    tuned = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    command = [str(python), "-m", "uvicorn", "server:app", "--host", HOST, "--port", str(port), *tuned]
    return Launch(command, {"FastAPI": (_url(port, "predict"), forms.COLUMNS_JSON)})


def _kserve(python: Path, folder: Path) -> Launch:  # listens on all interfaces; it has no option for one
    http, grpc_port = free_ports(2)
    (folder / "server.py").write_text(programs.KSERVE)
    ports = ["--http_port", str(http), "--grpc_port", str(grpc_port)]
    ways = {
        "KServe gRPC": (f"{HOST}:{grpc_port}", forms.GRPC_COLUMNS),
        "KServe REST": (_url(http, f"v2/models/{NAME}/infer"), forms.PROTOCOL_JSON),
    }
    return Launch([str(python), "server.py", *ports, "--workers", "1"], ways)


LAUNCHES: dict[str, Callable[[Path, Path], Launch]] = {
    "mlserver": _mlserver,
    "mlflow": _mlflow,
    "mosec": _mosec,
    "fastapi": _fastapi,
    "kserve": _kserve,
}
"""How each peer is started, by its name on the command line."""
