"""The model class of a `model.py`: found among its names, and checked before and after it is constructed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from pyml.errors import PymlError
from pyml.model import DataFrameModel, Model, TensorModel
from pyml.types.schema import Schema

_BASES = (DataFrameModel, TensorModel)


def model_class_of(names: Mapping[str, object]) -> type[Model]:
    """The only model class among the names of `model.py`, with its methods and both schemas.

    Raises:
        PymlError: there is none, there are several, or it lacks something.
    """
    found = _model_classes(names)
    if len(found) != 1:
        listed = f": {', '.join(each.__name__ for each in found)}" if found else ""
        raise PymlError(f"model.py has {len(found)} model classes{listed}", _ONE_CLASS_HINT)
    model_class = found[0]
    missing = sorted(model_class.__abstractmethods__)
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        raise PymlError(f"class {model_class.__name__} lacks the method {listed}", _METHOD_HINT)
    for attribute in ("inputs", "outputs"):
        _check_schema(model_class, attribute)
    return model_class


def constructed(model_class: type[Model], parameters: Path) -> Model:
    """A model of a class, whose `predict` can be called.

    Args:
        model_class: from `model_class_of`.
        parameters: the folder that `__init__` gets.

    Raises:
        PymlError: `__init__` or `predict` does not take the one argument that it is called with, or `predict` is a
            generator or a coroutine.
    """
    _check_takes_one(model_class, "__init__", "parameters", model_class.__name__)
    model = model_class(parameters)
    predict = model.predict  # type: ignore[attr-defined]  # both kinds have one, over different types
    _check_takes_one(predict, "predict", "frame", model_class.__name__)
    if any(is_one(predict) for is_one in _NO_FUNCTIONS):
        kind = "a coroutine (`async`)" if inspect.iscoroutinefunction(predict) else "a generator (`yield`)"
        raise PymlError(
            f"`predict` of class {model_class.__name__} is {kind}", "return all predictions of a call in one frame"
        )
    return model


_NO_FUNCTIONS = (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)


def _check_takes_one(called: Callable[..., object], name: str, argument: str, owner: str) -> None:
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):  # written in C: the call itself will tell
        return
    try:
        signature.bind(argument)
    except TypeError as error:
        raise PymlError(
            f"`{name}` of class {owner} is called with one argument, `{argument}`, and takes `{signature}`: {error}",
            f"def {name}(self, {argument}): …",
        ) from error


def _model_classes(names: Mapping[str, object]) -> list[type[Model]]:
    """The candidates: model classes defined in `model.py`, else imported ones, without their own base classes."""
    classes = {
        value
        for value in names.values()
        if isinstance(value, type) and issubclass(value, DataFrameModel | TensorModel) and value not in _BASES
    }
    written = {each for each in classes if each.__module__ == "model"} or classes
    last = [each for each in written if not any(other is not each and issubclass(other, each) for other in written)]
    whole = [each for each in last if not inspect.isabstract(each)] or last
    return sorted(whole, key=lambda each: each.__name__)


def _check_schema(model_class: type[Model], attribute: str) -> None:
    name, schema = model_class.__name__, getattr(model_class, attribute, None)
    if schema is None:
        raise PymlError(f"class {name} does not declare `{attribute}`", f'{attribute} = Schema("…")')
    if not isinstance(schema, Schema):
        raise PymlError(f"`{attribute}` of class {name} is {schema!r}, not a Schema", f'{attribute} = Schema("…")')
    if not schema.fields:
        raise PymlError(f"`{attribute}` of class {name} declares no columns", f'{attribute} = Schema("fare DOUBLE")')
    if schema.is_tensor != issubclass(model_class, TensorModel):
        raise PymlError(f"`{attribute}` declares {'tensors' if schema.is_tensor else 'columns'}", _KIND_HINT)


_ONE_CLASS_HINT = "keep one class that inherits DataFrameModel or TensorModel in model.py"
_METHOD_HINT = "define __init__(self, parameters), which loads what predict needs, and predict(self, frame)"
_KIND_HINT = "a DataFrameModel declares columns as DDL, a TensorModel tensors as (name, dtype, shape)"
