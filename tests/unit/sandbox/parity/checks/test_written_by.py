"""Which version of scikit-learn wrote a file of parameters, whatever the file's size."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import sklearn
from sklearn.linear_model import LinearRegression

from pyml_sandbox.parity.checks.written_by import sklearn_versions_in

SIZE_BYTES = 64 * 2**20


def test_the_version_is_found_in_pickles_of_every_protocol(tmp_path: Path) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "model").write_bytes(pickle.dumps(LinearRegression(), protocol))
        assert sklearn_versions_in(tmp_path / "model") == [sklearn.__version__]


def test_files_without_an_estimator_name_none(tmp_path: Path) -> None:
    for content in (b"", b"{}", pickle.dumps([1])):
        (tmp_path / "file").write_bytes(content)
        assert sklearn_versions_in(tmp_path / "file") == []


def test_a_large_file_is_not_read_into_memory(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    with file.open("wb") as opened:
        opened.seek(SIZE_BYTES)
        opened.write(b"_sklearn_version\x94\x8c\x051.2.3")
    tracemalloc.start()
    try:
        assert sklearn_versions_in(file) == ["1.2.3"]
        assert tracemalloc.get_traced_memory()[1] < SIZE_BYTES / 8
    finally:
        tracemalloc.stop()
