"""Loading the model of a package: importing its code, constructing it, and saying what went wrong."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from pyml.errors import PackageError, Problem, PymlError
from pyml.model import Model
from pyml.package.library_threads import held_threads
from pyml.package.model_class import constructed, model_class_of
from pyml.package.model_package import MODEL_FILE, ModelPackage
from pyml.package.module_names import names_of_installed
from pyml.package.package_files import PARAMETERS


def load_model(folder: Path) -> Model:
    """Import `model.py`, find its model class and construct it with the `parameters/` folder.

    The folder joins `sys.path` and the module is called `model`, so that `import features` beside it and pickles made
    by a training script that did `from model import …` both work.

    Raises:
        PackageError: the package is invalid, with every problem listed; or importing or constructing raised.
    """
    folder = folder.resolve()
    problems = ModelPackage(folder).problems() or list(names_of_installed(folder))
    if problems:
        raise _package_error(folder, problems)
    try:
        with _few_collections():
            model_class = model_class_of(_import(folder))
        with held_threads():
            return constructed(model_class, folder / PARAMETERS)
    except (Exception, SystemExit) as error:
        raise _package_error(folder, [_loading_problem(error, folder)]) from error


def _loading_problem(error: BaseException, folder: Path) -> Problem:
    place = last_line_in(error, folder)
    if isinstance(error, PymlError):
        return Problem(error.message + place, error.hint)
    if isinstance(error, SystemExit):
        return Problem(
            f"loading the model called sys.exit({error.code!r}){place}",
            "raise an error that says what is wrong instead",
        )
    raised = "".join(traceback.format_exception_only(error)).strip()  # works for an error whose str() raises
    return Problem(f"loading the model raised {raised}{place}", _load_hint(error, folder))


def last_line_in(error: BaseException, folder: Path) -> str:
    """The last line of the package's own code in a traceback, as ` (model.py:12 in predict)`; empty if it has none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(folder):
            return f" ({path.relative_to(folder)}:{frame.lineno} in {frame.name})"
    return ""


def _package_error(folder: Path, problems: list[Problem]) -> PackageError:
    return PackageError(f"invalid model package {folder}", problems)


def _load_hint(error: BaseException, folder: Path) -> str:
    if isinstance(error, ModuleNotFoundError):
        return _import_hint(error.name or "", folder)
    if isinstance(error, ImportError) and "relative import" in str(error):
        return f"write `from rates import …` and not `from .rates …`: {MODEL_FILE} is a module and lies in no package"
    if isinstance(error, FileNotFoundError):
        return "put the file into parameters/ (run the training script), and open it in the folder that __init__ gets"
    return _PICKLE_HINT if _is_of_pickle(error) else ""


def _is_of_pickle(error: BaseException) -> bool:
    """Whether a pickle names something that its module lacks: as the C module says it, or as `pickle.py` does."""
    if not isinstance(error, AttributeError):
        return False
    raised_in = [frame.name for frame in traceback.extract_tb(error.__traceback__)][-1:]
    return raised_in == ["find_class"] or "Can't get attribute" in "".join(traceback.format_exception_only(error))


def _import_hint(name: str, folder: Path) -> str:
    top = name.partition(".")[0]
    if not (folder / top).is_dir():
        return (
            f"add the package that provides `{name}` to requirements.txt; if it is your own, put it beside {MODEL_FILE}"
        )
    place = _place(sys.modules[top]) if top in sys.modules else ""
    if place and not _is_own(Path(place), folder):
        return f"rename the folder {top}/ of the package: Python has a `{top}` of its own ({place})"
    return f"the folder {top}/ of the package has no module `{name}`: write it, or mend the import"


_PICKLE_HINT = (
    "a pickle names the module of each class and does not hold its code, and a notebook or script is `__main__`: "
    "define the class or function in a module beside model.py, import it where you train, and write the pickle again"
)


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage rarely in the block: an import makes many objects that stay. Settings of the model's code stay.

    Saves 0.2 to 0.3 of the 2.7 seconds of CPU that scikit-learn and pandas take.
    """
    usual = gc.get_threshold()
    rare = (MANY_OBJECTS, *usual[1:])
    if not all(usual):  # no collection is rarer
        yield
        return
    gc.set_threshold(*rare)
    try:
        yield
    finally:
        if gc.get_threshold() == rare:
            gc.set_threshold(*usual)


MANY_OBJECTS = 100_000
"""New objects after which Python looks for garbage while a model is imported; else 700 or 2,000."""

_loaded_before: list[Path] = []
"""The folder of the model that this process loaded last; empty before the first load."""


def _import(folder: Path) -> dict[str, object]:
    for earlier in _loaded_before:
        _forget(earlier)
    _loaded_before[:] = [folder]
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("model", folder / MODEL_FILE)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {folder / MODEL_FILE}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["model"] = module
    spec.loader.exec_module(module)
    return vars(module)


def _forget(folder: Path) -> None:
    """Drop the modules of a package, and its folder from `sys.path`: the next one may have its own `features.py`."""
    inside = f"{folder}{os.sep}"
    places = {name: _place(module) for name, module in sys.modules.items()}  # all before any is dropped
    for name, place in places.items():
        if place.startswith(inside) and _is_own(Path(place), folder):  # thousands of paths would take 20 ms
            del sys.modules[name]
    sys.path[:] = [entry for entry in sys.path if not _is_own(Path(entry).absolute(), folder)]


def _place(module: ModuleType) -> str:
    """Where a module lies; a namespace package has no file, and asks its parent for its folder."""
    names = getattr(module, "__dict__", {})  # not as attributes: a lazy module would import what it stands for
    place = names.get("__file__") or next(iter(names.get("__path__") or ()), "")
    return place if isinstance(place, str) else ""


def _is_own(path: Path, folder: Path) -> bool:
    """Whether a path belongs to a package, and not to a virtual environment in its folder."""
    return path.is_relative_to(folder) and not path.is_relative_to(sys.prefix)
