"""A new package for a model folder of MLflow: the folder as parameters, and a `model.py` that calls it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import InputError, Problem, UsageError
from pyml.types.dtypes import FIXED_WIDTH, dtype_of
from pyml.types.field import Field
from pyml.types.schema import Schema
from pyml_sandbox.models.sources.arrow_columns import carried
from pyml_sandbox.models.sources.mlflow_folder import MlflowFolder, example_rows, read_mlflow
from pyml_sandbox.models.sources.mlflow_signature import Output, inputs_of, outputs_of
from pyml_sandbox.models.sources.package_draft import PackageDraft, declaration

if TYPE_CHECKING:
    import pyarrow as pa

BELOW_PARAMETERS = "mlflow"
ASSUMED_OUTPUT = Output("prediction", "", "DOUBLE NOT NULL", "float64")
FLOATS = {"FLOAT": "float32", "DOUBLE": "float64"}


def mlflow_package(folder: Path, outputs: str = "") -> PackageDraft:
    """The package of a model that MLflow has written.

    Args:
        folder: holds the file `MLmodel`.
        outputs: the outputs in Spark DDL, in the order in which the model returns them; empty for those of the
            signature.

    Raises:
        UsageError: it is not a model folder of MLflow, or has neither a signature nor an input example.
        InputError: a file of it cannot be read, or the signature has a type that Hive lacks.
        SchemaError: two inputs have the same name.
    """
    found = read_mlflow(folder)
    inputs, notes = _inputs(found)
    given = _given(found, outputs)
    requirements, about_packages = _requirements(found)
    rows, about_rows = _rows(found, inputs)
    if not found.outputs and not outputs:
        about_packages += ("the signature has no outputs: `prediction DOUBLE NOT NULL` is assumed; see --output",)
    model = _tensor_model(inputs, given) if inputs.is_tensor else _frame_model(inputs, given)
    notes += (*about_packages, *_about_python(found), about_rows)
    return PackageDraft(model, requirements, rows, notes, {BELOW_PARAMETERS: folder})


# --- inputs and outputs


def _inputs(found: MlflowFolder) -> tuple[Schema, tuple[str, ...]]:
    if found.inputs:
        return inputs_of(found.inputs), ()
    rows = example_rows(found.example, ["input"])
    if not rows:
        raise UsageError(
            f"{found.folder} has neither a signature nor an input example, so its inputs are not known",
            "save it again with signature=mlflow.models.infer_signature(X, model.predict(X))",
        )
    note = "there is no signature: the inputs are guessed from the input example; check their types in model.py"
    return Schema(", ".join(_guessed(name, [row.get(name) for row in rows]) for name in rows[0])), (note,)


def _guessed(name: str, values: Sequence[object]) -> str:
    import pyarrow as pa

    from pyml.types.spark_types import ddl_type_of, quoted

    try:
        kind = pa.array(values, from_pandas=True).type
        ddl_type = ddl_type_of(carried(kind, lambda _: None))
    except (pa.ArrowException, NotImplementedError) as error:
        problem = Problem(f"`{name}`: {error}", "save the model with a signature: mlflow.models.infer_signature")
        raise InputError("the input example has a column without a type", [problem]) from error
    return f"{quoted(name)} {ddl_type}"


def _given(found: MlflowFolder, outputs: str) -> tuple[Output, ...]:
    if not outputs:
        return outputs_of(found.outputs) or (ASSUMED_OUTPUT,)
    fields = Schema(outputs).fields
    return tuple(
        Output(field.name, field.name, f"{field.ddl_type}{'' if field.nullable else ' NOT NULL'}") for field in fields
    )


def _fields(outputs: Sequence[Output]) -> tuple[Field, ...]:
    from pyml.types.spark_types import quoted

    return Schema(", ".join(f"{quoted(output.name)} {output.ddl}" for output in outputs)).fields


# --- model.py

_HEAD = '''"""A model that MLflow has written: the folder parameters/{below}."""

import mlflow.pyfunc
{imports}

from pyml import {names}


class Model({base}):
    inputs = {inputs}
    outputs = {outputs}

    def __init__(self, parameters):
        self.model = mlflow.pyfunc.load_model(str(parameters / "{below}"))

'''


def _head(base: str, imports: str, inputs: Schema, outputs: Schema) -> str:
    declared = {"inputs": declaration(inputs), "outputs": declaration(outputs)}
    names = ", ".join(sorted([base, "Schema"]))
    return _HEAD.format(below=BELOW_PARAMETERS, base=base, names=names, imports=imports, **declared)


def _frame_model(inputs: Schema, outputs: Sequence[Output]) -> str:
    schema = Schema(", ".join(map(str, _fields(outputs))))
    floats = {
        field.name: FLOATS[field.ddl_type] for field in inputs.fields if field.nullable and field.ddl_type in FLOATS
    }
    fit = f"        frame = frame.astype({_dict(floats)})  # MLflow has a missing number as NaN\n" if floats else ""
    tensors = any(output.dtype for output in outputs)
    imports = "import numpy as np\nimport pandas as pd" if tensors else "import pandas as pd"
    body = _from_tensors(outputs) if tensors else _from_columns(schema)
    return f"{_head('DataFrameModel', imports, inputs, schema)}    def predict(self, frame):\n{fit}{body}"


def _from_columns(outputs: Schema) -> str:
    dtypes = {field.name: dtype_of(field) for field in outputs.fields if field.ddl_type in FIXED_WIDTH}
    cast = f".astype({_dict(dtypes)})" if dtypes else ""
    return f"""        found = pd.DataFrame(self.model.predict(frame))
        found.columns = {json.dumps(outputs.names, ensure_ascii=False)}
        return found{cast}
