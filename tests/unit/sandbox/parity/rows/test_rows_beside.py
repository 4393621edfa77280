"""The rows of a check in a file beside `pyml.toml`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.errors import InputError, UsageError
from pyml.inference.describe import Signature
from pyml.package.settings import ParitySettings
from pyml.types.schema import Schema
from pyml_sandbox.parity.rows.rows_beside import rows_beside

SIGNATURE = Signature("frame", Schema("distance DOUBLE NOT NULL"), Schema("fare DOUBLE NOT NULL"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"trip": ["a", "b"], "distance": [1, 2], "label": [0, 1]}), tmp_path / "rows.parquet")
    (tmp_path / "rows.csv").write_text("trip,distance\na,1\nb,2.5\n")
    (tmp_path / "null.csv").write_text("trip,distance\na,\n")
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "columns"),
    [
        (ParitySettings(rows="rows.parquet"), {"distance": [1.0, 2.0]}),
        (ParitySettings(rows="rows.parquet", key=("trip",)), {"trip": ["a", "b"], "distance": [1.0, 2.0]}),
        (ParitySettings(rows="rows.parquet", key=("distance",)), {"distance": [1.0, 2.0]}),
        (ParitySettings(rows="rows.csv"), {"distance": [1.0, 2.5]}),
    ],
)
def test_rows_are_read_in_the_declared_types_with_their_key(
    folder: Path, settings: ParitySettings, columns: dict[str, list[object]]
) -> None:
    rows = rows_beside(settings, folder, SIGNATURE)
    assert rows is not None
    assert rows.to_pydict() == columns


def test_settings_without_a_file_have_no_rows(folder: Path) -> None:
    assert rows_beside(ParitySettings(sql="SELECT 1"), folder, SIGNATURE) is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (ParitySettings(rows="gone.parquet"), "there is no file"),
        (ParitySettings(rows="rows.parquet", key=("id",)), "has no key column id"),
        (ParitySettings(rows="rows.csv", key=("trip",)), "no types for the key columns trip"),
    ],
)
def test_a_file_that_cannot_give_the_rows_is_refused(folder: Path, settings: ParitySettings, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rows_beside(settings, folder, SIGNATURE)


def test_a_stored_version_has_no_file_beside_it() -> None:
    with pytest.raises(UsageError, match="no part of an uploaded version"):
        rows_beside(ParitySettings(rows="rows.parquet"), None, SIGNATURE)


def test_a_null_in_a_column_that_is_not_null_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="distance"):
        rows_beside(ParitySettings(rows="null.csv"), folder, SIGNATURE)
