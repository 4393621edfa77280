"""A package for the columns of a file: it runs as it is written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.errors import InputError, SchemaError, UsageError
from pyml.inference.describe import Signature
from pyml.inference.runner import Runner
from pyml.package.model_package import ModelPackage
from pyml_sandbox.models.sources.column_package import column_package, first_rows
from pyml_sandbox.models.sources.package_draft import write_draft
from pyml_sandbox.parity.rows.rows_beside import rows_beside
from pyml_sandbox.predict.user_rows import batch_of

WIDE = {f"column number {number}": [1.5, None] for number in range(500)}
ROWS = {
    "plain": {"trip": ["a", "b"], "distance": [1.0, 2.5]},
    "nested": {"tags": [["a"], None], "of": [{"a": 1, "b c": "x"}, None], '"""': [1, 2], "\\": [1, 2]},
    "wide": WIDE,
}
EVERY_TYPE = (
    "a INT NOT NULL, b FLOAT, c BOOLEAN, d DECIMAL(9, 2), e STRING, f BINARY, g DATE, h TIMESTAMP, i TIMESTAMP_NTZ, "
    "j ARRAY<INT>, k MAP<STRING, INT>, l STRUCT<a: INT>, `m n` DOUBLE NOT NULL"
)


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("outputs", ["", EVERY_TYPE], ids=["default", "every type"])
def test_it_predicts_the_rows_of_its_own_parity_check(
    tmp_path: Path, rows: dict[str, list[object]], outputs: str
) -> None:
    pq.write_table(pa.table(rows), tmp_path / "trips.parquet")
    draft = column_package(first_rows(tmp_path / "trips.parquet"), (), outputs, "trips.parquet")
    write_draft(draft, tmp_path / "fares")
    package = ModelPackage(tmp_path / "fares")
    assert package.problems() == []
    runner = Runner.load(package.folder)
    signature = Signature.of(runner)
    given = rows_beside(package.settings.parity, package.folder, signature)
    assert given is not None
    assert given.column_names == list(rows)
    assert runner.predict_arrow(batch_of(given, signature)).num_rows == 2


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        write_draft(column_package(pa.table({"a": [1]}), (), "", "a"), tmp_path)


def test_a_file_that_gives_no_rows_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int8())}), tmp_path / "empty.parquet")
    (tmp_path / "damaged.parquet").write_text("PAR1")
    with pytest.raises(UsageError, match="no rows"):
        first_rows(tmp_path / "empty.parquet")
    with pytest.raises(UsageError, match="no file"):
        first_rows(tmp_path / "gone.parquet")
    with pytest.raises(InputError, match="cannot be read"):
        first_rows(tmp_path / "damaged.parquet")


def test_outputs_that_are_not_ddl_are_refused() -> None:
    with pytest.raises(SchemaError):
        column_package(pa.table({"a": [1]}), (), "fare", "a")
