"""Who predicted, said once in each batch."""

from __future__ import annotations

import platform
import socket
from pathlib import Path

import pyarrow as pa
import pytest

from pyml.inference.worker_info import IMAGE_VARIABLE, Worker, this_worker
from pyml.offline.batches import WORKER_COLUMN, predict_batches
from pyml.pinned_environment import PINNED
from support.packages import write_package


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    this_worker.cache_clear()


def test_a_worker_describes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IMAGE_VARIABLE, "sha256:aa")
    found = this_worker()
    assert (found.host, found.image, found.python) == (socket.gethostname(), "sha256:aa", platform.python_version())
    assert {"pandas", "pyarrow"} <= set(found.packages)


def test_a_worker_tells_its_pinned_variables_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PINNED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("SECRET", "x")
    assert this_worker().variables == {"TZ": "Asia/Kathmandu"}


def test_outside_a_container_there_is_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(IMAGE_VARIABLE, raising=False)
    assert this_worker().image is None


def test_what_it_writes_is_read_back() -> None:
    assert Worker.from_json(this_worker().to_json()) == this_worker()


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_each_batch_says_it_in_its_first_row_alone(tmp_path: Path, rows: int) -> None:
    batch = pa.record_batch({"id": pa.array(range(rows), pa.int64()), "a": pa.array([1.5] * rows, pa.float64())})
    (predicted,) = predict_batches([batch], str(write_package(tmp_path / "echo")), keys=1)
    assert predicted.schema.names == ["id", "a", WORKER_COLUMN]
    assert predicted[WORKER_COLUMN].to_pylist() == ([this_worker().to_json()] + [None] * (rows - 1))[:rows]
