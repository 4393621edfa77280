"""Nothing heavy is loaded before it is needed. Which way imports run is held by import-linter, see pyproject.toml."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

HEAVY = ("pandas", "pyarrow", "pyspark", "docker", "duckdb", "grpc", "sqlglot", "aiohttp", "numpy", "pydantic")


def run_pyml(*words: str) -> str:
    return f"import sys; sys.argv = {['pyml', *words]}; import pyml_cli; pyml_cli.main()"


@pytest.mark.parametrize(
    "statement",
    [
        "import pyml", "import pyml_sandbox", "import pyml_fixtures.plugin", run_pyml("--help"), run_pyml("--version"), run_pyml("explain", "B1"),
        # What `pyml dev up` imports besides gRPC, which its probes use.
        "import pyml_cli.commands.dev.dev_views, pyml_sandbox.drivers.process.driver, pyml_sandbox.drivers.container.driver",
    ],
)  # fmt: skip
def test_nothing_heavy_is_loaded(statement: str) -> None:
    assert loaded(statement, f"set({HEAVY}) & sys.modules.keys()") == []


@pytest.mark.parametrize(
    ("words", "modules"),
    [
        (["--version"], []),
        (["explain", "B1"], ["commands", "commands.explain_command"]),
        (["console", "--help"], ["console", "console.console_command"]),
        (["dev", "--help"], ["commands", "commands.dev", *(f"commands.dev.{name}" for name in ("dev_commands", "service_commands", "sql_command", "table_commands"))]),
    ],
)  # fmt: skip
def test_a_command_line_imports_the_command_that_it_names(words: list[str], modules: list[str]) -> None:
    inside = "{name.removeprefix('pyml_cli.') for name in sys.modules if name.startswith(('pyml_cli.co')) and name != 'pyml_cli.completion'}"
    assert loaded(run_pyml(*words), inside) == modules


def loaded(statement: str, names: str) -> list[str]:
    """What an expression gives, in order, as a process ends that runs a statement."""
    program = f"import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted({names}))))\n{statement}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


PREDICT_ONLINE = """
import sys
from pathlib import Path
from pyml.inference.describe import Signature
from pyml.oip import codec
from pyml.types.schema import Schema
from pyml_cli.commands.predict_commands import PredictionsView
from pyml_sandbox.client import Client
from pyml_sandbox.models import registry
from pyml_sandbox.predict.file_formats.file_rows import read_rows
from pyml_sandbox.predict.online import OnlineModel
from pyml_sandbox.predict.user_rows import batch_of, like

schema = Schema("x DOUBLE, n BIGINT NOT NULL, s STRING, b BOOLEAN, d DATE, t TIMESTAMP, p DECIMAL(10, 2)")

class Echo:
    inputs, is_tensor = schema, False
    # Without the timestamp: pyarrow imports pandas to make one of Python, which only a model that predicts times has.
    predict_arrow = staticmethod(lambda batch: batch.drop_columns(["t"]))

for file in map(Path, sys.argv[1:]):
    rows = read_rows(file, schema)
    request = codec.arrow_request("m", "1", batch_of(rows, Signature("frame", schema, schema)))
    response = codec.read_arrow_response(codec.answer(request, Echo()))
    print(PredictionsView(like(rows, rows.from_batches([response]), Signature("frame", schema, schema))).text)
print(sorted({"pandas", "pyspark", "duckdb", "docker"} & sys.modules.keys()))
"""


def test_predicting_a_file_online_loads_neither_pandas_nor_spark(tmp_path: Path) -> None:
    row = {"x": 3.2, "n": 8, "s": "a", "b": True, "d": "2024-02-29", "t": "2024-02-29T12:30:00Z", "p": 1.5}
    (tmp_path / "rows.jsonl").write_text(f'{json.dumps(row)}\n{{"n": 9}}\n')
    (tmp_path / "rows.csv").write_text(f"{','.join(row)}\n{','.join(map(str, row.values()))}\n,9,,,,,\n")
    pq.write_table(pa.table({"n": [8], "x": [1.0], "s": ["a"], **dict.fromkeys("bdtp", pa.nulls(1))}), tmp_path / "rows.parquet")  # fmt: skip
    files = [str(file) for file in sorted(tmp_path.iterdir())]
    done = subprocess.run([sys.executable, "-c", PREDICT_ONLINE, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_harness_loads_no_grpc() -> None:
    program = "import sys, pyml.harness.session_messages, pyml.harness.answering; print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
