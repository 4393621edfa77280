"""MLServer with a scikit-learn model, in a Python of its own: a server of the protocol that is not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from support.free_ports import free_ports
from support.waiting import wait_for

TRAIN = """
import sys
import joblib, numpy as np, pandas as pd
from sklearn.ensemble import GradientBoostingRegressor

n = np.arange(600)
rows = pd.DataFrame({"distance": (n % 97) / 7.0, "hour": (n % 24).astype(float), "speed": np.sqrt(n + 1.0)})
model = GradientBoostingRegressor(random_state=0).fit(rows, 2.5 + rows["distance"] * rows["speed"])
joblib.dump(model, sys.argv[1])
rows.insert(0, "trip", n)
rows.assign(fare=model.predict(rows[["distance", "hour", "speed"]])).to_parquet(sys.argv[2])
"""
QUERY = """
SELECT id AS trip, (id % 97) / CAST(7 AS DOUBLE) AS distance, CAST(id % 24 AS DOUBLE) AS hour, sqrt(id + 1) AS speed
FROM range(600)
"""
"""The rows that the model was trained on, with their key."""
START_S = 90


@dataclass(frozen=True)
class MlServer:
    """A server that runs.

    Attributes:
        endpoint: host:port of its gRPC side.
        predictions: Parquet file with key, inputs and the predictions of the same model in Python.
    """

    endpoint: str
    predictions: Path


@contextmanager
def mlserver(folder: Path) -> Iterator[MlServer]:
    """Train the model `fare`, serve it, and stop the server at the end."""
    uv, python = str(Path(sys.executable).with_name("uv")), folder / "python" / "bin" / "python"
    needs = ["mlserver>=1.7,<2", "mlserver-sklearn>=1.7,<2", "pyarrow"]
    subprocess.run([uv, "venv", "--quiet", str(folder / "python")], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *needs], check=True)
    models, predictions = folder / "models", folder / "predictions.parquet"
    models.mkdir()
    subprocess.run([str(python), "-c", TRAIN, str(models / "model.joblib"), str(predictions)], check=True)
    http, grpc_port, metrics = free_ports(3)
    settings = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc_port, "metrics_port": metrics}
    (models / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0}))
    model = {"name": "fare", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./model.joblib"}}
    (models / "model-settings.json").write_text(json.dumps(model))
    endpoint = f"127.0.0.1:{grpc_port}"
    with (folder / "log").open("wb") as log:
        command = [str(python.with_name("mlserver")), "start", str(models)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(lambda: _is_ready(endpoint), "MLServer has loaded the model", START_S)
            yield MlServer(endpoint, predictions)
        finally:
            process.terminate()
            process.wait(30)


def _is_ready(endpoint: str) -> bool:
    from pyml.oip.messages import MODEL_READY, ModelReadyRequest, ModelReadyResponse

    with grpc.insecure_channel(endpoint) as channel:
        ask = channel.unary_unary(
            MODEL_READY,
            request_serializer=ModelReadyRequest.SerializeToString,
            response_deserializer=ModelReadyResponse.FromString,
        )
        try:
            return bool(ask(ModelReadyRequest(name="fare"), timeout=5).ready)
        except grpc.RpcError:
            return False
