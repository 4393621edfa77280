"""A package for a model folder of MLflow, which is read without MLflow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from pyml.errors import InputError, PymlError, SchemaError, UsageError
from pyml.types.schema import Schema
from pyml_sandbox.models.sources.mlflow_folder import example_rows
from pyml_sandbox.models.sources.mlflow_package import mlflow_package
from pyml_sandbox.models.sources.mlflow_signature import inputs_of, outputs_of
from pyml_sandbox.models.sources.package_draft import write_draft

LABELS = [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]
AMOUNT = [{"type": "double", "name": "the amount", "required": False}, {"type": "long", "name": "n", "required": True}]
PIXELS = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]
SCORES = [{"type": "double", "name": "score", "required": True}, {"type": "string", "name": "label"}]


def write(folder: Path, inputs: object = None, outputs: object = None, example: object = None, **pyfunc: str) -> Path:
    """A folder as MLflow 3 writes it, without the model itself."""
    folder.mkdir()
    signature = {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs) if outputs else None, "params": None}
    facts = {
        "flavors": {"python_function": {"loader_module": "mlflow.sklearn", **pyfunc}},
        "mlflow_version": "3.17.2",
        "signature": signature if inputs else None,
        "saved_input_example_info": {"artifact_path": "input_example.json"} if example else None,
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(facts))
    (folder / "requirements.txt").write_text("mlflow==3.17.2\nscikit-learn==1.9.1\n")
    if example:
        (folder / "input_example.json").write_text(json.dumps(example))
    return folder


@pytest.mark.parametrize(
    ("spec", "ddl"),
    [
        ({"type": "integer", "name": "a", "required": True}, "a INT NOT NULL"),
        ({"type": "long", "name": "a", "required": False}, "a BIGINT"),
        ({"type": "long", "name": "a", "optional": True}, "a BIGINT"),
        ({"type": "float", "name": "a b", "required": False}, "`a b` FLOAT"),
        ({"type": "boolean", "name": "a"}, "a BOOLEAN NOT NULL"),
        ({"type": "binary", "name": "a"}, "a BINARY NOT NULL"),
        ({"type": "datetime", "name": "a"}, "a TIMESTAMP_NTZ NOT NULL"),
        ({"type": "double"}, "column DOUBLE NOT NULL"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "string"}}, "name": "a"},
         "a ARRAY<ARRAY<STRING>> NOT NULL"),
        ({"type": "map", "values": {"type": "double"}, "name": "a"}, "a MAP<STRING, DOUBLE> NOT NULL"),
        ({"type": "object", "properties": {"b c": {"type": "long", "required": True}}, "name": "a"},
         "a STRUCT<`b c`: BIGINT> NOT NULL"),
    ],
)  # fmt: skip
def test_each_column_of_a_signature_is_declared(spec: Mapping[str, object], ddl: str) -> None:
    assert inputs_of([spec]).ddl == ddl


@pytest.mark.parametrize(
    ("spec", "ddl"),
    [
        (LABELS[0], "prediction BIGINT NOT NULL"),
        (PIXELS[0], "prediction ARRAY<FLOAT> NOT NULL"),
        ({"type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1]}}, "prediction STRING NOT NULL"),
        ({"type": "string", "name": "label", "required": False}, "label STRING"),
        ({"type": "long"}, "prediction BIGINT NOT NULL"),
    ],
)
def test_each_output_of_a_signature_is_declared(spec: Mapping[str, object], ddl: str) -> None:
    assert [f"{output.name} {output.ddl}" for output in outputs_of([spec])] == [ddl]


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "any", "name": "odd"},
        {"type": "sparkml_vector", "name": "odd"},
        {"type": "array", "name": "odd"},
        {"type": "tensor", "name": "odd", "tensor-spec": {"dtype": "uint64", "shape": [-1]}},
        {"type": "tensor", "name": "odd", "tensor-spec": {"dtype": "float32", "shape": [8, 2]}},
        {"type": "tensor", "name": "odd"},
    ],
)
def test_a_type_that_hive_lacks_is_refused_by_its_name(spec: Mapping[str, object]) -> None:
    with pytest.raises(InputError, match="`odd`"):
        inputs_of([spec])


@pytest.mark.parametrize(
    ("example", "rows"),
    [
        ({"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ({"dataframe_split": {"columns": ["a"], "data": [[1]]}}, [{"a": 1}]),
        ({"dataframe_records": [{"a": 1}]}, [{"a": 1}]),
        ({"inputs": {"a": [1, 2]}}, [{"a": 1}, {"a": 2}]),
        ({"data": [[1, 2]]}, [{"a": 1}]),
        ([[1, 2], [3, 4]], [{"a": [1, 2]}, {"a": [3, 4]}]),
        ({"a": "x"}, [{"a": "x"}]),
        ("text", []),
        (None, []),
    ],
)
def test_an_input_example_gives_its_rows(example: object, rows: Sequence[object]) -> None:
    assert example_rows(example, ["a"]) == rows


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        (AMOUNT, LABELS, ['frame.astype({"the amount": "float64"})', '.reshape(-1).astype("int64")']),
        (AMOUNT, SCORES, ['found.columns = ["score", "label"]', 'found.astype({"score": "float64"})']),
        (PIXELS, LABELS, ['tensors["input"]', 'np.asarray(found, dtype="int64").reshape(-1)']),
        (PIXELS, PIXELS, ['np.asarray(found, dtype="float32").reshape(len(found), 2)']),
    ],
)
def test_predict_fits_what_mlflow_takes_and_returns(
    tmp_path: Path, inputs: object, outputs: object, expected: Sequence[str]
) -> None:
    model = mlflow_package(write(tmp_path / "model", inputs, outputs)).model
    compile(model, "model.py", "exec")
    assert [part for part in expected if part not in model] == []


def test_the_folder_its_packages_and_its_example_go_into_the_package(tmp_path: Path) -> None:
    example = {"columns": ["the amount", "n"], "data": [[float("nan"), 1]]}
    folder = write(tmp_path / "model", AMOUNT, LABELS, example, code="code", python_version="3.1.0")
    draft = mlflow_package(folder)
    files = [str(path) for path in write_draft(draft, tmp_path / "wine")]
    assert "parameters/mlflow/MLmodel" in files
    assert draft.requirements == ("mlflow-skinny==3.17.2", "scikit-learn==1.9.1", "pandas")
    assert json.loads((tmp_path / "wine/rows.jsonl").read_text()) == {"the amount": None, "n": 1}
    said = "\n".join(draft.notes)
    assert "parameters/mlflow/code" in said
    assert "3.1.0" in said


def test_an_input_example_gives_the_inputs_where_there_is_no_signature(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", example={"columns": ["a", "b"], "data": [[1, "x"]]})
    draft = mlflow_package(folder, "fare DOUBLE")
    assert 'inputs = Schema("a BIGINT, b STRING")' in draft.model
    assert Schema("fare DOUBLE").ddl in draft.model


def broken(folder: Path, text: str) -> Path:
    (folder / "MLmodel").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("flavors: [", InputError, "MLmodel cannot be read"),
        ("text", InputError, "holds no keys"),
        ("flavors: {spark: {}}", UsageError, "no flavour python_function"),
        ("flavors: {python_function: {}}", UsageError, "infer_signature"),
        ("flavors: {python_function: {}}\nsignature: {inputs: '['}", InputError, "signature, inputs"),
        ("flavors: {python_function: {}}\nsignature: {inputs: '1'}", InputError, "a list of columns"),
    ],
)
def test_a_folder_that_does_not_say_its_inputs_is_refused(
    tmp_path: Path, text: str, error: type[PymlError], said: str
) -> None:
    with pytest.raises(error, match=said):
        mlflow_package(broken(tmp_path, text))


def test_a_folder_without_mlmodel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file MLmodel"):
        mlflow_package(tmp_path)


def test_columns_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    specs = [{"type": "long", "name": "a"}, {"type": "long", "name": "A"}]
    with pytest.raises(SchemaError):
        mlflow_package(write(tmp_path / "model", specs, LABELS))
