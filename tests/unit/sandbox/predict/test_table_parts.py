"""Which files of a table are read at once, and the Parquet file that the parts are written to."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml_sandbox.predict.table_parts import PartsFile, _parts


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ([], []),
        ([3], [[0]]),
        ([3, 3, 3], [[0, 1, 2]]),
        ([3, 3, 5], [[0, 1], [2]]),
        ([12, 3, 0, 8], [[0], [1, 2], [3]]),
        ([0, 0], [[0, 1]]),
        ([10, 10], [[0], [1]]),
    ],
)
def test_files_are_read_together_while_their_rows_are_one_part(rows: list[int], parts: list[list[int]]) -> None:
    found = _parts({f"file:/{at}": count for at, count in enumerate(rows)}, 10)
    assert found == [[f"file:/{at}" for at in part] for part in parts]


def test_tables_are_written_one_after_the_other(tmp_path: Path) -> None:
    with PartsFile(tmp_path / "p.parquet", ["a"]) as written:
        for start in (0, 3):
            written.write(pa.table({"b": ["x"] * 3, "a": range(start, start + 3)}))
    assert pq.read_table(tmp_path / "p.parquet").to_pydict() == {"a": list(range(6))}


def test_a_file_that_cannot_be_finished_is_removed(tmp_path: Path) -> None:
    file = PartsFile(tmp_path / "p.parquet")
    file.write(pa.table({"a": [1]}))
    with pytest.raises(ValueError, match="schema"), file:
        file.write(pa.table({"a": ["x"]}))
    assert not list(tmp_path.iterdir())
