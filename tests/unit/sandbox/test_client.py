"""What a program says to a sandbox: how rows are cut and given back, and what a job is given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml.errors import InputError, SandboxError, UsageError
from pyml.inference.describe import Signature
from pyml.inference.worker_info import Worker
from pyml.offline.job import OfflineJob
from pyml.types.schema import Schema
from pyml_sandbox import client as client_module
from pyml_sandbox.client import Client
from pyml_sandbox.drivers import choice
from pyml_sandbox.drivers.contract import Driver, OfflineTarget
from pyml_sandbox.models import registry
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.predict.offline_jobs.job_image import check_image
from pyml_sandbox.predict.online import OnlineModel
from pyml_sandbox.workspace.events import OnEvent
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import SandboxState, save_state
from support.uploads import keep

FRAME = Signature("frame", Schema("a DOUBLE, s STRING"), Schema("p DOUBLE"))
TENSOR = Signature("tensor", Schema([("x", "float32", (-1, 2))]), Schema([("y", "float32", (-1, 2))]))


@dataclass
class FakeModel:
    """A model behind the gateway that gives back its first column, and the sizes of the requests it got."""

    signature: Signature
    sizes: list[int] = field(default_factory=list)
    timeout_s: float = 0
    max_request_mb: int = 64

    def __enter__(self) -> FakeModel:
        return self

    def __exit__(self, *error: object) -> None:
        """Close nothing."""

    def predict(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.sizes.append(batch.num_rows)
            yield pa.RecordBatch.from_arrays([batch.column(0)], schema=self.signature.outputs.arrow)


@dataclass
class Scene:
    """A client of a sandbox in which one version is uploaded."""

    home: SandboxHome
    monkeypatch: pytest.MonkeyPatch

    def model(self, signature: Signature) -> FakeModel:
        file = keep(self.home, "fare@111111111111") / "record.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "contract": signature.to_json()}))
        model = FakeModel(signature)

        def online(client: Client, version: ModelVersion, timeout_s: float = 60) -> OnlineModel:
            model.timeout_s = timeout_s
            return cast(OnlineModel, model)

        self.monkeypatch.setattr(Client, "online", online)
        return model

    @property
    def client(self) -> Client:
        return Client(self.home)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    home = SandboxHome(tmp_path)
    home.create()
    save_state(home, SandboxState("process", Ports(), None, "0.1", "4.0"))
    return Scene(home, monkeypatch)


def frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(rows, dtype="float64"), "s": pd.Series(["x"] * rows, dtype="object")})


# ---- online


def test_a_sandbox_that_was_never_up_has_no_client(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="There is no sandbox"):
        Client(SandboxHome(tmp_path))


@pytest.mark.parametrize(
    ("rows", "batch_rows", "sizes"), [(5, 2, [2, 2, 1]), (4, 2, [2, 2]), (3, 1000, [3]), (1, 1, [1]), (0, 2, [0])]
)
def test_rows_are_cut_into_requests_and_their_predictions_put_together(
    rows: int, batch_rows: int, sizes: list[int], scene: Scene
) -> None:
    model = scene.model(FRAME)
    found = scene.client.predict_online("fare", frame(rows), batch_rows=batch_rows)
    assert model.sizes == sizes
    assert found["p"].tolist() == [float(number) for number in range(rows)]


def test_a_time_out_is_of_each_request(scene: Scene) -> None:
    model = scene.model(FRAME)
    scene.client.predict_online("fare", frame(1), timeout_s=7)
    assert model.timeout_s == 7


def test_predictions_come_in_the_form_of_the_rows(scene: Scene) -> None:
    scene.model(FRAME)
    table = pa.Table.from_pandas(frame(3), FRAME.inputs.arrow, preserve_index=False)
    assert isinstance(scene.client.predict_online("fare", frame(3)), pd.DataFrame)
    assert scene.client.predict_online("fare", table).column("p").to_pylist() == [0.0, 1.0, 2.0]


def test_named_tensors_go_as_one_request_whatever_their_number(scene: Scene) -> None:
    model = scene.model(TENSOR)
    given = {"x": np.arange(10, dtype="float32").reshape(5, 2)}
    found = scene.client.predict_online("fare", given, batch_rows=2)
    assert model.sizes == [5]
    assert found["y"].tolist() == given["x"].tolist()


def test_columns_of_plain_values_are_rows_and_predictions_come_as_such(scene: Scene) -> None:
    model = scene.model(FRAME)
    assert scene.client.predict_online("fare", {"a": [0, 1, 2], "s": ["x", None, "y"]}, batch_rows=2) == {
        "p": [0.0, 1.0, 2.0]
    }
    assert model.sizes == [2, 1]


def test_a_value_that_does_not_fit_is_refused_before_anything_is_sent(scene: Scene) -> None:
    scene.model(FRAME)
    with pytest.raises(InputError, match=r"column `a` is declared DOUBLE, which cannot hold 'x' \(str\) \(row 1\)"):
        scene.client.predict_online("fare", {"a": [1, "x"], "s": ["x", "y"]})


def test_rows_from_plain_values_have_the_declared_types(scene: Scene) -> None:
    scene.model(FRAME)
    table = scene.client.rows("fare", [{"a": 1, "s": None}, {"s": "x"}])
    assert table.schema == FRAME.inputs.arrow
    assert table.to_pylist() == [{"a": 1.0, "s": None}, {"a": None, "s": "x"}]


def test_a_version_that_is_not_there_is_refused(scene: Scene) -> None:
    with pytest.raises(UsageError):
        scene.client.predict_online("none", frame(1))


# ---- offline


@dataclass
class FakeDriver:
    """A driver under which jobs run in an image, on hosts whose containers it knows."""

    images: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    builder: object = None

    def offline(self, version: ModelVersion, environment: Environment, on_event: OnEvent) -> OfflineTarget:
        self.asked.append(version.model_id)
        return OfflineTarget("127.0.0.1:15002", environment, lambda timeout_s: None)

    def image_of(self, host: str) -> str | None:
        return self.images.get(host)


PYTHON = Environment("key", "python", "/opt/pyml/model", image="sha256:own")


@pytest.fixture
def driver(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    found = FakeDriver()
    scene.model(FRAME)
    monkeypatch.setattr(choice, "driver_for", lambda home, state, environ=None: found)
    monkeypatch.setattr(registry, "prepare", lambda version, builder, on_event: PYTHON)
    return found


def test_a_job_is_given_the_package_where_its_workers_find_it(
    scene: Scene, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    monkeypatch.setattr(client_module, "Job", lambda *arguments: given.extend(arguments))
    scene.client.predict_offline("fare", "SELECT 1", "db.t", ["id"], allow_empty=True)
    client, version, target, job, _ = given
    assert cast(Client, client).home == scene.home
    assert driver.asked == [cast(ModelVersion, version).model_id] == ["fare@111111111111"]
    assert cast(OfflineTarget, target).connect == "127.0.0.1:15002"
    assert job == OfflineJob("/opt/pyml/model", FRAME.inputs, FRAME.outputs, "SELECT 1", "db.t", ("id",), True)


def test_a_client_builds_its_driver_once_and_only_when_it_is_needed(
    scene: Scene, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def driver_for(home: SandboxHome, state: SandboxState) -> FakeDriver:
        built.append(state.driver)
        return driver

    monkeypatch.setattr(choice, "driver_for", driver_for)
    client, version = scene.client, registry.find_version(scene.home, "fare")
    assert not built
    client.offline(version)
    client.offline(version)
    assert built == ["process"]


def test_inputs_that_the_caller_did_not_expect_start_nothing(scene: Scene, driver: FakeDriver) -> None:
    with pytest.raises(UsageError, match="takes a DOUBLE, s STRING, not a FLOAT"):
        scene.client.predict_offline("fare", "SELECT 1", "db.t", inputs=Schema("a FLOAT"))
    assert not driver.asked


# ---- who ran it


def workers(*hosts: str) -> Sequence[Worker]:
    return [Worker(host, "what it says of itself", "3.11") for host in hosts]


def test_a_worker_in_another_image_than_the_versions_is_an_error_whatever_it_says_of_itself() -> None:
    driver = cast(Driver, FakeDriver({"a": "sha256:own", "b": "sha256:other"}))
    check_image(driver, PYTHON, workers("a"))
    with pytest.raises(SandboxError, match="ran on b in image sha256:other, not in sha256:own"):
        check_image(driver, PYTHON, workers("a", "b"))


def test_a_worker_that_is_no_container_of_the_sandbox_is_an_error() -> None:
    with pytest.raises(SandboxError, match="ran on c in image unknown"):
        check_image(cast(Driver, FakeDriver()), PYTHON, workers("c"))


def test_where_versions_run_in_no_image_nobody_is_asked() -> None:
    check_image(cast(Driver, FakeDriver()), Environment("key", "python", "package"), workers("anywhere"))
