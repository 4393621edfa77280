"""A model folder of MLflow: what its `MLmodel` says, read without MLflow.

The format is described in https://mlflow.org/docs/latest/ml/model/ (files `MLmodel`, `input_example.json`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import InputError, Problem, UsageError

MLMODEL = "MLmodel"
Spec = Mapping[str, object]
"""One column or tensor of a signature, as MLflow writes it in JSON."""


@dataclass(frozen=True)
class MlflowFolder:
    """A model that MLflow has written.

    Attributes:
        folder: where it lies.
        inputs: columns or tensors of the signature; empty if there is none.
        outputs: the same of the outputs.
        has_params: whether the signature has parameters of `predict`.
        python_version: of the Python that wrote it; empty if it does not say.
        mlflow_version: of the MLflow that wrote it; empty if it does not say.
        code: the folder of its code paths, relative to `folder`; empty if there is none.
        requirements: lines of its `requirements.txt`.
        example: its input example, as JSON gives it; None if there is none.
    """

    folder: Path
    inputs: tuple[Spec, ...] = ()
    outputs: tuple[Spec, ...] = ()
    has_params: bool = False
    python_version: str = ""
    mlflow_version: str = ""
    code: str = ""
    requirements: tuple[str, ...] = ()
    example: object = None


def read_mlflow(folder: Path) -> MlflowFolder:
    """Read a model folder of MLflow.

    Args:
        folder: holds the file `MLmodel`.

    Raises:
        UsageError: it is not such a folder, or has no flavour `python_function`.
        InputError: a file of it cannot be read.
    """
    facts = _mlmodel(folder)
    flavours = _mapping(facts.get("flavors"))
    if "python_function" not in flavours:
        found = ", ".join(flavours) or "none"
        raise UsageError(
            f"{folder} has no flavour python_function, which Python needs to load it (it has: {found})",
            "write the model with mlflow.pyfunc.save_model, or with the module of its library, such as mlflow.sklearn",
        )
    pyfunc, signature = _mapping(flavours["python_function"]), _mapping(facts.get("signature"))
    return MlflowFolder(
        folder,
        _specs(signature.get("inputs"), "inputs", folder),
        _specs(signature.get("outputs"), "outputs", folder),
        signature.get("params") not in (None, "", "[]"),
        str(pyfunc.get("python_version") or ""),
        str(facts.get("mlflow_version") or ""),
        str(pyfunc.get("code") or ""),
        _requirements(folder),
        _example(folder, _mapping(facts.get("saved_input_example_info"))),
    )


def _mlmodel(folder: Path) -> Spec:
    import yaml

    file = folder / MLMODEL
    if not file.is_file():
        hint = (
            "give the folder that mlflow.*.save_model wrote; of a run:  mlflow artifacts download --run-id ID -a model"
        )
        raise UsageError(f"{folder} is not a model folder of MLflow: it has no file {MLMODEL}", hint)
    try:
        facts = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _unreadable(file, str(error)) from error
    if not isinstance(facts, dict):
        raise _unreadable(file, "it holds no keys")
    return facts


def _unreadable(file: Path, why: str) -> InputError:
    return InputError(f"{file} cannot be read", [Problem(why, "save the model again, or copy the whole folder again")])


def _mapping(found: object) -> Spec:
    return found if isinstance(found, dict) else {}


def _specs(found: object, part: str, folder: Path) -> tuple[Spec, ...]:
    """The columns or tensors of one side of a signature, which is JSON within YAML."""
    if found is None:
        return ()
    try:
        specs = json.loads(found) if isinstance(found, str) else found
    except json.JSONDecodeError as error:
        raise _unreadable(folder / MLMODEL, f"signature, {part}: {error}") from error
    if not isinstance(specs, list) or not all(isinstance(spec, dict) for spec in specs):
        raise _unreadable(folder / MLMODEL, f"signature, {part}: expected a list of columns or tensors")
    return tuple(specs)


def _requirements(folder: Path) -> tuple[str, ...]:
    file = folder / "requirements.txt"
    if not file.is_file():
        return ()
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _example(folder: Path, info: Spec) -> object:
    """The input example; the one for serving is the same rows in the form of a request."""
    for name in (info.get("artifact_path"), info.get("serving_input_path")):
        file = folder / str(name or "")
        if name and file.is_file() and file.suffix == ".json":
            try:
                return json.loads(file.read_text(encoding="utf-8"))
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                raise _unreadable(file, str(error)) from error
    return None


def example_rows(example: object, names: Sequence[str]) -> list[dict[str, object]]:
    """The rows of an input example, each as an object of its columns; empty if it has a form that is not known.

    Cases: a frame as columns and data, or as records; the same below the key of a request; named tensors; one tensor.

    Args:
        example: as JSON gives it.
        names: of the model's inputs, for an example without names.
    """
    match example:
        case {"dataframe_split": inner} | {"dataframe_records": inner} | {"inputs": inner} | {"instances": inner}:
            return example_rows(inner, names)
        case {"data": [*data], **further}:
            columns = [str(name) for name in _list(further.get("columns"))] or list(names)
            return [dict(zip(columns, row, strict=False)) for row in map(_list, data)]
        case dict() if example:
            return _rows_of_columns({str(name): value for name, value in example.items()})
        case [dict(), *_]:
            return [row for row in example if isinstance(row, dict)]
        case [*values] if len(names) == 1:
            return [{names[0]: value} for value in values]
        case _:
            return []


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _rows_of_columns(columns: Mapping[str, object]) -> list[dict[str, object]]:
    """The rows of named lists; one row if a value is not a list."""
    if not all(isinstance(values, list) for values in columns.values()):
        return [dict(columns)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*map(_list, columns.values()), strict=False)]
