"""A package made from a file or a table: what `pyml init` writes is uploaded and predicts the rows it came from, at once."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pyml.types.schema import Schema
from pyml_cli.main import run
from pyml_sandbox.hive_tables.load import load_file
from pyml_sandbox.workspace.home import SandboxHome
from support.slow_cases import slow

CSV = "id,body mass,day,tags,select\n1,3750.5,2013-01-01,a,x\n2,,2013-02-01,,y\n"


@pytest.mark.parametrize("source", [slow("parquet"), "table"])
def test_what_init_writes_is_uploaded_and_predicts_its_own_rows(
    process_sandbox: SandboxHome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: str,
) -> None:
    monkeypatch.setenv("PYML_HOME", str(process_sandbox.root))
    monkeypatch.setenv("PYML_SANDBOX", process_sandbox.name)
    (tmp_path / "rows.csv").write_text(CSV)
    loaded = load_file(process_sandbox, tmp_path / "rows.csv", "loaded.source", Schema("day DATE"), replace=True)
    package, rows = tmp_path / f"from_{source}", tmp_path / "rows.parquet"
    pq.write_table(loaded.content.rows, rows)
    given = ["--from-parquet", str(rows)] if source == "parquet" else ["--from-table", "loaded.source"]
    assert run(["init", str(package), *given, "--exclude", "id", "--output", "kind STRING"]) == 0
    capsys.readouterr()
    assert run(["upload", str(package), "--json"]) == 0, capsys.readouterr()
    model_id = json.loads(capsys.readouterr().out.splitlines()[-1])["model_id"]
    assert run(["deploy", model_id]) == 0
    capsys.readouterr()
    assert run(["predict", "online", model_id, "--rows", str(package / "rows.parquet")]) == 0
    assert capsys.readouterr().out == '{"kind": ""}\n' * 2
    query = "SELECT id, `body mass`, day, tags, `select` FROM loaded.source"
    command = ["predict", "offline", model_id, "--sql", query, "--table", f"loaded.predicted_{source}", "--json"]
    assert run(command) == 0, capsys.readouterr()
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows"] == 2