"""


def _from_tensors(outputs: Sequence[Output]) -> str:
    columns = "".join(
        f"                {_string(output.name)}: list(np.asarray(found{_at(output)}){_elements(output)}),\n"
        if len(output.shape) > 1 or output.dtype in ("str", "object")
        else f"                {_string(output.name)}: np.asarray(found{_at(output)}){_elements(output)},\n"
        for output in outputs
    )
    found = "        found = self.model.predict(frame)\n        return pd.DataFrame(\n"
    return f"{found}            {{\n{columns}            }}\n        )\n"


def _elements(output: Output) -> str:
    """How a tensor is fitted: a column of shape (rows, 1) becomes (rows,), and each element its declared dtype."""
    flat = ".reshape(-1)" if len(output.shape) == 1 else ""
    strings = output.dtype in ("str", "object", "")
    return flat + ("" if strings else f'.astype("{FIXED_WIDTH.get(_element(output), output.dtype)}")')


def _element(output: Output) -> str:
    return output.ddl.removesuffix(" NOT NULL").replace("ARRAY<", "").rstrip(">")


def _tensor_model(inputs: Schema, outputs: Sequence[Output]) -> str:
    given = 'tensors["input"]' if inputs.names == ("input",) else "tensors"
    tensors = [(output.name, _tensor_dtype(output), output.shape) for output in outputs]
    lines = "".join(
        f'            {_string(name)}: np.asarray(found{_at(output)}, dtype="{dtype}").reshape({_lengths(shape)}),\n'
        for (name, dtype, shape), output in zip(tensors, outputs, strict=True)
    )
    head = _head("TensorModel", "import numpy as np", inputs, Schema(tensors))
    return (
        f"{head}    def predict(self, tensors):\n        found = self.model.predict({given})\n"
        f"        return {{\n{lines}        }}\n"
    )


def _tensor_dtype(output: Output) -> str:
    dtype = output.dtype or FIXED_WIDTH.get(_element(output), "")
    if not dtype or dtype in ("str", "object"):
        problem = Problem(
            f"output `{output.name}` is {output.ddl}, which no tensor holds",
            "log the model with a signature of columns, or with numbers as outputs",
        )
        raise InputError("a model of tensors returns tensors", [problem])
    return dtype


def _lengths(shape: Sequence[int]) -> str:
    return "len(found), " + ", ".join(map(str, shape[1:])) if shape[1:].count(-1) == 0 and shape[1:] else "-1"


def _at(output: Output) -> str:
    return f"[{_string(output.key)}]" if output.key else ""


def _dict(dtypes: dict[str, str]) -> str:
    return "{" + ", ".join(f"{_string(name)}: {_string(dtype)}" for name, dtype in dtypes.items()) + "}"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# --- what surrounds it


def _requirements(found: MlflowFolder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The packages, with `mlflow-skinny` for `mlflow`: enough to load a model, with far fewer packages."""
    version = f"=={found.mlflow_version}" if found.mlflow_version else ""
    if not found.requirements:
        note = "there is no requirements.txt: add the library of the model to requirements.txt, in the version it had"
        return (f"mlflow-skinny{version}", "pandas"), (note,)
    lines = [f"mlflow-skinny{line[len('mlflow') :]}" if _is_mlflow(line) else line for line in found.requirements]
    names = [_name(line) for line in lines]
    lines += [f"mlflow-skinny{version}"] if not {"mlflow", "mlflow-skinny"} & set(names) else []
    lines += ["pandas"] if "pandas" not in names else []
    return tuple(lines), ("requirements.txt has mlflow-skinny in place of mlflow, which is enough to load a model",)


def _is_mlflow(line: str) -> bool:
    return line == "mlflow" or line.startswith(("mlflow=", "mlflow>", "mlflow<", "mlflow~", "mlflow!", "mlflow "))


def _name(line: str) -> str:
    for mark in "=<>~![; ":
        line = line.partition(mark)[0]
    return line.lower()


def _about_python(found: MlflowFolder) -> tuple[str, ...]:
    notes = []
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if found.python_version and found.python_version.split(".")[:2] != ours.split("."):
        notes.append(
            f"the model was written by Python {found.python_version}, and pyml runs {ours}: a pickle may not load"
        )
    if found.code:
        notes.append(
            f"MLflow puts the code of parameters/{BELOW_PARAMETERS}/{found.code} on the path when it loads the model"
        )
    if found.has_params:
        notes.append("the signature has params, which have no counterpart: set them in predict")
    return tuple(notes)


def _rows(found: MlflowFolder, inputs: Schema) -> tuple[pa.Table | str, str]:
    """The rows of the input example, as JSON Lines; without one a row that is made up from the types."""
    import pyarrow as pa

    from pyml.inference.ordinary_rows import ordinary_row

    rows = example_rows(found.example, inputs.names)
    if rows and all(set(row) & set(inputs.names) for row in rows):
        lines = (json.dumps({field.name: _value(row, field) for field in inputs.fields}) for row in rows)
        return "".join(f"{line}\n" for line in lines), f"the parity check predicts the input example: {len(rows)} rows"
    made_up = ordinary_row(inputs)
    made_of = pa.Table.from_batches([made_up] if made_up is not None else [], schema=inputs.arrow)
    return (
        made_of,
        "there is no input example: the parity check predicts one made-up row; put real rows into rows.parquet",
    )


def _value(row: dict[str, object], field: Field) -> object:
    value = row.get(field.name)
    is_missing = field.nullable and isinstance(value, float) and math.isnan(value)
    return None if is_missing else value
