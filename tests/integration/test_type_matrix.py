"""The type matrix over both real paths: Hive and Spark on one side, gateway and Unix socket on the other."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import pyarrow as pa
import pytest

from pyml.package.model_package import ModelPackage
from pyml.types.schema import Schema
from pyml_sandbox.client import Client
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.type_matrix import CASES, KINDS, KINDS_WITHOUT_NULL

ECHO = '''
from pyml import DataFrameModel, Schema

class Echo(DataFrameModel):
    """Gives back what it got, and refuses a dtype that is not the documented one."""

    inputs = Schema({schema!r})
    outputs = Schema({schema!r})
    dtypes = {dtypes!r}

    def __init__(self, parameters): pass

    def predict(self, frame):
        found = [str(dtype) for dtype in frame.dtypes]
        if found != self.dtypes:
            raise TypeError(f"{{found}} instead of {{self.dtypes}}")
        return frame
'''


def echo_package(folder: Path, *, not_null: bool) -> ModelPackage:
    dtypes = [case.dtype_not_null if not_null else case.dtype for case in CASES]
    model = ECHO.format(schema=echo_schema(not_null=not_null).ddl, dtypes=dtypes)
    return ModelPackage(write_package(folder / ("echo_not_null" if not_null else "echo_nullable"), model))


def echo_schema(*, not_null: bool) -> Schema:
    return Schema(", ".join(f"c{i} {case.ddl_type}{' NOT NULL' if not_null else ''}" for i, case in enumerate(CASES)))


def rows(kind: str, *, not_null: bool) -> pa.Table:
    """Every type side by side; shorter columns start over, so that all have the length of the longest."""
    values = [case.values(kind) for case in CASES]
    length = max(len(column) for column in values)
    schema = echo_schema(not_null=not_null).arrow
    columns = [
        pa.array(islice(cycle(column), length if column else 0), type=field.type)
        for column, field in zip(values, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


@pytest.fixture(scope="module")
def client(sandbox: SandboxHome) -> Client:
    return Client(sandbox)


@pytest.fixture(scope="module")
def pass_through(client: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, str]:
    """The ids of two deployed models that give back what they get: of NOT NULL columns, and of nullable ones."""
    deployed = {}
    for not_null in (False, True):
        deployed[not_null] = client.upload_model(echo_package(tmp_path_factory.mktemp("echo"), not_null=not_null))
        client.deploy_model(deployed[not_null])
    return deployed


HARDEST = "extremes beside null"
MATRIX = [
    *(pytest.param(False, kind, marks=[pytest.mark.each_driver] if kind == HARDEST else []) for kind in KINDS),
    *((True, kind) for kind in KINDS_WITHOUT_NULL),
]


@pytest.mark.parametrize(("not_null", "kind"), MATRIX)
def test_every_type_comes_back_exactly_online(
    client: Client, pass_through: dict[bool, str], not_null: bool, kind: str
) -> None:
    sent = rows(kind, not_null=not_null)
    assert repr(client.predict_online(pass_through[not_null], sent).to_pylist()) == repr(sent.to_pylist())


@pytest.mark.parametrize(("not_null", "kind"), MATRIX)
def test_every_type_comes_back_exactly_offline(
    client: Client, pass_through: dict[bool, str], not_null: bool, kind: str
) -> None:
    sent = rows(kind, not_null=not_null)
    numbered = sent.append_column("row", pa.array(range(sent.num_rows), pa.int64()))
    with session(client.home) as spark:
        ddl = f"{', '.join(f'{f.name} {f.ddl_type}' for f in echo_schema(not_null=not_null).fields)}, row BIGINT"
        spark.createDataFrame(numbered, schema=ddl).write.mode("overwrite").saveAsTable("matrix_rows")
        query, target = "SELECT * FROM matrix_rows", "ml.matrix"
        client.predict_offline(pass_through[not_null], query, target, key=["row"], allow_empty=True).wait()
        stored = spark.table(target).orderBy("row").drop("row").toArrow()
    assert repr(stored.cast(sent.schema).to_pylist()) == repr(sent.to_pylist())
