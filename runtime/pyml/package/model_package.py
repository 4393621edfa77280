"""A model package: a folder with the four artifacts, and loading the model in it."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType

from pyml.errors import PackageError, Problem, PymlError, SettingsError
from pyml.model import DataFrameModel, Model, TensorModel
from pyml.package.library_threads import held_threads
from pyml.package.module_names import names_of_installed, names_of_python
from pyml.package.package_files import DEBIAN_PACKAGES, PackageFiles
from pyml.package.requirement_files import REQUIREMENTS, RequirementFiles
from pyml.package.settings import Settings
from pyml.types.schema import Schema

MODEL_FILE = "model.py"
VERSION_DIGITS = 12
_BASES = (DataFrameModel, TensorModel)


class ModelPackage:
    """A folder with `model.py`, `parameters/`, `requirements.txt`, `packages.txt`, and perhaps `pyml.toml`.

    Settings and content are read once, at first use: parameters may be large. `afresh` gives the package with later
    edits.

    Args:
        folder: folder of the package.
        name: name of the model; by default the name in `pyml.toml`, else that of the folder.
    """

    def __init__(self, folder: Path | str, name: str = "") -> None:
        self.folder = Path(folder).resolve()
        self._name = name

    @cached_property
    def settings(self) -> Settings:
        """The settings in `pyml.toml`.

        Raises:
            SettingsError: the file is invalid.
        """
        return Settings.load(self.folder)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._name or self.settings.name

    @cached_property
    def contents(self) -> PackageFiles:
        """The files that belong to the package, and those among them that are not uploaded."""
        return PackageFiles.of(self.folder, self.requirement_files.files)

    def files(self) -> list[Path]:
        """Every file that is uploaded, relative to the package's folder, sorted."""
        return list(self.contents.files)

    def afresh(self) -> ModelPackage:
        """The same package as it is now."""
        return ModelPackage(self.folder, self._name)

    def digest(self) -> str:
        """SHA-256 of the names and contents of the files, as 64 hex digits: equal packages have equal digests."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        whole = hashlib.sha256()
        for path in self.files():
            with (self.folder / path).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{path.as_posix()}\0{content}\n".encode())
        return whole.hexdigest()

    @property
    def version(self) -> str:
        """The version that names this content: the first digits of its digest."""
        return self.digest()[:VERSION_DIGITS]

    @property
    def requirements(self) -> list[str]:
        """Lines of `requirements.txt` without blanks and comments."""
        return _lines(self.folder / REQUIREMENTS)

    @property
    def requirement_files(self) -> RequirementFiles:
        """The files in the package's folder that `requirements.txt` names."""
        return RequirementFiles.of(self.folder)

    @property
    def debian_packages(self) -> list[str]:
        """Names in `packages.txt`."""
        return _lines(self.folder / DEBIAN_PACKAGES)

    def problems(self) -> list[Problem]:
        """Every problem of the package that is visible without running its code."""
        if not self.folder.is_dir():
            return [Problem(f"there is no folder {self.folder}", "pyml init NAME makes a model package")]
        return [
            *_missing(self.folder),
            *_bad_settings(self),
            *_bad_requirements(self),
            *_bad_code(self.folder),
            *names_of_python(self.folder),
        ]

    def upload_problems(self) -> list[Problem]:
        """Every problem of a new version: those of the package, else files that a version cannot keep."""
        return self.problems() or [*_local_paths(self.requirement_files), *self.contents.problems]


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
        model_class = _model_class(_import(folder))
        with held_threads():
            return model_class(folder / "parameters")
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
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")


def _is_own(path: Path, folder: Path) -> bool:
    """Whether a path belongs to a package, and not to a virtual environment in its folder."""
    return path.is_relative_to(folder) and not path.is_relative_to(sys.prefix)


def _model_class(names: dict[str, object]) -> type[Model]:
    """The only model class among the names of `model.py`, with its methods and both schemas."""
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


def _model_classes(names: dict[str, object]) -> list[type[Model]]:
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
    if schema.is_tensor != issubclass(model_class, TensorModel):
        raise PymlError(f"`{attribute}` declares {'tensors' if schema.is_tensor else 'columns'}", _KIND_HINT)


_ONE_CLASS_HINT = "keep one class that inherits DataFrameModel or TensorModel in model.py"
_METHOD_HINT = "define __init__(self, parameters), which loads what predict needs, and predict(self, frame)"
_KIND_HINT = "a DataFrameModel declares columns as DDL, a TensorModel tensors as (name, dtype, shape)"


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _missing(folder: Path) -> Iterator[Problem]:
    fixes = {
        MODEL_FILE: "write a class that inherits DataFrameModel or TensorModel; pyml init NAME writes an example",
        REQUIREMENTS: "list the packages that the model imports, or create an empty file",
        "packages.txt": "list the Debian packages that the model needs, or create an empty file",
    }
    for name, fix in fixes.items():
        if not (folder / name).is_file():
            yield Problem(f"there is no {name}", fix)
    if not (folder / "parameters").is_dir():
        yield Problem("there is no folder parameters/", "run the training script, or create an empty folder")


def _bad_settings(package: ModelPackage) -> list[Problem]:
    try:
        package.settings  # noqa: B018 - reading the settings is the check
    except SettingsError as error:
        return list(error.problems)
    return []


def _bad_requirements(package: ModelPackage) -> Iterator[Problem]:
    """Requirements that no copy of the package could satisfy. The resolver reports all other problems of the file."""
    for path in package.requirement_files.outside:
        yield Problem(
            f"requirements.txt names {path}, which is outside the package and would not be uploaded with it",
            "move it into the package's folder",
        )
    for path in package.requirement_files.editable:
        yield Problem(
            f"requirements.txt installs {path} as editable: its code could change, but a version never changes",
            f"write {path} without -e",
        )


def _local_paths(named: RequirementFiles) -> Iterator[Problem]:
    """Files of this machine that `requirements.txt` names, and that a version cannot keep."""
    for path in named.elsewhere:
        yield Problem(
            f"requirements.txt names {path}, a place of this machine that is no part of the package",
            "copy the wheels into a folder of the package and name that: --find-links wheels; or leave the line "
            "out and give the folder when the environment is made: PIP_FIND_LINKS, with containers --wheels",
        )


def _bad_code(folder: Path) -> Iterator[Problem]:
    """Code that Python cannot parse. Loading the model reports all other problems of the code."""
    path = folder / MODEL_FILE
    if not path.is_file():
        return
    try:
        ast.parse(path.read_bytes(), MODEL_FILE)  # bytes: Python handles the encoding that the file declares
    except (SyntaxError, ValueError) as error:
        yield Problem(f"model.py cannot be read: {error}", "fix it; `python model.py` shows the line")
