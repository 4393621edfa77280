"""The signature of an MLflow model as declared columns or tensors. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pyml.errors import InputError, Problem
from pyml.types.field import KIND_BY_NAME
from pyml.types.schema import Schema
from pyml.types.spark_types import quoted
from pyml_sandbox.models.sources.mlflow_folder import Spec

COLUMN_TYPES = {
    "boolean": "BOOLEAN",
    "integer": "INT",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "STRING",
    "binary": "BINARY",
    "datetime": "TIMESTAMP_NTZ",
}
T = TypeVar("T")
STRINGS = ("str", "object")
"""Element types of tensors that hold strings."""


class UnknownTypeError(Exception):
    """MLflow has a type that Hive lacks; the message names it."""


@dataclass(frozen=True)
class Output:
    """One output of a model.

    Attributes:
        name: in our outputs.
        key: in what MLflow returns; empty if it returns one tensor or column without a name.
        ddl: its Spark type, and perhaps NOT NULL.
        dtype: numpy's name of its elements if it is a tensor; empty for a column.
        shape: of the tensor.
    """

    name: str
    key: str
    ddl: str
    dtype: str = ""
    shape: tuple[int, ...] = (-1,)


def is_tensor(specs: Sequence[Spec]) -> bool:
    """Whether the specs of one side of a signature are tensors; else they are columns."""
    return any(spec.get("type") == "tensor" for spec in specs)


def inputs_of(specs: Sequence[Spec]) -> Schema:
    """The declared inputs: named tensors, or columns.

    Raises:
        InputError: pyml has no such type; lists each column or tensor.
        SchemaError: two columns have the same name (Spark ignores case).
    """
    if not is_tensor(specs):
        return Schema(", ".join(_each(specs, _column, "column")))
    return Schema(_each(specs, _tensor, "input"))


def outputs_of(specs: Sequence[Spec]) -> tuple[Output, ...]:
    """The outputs; a tensor becomes one column, with a level of ARRAY for each dimension but the first.

    Raises:
        InputError: as `inputs_of`.
    """
    return tuple(_each(specs, _output, "prediction"))


def _each(specs: Sequence[Spec], make: Callable[[Spec, str], T], name: str) -> list[T]:
    made, problems = [], []
    for number, spec in enumerate(specs):
        default = name if len(specs) == 1 else f"{name}_{number}"
        try:
            made.append(make(spec, str(spec.get("name") or default)))
        except UnknownTypeError as error:
            place = spec.get("name") or f"number {number}"
            problems.append(Problem(f"`{place}`: {error}", "log the model with a signature of types that Hive has"))
    if problems:
        raise InputError("the signature has types that cannot be declared", problems)
    return made


def _column(spec: Spec, name: str) -> str:
    required = spec.get("required", not spec.get("optional", False))
    return f"{quoted(name)} {ddl_type(spec)}{' NOT NULL' if required else ''}"


def ddl_type(spec: Spec) -> str:
    """The Spark type of a type of MLflow.

    Raises:
        UnknownTypeError: there is none.
    """
    kind = str(spec.get("type"))
    if kind == "array":
        return f"ARRAY<{ddl_type(_inner(spec, 'items'))}>"
    if kind == "map":
        return f"MAP<STRING, {ddl_type(_inner(spec, 'values'))}>"
    if kind == "object":
        members = _inner(spec, "properties")
        parts = (f"{quoted(name)}: {ddl_type(_inner(members, name))}" for name in members)
        return f"STRUCT<{', '.join(parts)}>"
    if kind not in COLUMN_TYPES:
        raise UnknownTypeError(f"Hive has no type for MLflow's `{kind}`")
    return COLUMN_TYPES[kind]


def _inner(spec: Spec, key: str) -> Spec:
    found = spec.get(key)
    if not isinstance(found, Mapping) or not found:
        raise UnknownTypeError(f"`{key}` is missing")
    return found


def _tensor(spec: Spec, name: str) -> tuple[str, str, tuple[int, ...]]:
    dtype, shape = _element_and_shape(spec)
    if dtype not in KIND_BY_NAME:
        raise UnknownTypeError(f"a tensor of {dtype} is not supported")
    return name, dtype, shape


def _element_and_shape(spec: Spec) -> tuple[str, tuple[int, ...]]:
    tensor = _inner(spec, "tensor-spec")
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not shape or shape[0] != -1:
        raise UnknownTypeError(f"the shape {shape} of the tensor does not begin with -1, the rows of a batch")
    return str(tensor.get("dtype")), tuple(int(size) for size in shape)


def _output(spec: Spec, name: str) -> Output:
    key = str(spec.get("name") or "")
    if spec.get("type") != "tensor":
        required = spec.get("required", not spec.get("optional", False))
        return Output(name, key, f"{ddl_type(spec)}{' NOT NULL' if required else ''}")
    dtype, shape = _element_and_shape(spec)
    if dtype not in KIND_BY_NAME and dtype not in STRINGS:
        raise UnknownTypeError(f"a tensor of {dtype} is not supported")
    element = "STRING" if dtype in STRINGS else KIND_BY_NAME[dtype].ddl_type
    depth = len(shape) - 1
    return Output(name, key, "ARRAY<" * depth + element + ">" * depth + " NOT NULL", dtype, shape)
