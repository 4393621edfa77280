"""Networks of float32 on real data, over both real paths: what rounding does passes, an error of 1e-4 does not."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from pyml.package.model_package import ModelPackage
from pyml.package.settings import AllowanceSettings, ParitySettings, ToleranceSettings
from pyml_sandbox.client import Client
from pyml_sandbox.compare import Origin
from pyml_sandbox.parity.check import parity_check
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.report_text import report_text
from pyml_sandbox.parity.verdict import Verdict
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.slow_cases import slow

NETWORK = """
import sys
import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema, TensorModel

ERROR = np.float32({error})


class Network:
    def __init__(self, parameters):
        self.layers = np.load(parameters / "layers.npz")

    def hidden(self, pixels):
        return np.maximum(pixels @ self.layers["w0"] + self.layers["b0"], 0)

    def softmax(self, pixels):
        scores = self.hidden(pixels) @ self.layers["w1"] + self.layers["b1"]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True) * ERROR
"""
FRAME = (
    NETWORK
    + """
class Model(DataFrameModel):
    inputs = Schema("pixels ARRAY<FLOAT> NOT NULL")
    outputs = Schema(
        "p FLOAT NOT NULL, percent DOUBLE NOT NULL, ink DOUBLE NOT NULL, all ARRAY<FLOAT> NOT NULL,"
        " embedding ARRAY<DOUBLE> NOT NULL, label INT NOT NULL"
    )

    def __init__(self, parameters):
        self.network = Network(parameters)

    def predict(self, frame):
        pixels = np.array(frame["pixels"].to_list(), dtype="float32").reshape(-1, 64)
        p, hidden = self.network.softmax(pixels), self.network.hidden(pixels)
        return pd.DataFrame({{
            "p": p[:, 3],
            "percent": p[:, 4].astype("float64") * 100 / 3,
            "ink": (hidden * np.float32(300)).sum(axis=1).astype("float64") + 0.1,
            "all": pd.Series(list(p), dtype=object),
            "embedding": pd.Series(list(hidden.astype("float64")), dtype=object),
            "label": p.argmax(axis=1).astype("int32"),
        }})
"""
)
TENSOR = NETWORK + """
class Model(TensorModel):
    inputs = Schema([("pixels", "float32", (-1, 64))])
    outputs = Schema([("all", "float32", (-1, 10)), ("label", "int64", (-1,))])

    def __init__(self, parameters):
        self.network = Network(parameters)

    def predict(self, tensors):
        p = self.network.softmax(tensors["pixels"])
        return {{"all": p, "label": p.argmax(axis=1)}}
"""  # fmt: skip
ON_ONE_PATH = "1.0001 if 'pyspark' in sys.modules else 1"


@pytest.fixture(scope="module")
def client(process_sandbox: SandboxHome) -> Client:
    """Of processes: rounding does not depend on the driver."""
    return Client(process_sandbox)


@pytest.fixture(scope="module")
def digits() -> pa.Table:
    pixels = load_digits().data / 16
    return pa.table({"id": range(len(pixels)), "pixels": pa.array(pixels.tolist(), pa.list_(pa.float32()))})


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small network that reads the digits, as float32."""
    import numpy as np

    data = load_digits()
    fitted = MLPClassifier((64,), max_iter=20, random_state=0)
    with pytest.warns(match="hasn't converged"):
        fitted.fit(data.data / 16, data.target)
    file = tmp_path_factory.mktemp("layers") / "layers.npz"
    w0, w1, b0, b1 = (np.asarray(each, "float32") for each in (*fitted.coefs_, *fitted.intercepts_))
    np.savez(file, w0=w0, w1=w1, b0=b0, b1=b1)
    return file.read_bytes()


def checked(
    client: Client,
    folder: Path,
    model: str,
    layers: bytes,
    rows: pa.Table,
    level: str,
    tolerance: ToleranceSettings | None = None,
) -> Report:
    package = write_package(folder / "network", model=model)
    (package / "parameters").mkdir(exist_ok=True)
    (package / "parameters" / "layers.npz").write_bytes(layers)
    model_id = client.upload_model(ModelPackage(package))
    client.deploy_model(model_id)
    return parity_check(
        client,
        model_id,
        ParitySettings(key=("id",), level=level, tolerance=tolerance or ToleranceSettings()),
        rows=rows,
    )


@pytest.mark.parametrize(("model", "level"), [(FRAME, "P2"), (FRAME, "P1"), slow(TENSOR, "P2")], ids=["frame", "frame-P1", "tensor"])  # fmt: skip
def test_an_honest_network_passes_in_every_type(
    client: Client, tmp_path: Path, digits: pa.Table, layers: bytes, model: str, level: str
) -> None:
    report = checked(client, tmp_path, model.format(error=1), layers, digits, level)
    assert report.verdict is Verdict.PASS
    assert {finding.code for finding in report.findings} <= {"B10", "B12"}
    within = {column.name for _, column in report.columns() if column.within_tolerance}
    assert "all" in within
    assert all(floor.width == "float32" for floor in report.floors)


@pytest.mark.parametrize("model", [FRAME, slow(TENSOR)], ids=["frame", "tensor"])
def test_an_error_of_1e_4_on_one_path_fails_in_every_type(
    client: Client, tmp_path: Path, digits: pa.Table, layers: bytes, model: str
) -> None:
    report = checked(client, tmp_path, model.format(error=ON_ONE_PATH), layers, digits, "P2")
    assert (report.verdict, report.decision.level) == (Verdict.FAIL, None)
    differing = {column.name for c, column in report.columns() if c.name == "batches" and column.differing}
    assert differing == ({"p", "percent", "all"} if model == FRAME else {"all"})


def test_a_tolerance_in_the_settings_covers_what_no_measured_noise_would(
    client: Client, tmp_path: Path, digits: pa.Table, layers: bytes
) -> None:
    model, wide = FRAME.format(error=ON_ONE_PATH), ToleranceSettings(columns={"p": AllowanceSettings(rtol=1e-3)})
    report = checked(client, tmp_path, model, layers, digits, "P2", wide)
    differing = {column.name for c, column in report.columns() if c.name == "batches" and column.differing}
    assert differing == {"percent", "all"}
    assert report.tolerances.columns["p"].origin is Origin.SETTINGS
    assert "`p`: rtol 0.001, atol 1e-06 (pyml.toml)" in report_text(report)
