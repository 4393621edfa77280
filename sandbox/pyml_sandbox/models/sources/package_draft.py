"""A model package before it is written: its files as text, and what was assumed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.types.field import KIND_BY_NAME, TENSOR_KINDS, Field
from pyml_sandbox.models.template import name_in_new

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.types.schema import Schema

LINE_LENGTH = 100
TEST = """from pyml_fixtures import assert_parity


def test_offline_and_online_agree(pyml_model):
    assert_parity(pyml_model, level="P3")
"""


@dataclass(frozen=True)
class PackageDraft:
    """A new model package.

    Attributes:
        model: the source of `model.py`.
        requirements: the lines of `requirements.txt`.
        rows: the rows of its parity check: a table for a Parquet file, or a string of JSON Lines.
        notes: what was assumed, one sentence each.
        copied: folders to copy, by their names below `parameters`.
    """

    model: str
    requirements: tuple[str, ...]
    rows: pa.Table | str
    notes: tuple[str, ...] = ()
    copied: Mapping[str, Path] = field(default_factory=dict)


def write_draft(draft: PackageDraft, folder: Path) -> list[Path]:
    """Write a package.

    Args:
        draft: what to write.
        folder: the new package; its last part becomes the model's name.

    Returns:
        The files that were written, relative to the folder.

    Raises:
        UsageError: the folder exists and is not empty, or its name cannot be the name of a model.
    """
    name = name_in_new(folder)
    (folder / "parameters").mkdir(parents=True)
    for below, source in draft.copied.items():
        shutil.copytree(source, folder / "parameters" / below, ignore=shutil.ignore_patterns("__pycache__"))
    rows = _write_rows(draft.rows, folder)
    texts = {
        "model.py": draft.model,
        "requirements.txt": "".join(f"{line}\n" for line in draft.requirements),
        "packages.txt": "",
        "pyml.toml": f'name = "{name}"\n\n[parity]\n# Rows to predict on both paths.\nrows = "{rows}"\n',
        "tests/test_parity.py": TEST,
    }
    for path, text in texts.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _write_rows(rows: pa.Table | str, folder: Path) -> str:
    import pyarrow.parquet as pq

    if isinstance(rows, str):
        (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
        return "rows.jsonl"
    pq.write_table(rows, folder / "rows.parquet")
    return "rows.parquet"


def declaration(schema: Schema) -> str:
    """The Python expression that gives an equal schema, as a line of a class body holds it."""
    if schema.is_tensor:
        return f"Schema([{', '.join(map(_tensor, schema.fields))}])"
    line = f"Schema({_string(schema.ddl)})"
    if len(line) <= LINE_LENGTH:
        return line
    *before, last = map(str, schema.fields)
    parts = [*(f"{each}, " for each in before), last]
    return "Schema(\n" + "".join(f"        {_string(part)}\n" for part in parts) + "    )"


def _tensor(field: Field) -> str:
    kind = KIND_BY_NAME[field.tensor.datatype] if field.tensor else TENSOR_KINDS[-1]
    shape = field.tensor.shape if field.tensor else (-1,)
    return f"({_string(field.name)}, {_string(kind.dtype)}, {shape!r})"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
