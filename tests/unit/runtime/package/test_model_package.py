from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pyml.errors import PackageError, PredictError
from pyml.inference.runner import Runner
from pyml.package.model_loading import load_model
from pyml.package.model_package import ModelPackage
from support.packages import ECHO, write_package


def test_a_whole_package_has_no_problems(tmp_path: Path) -> None:
    assert ModelPackage(write_package(tmp_path)).problems() == []
    assert load_model(tmp_path).outputs.names == ("a",)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (None, "there is no model.py"),
        ("def predict(", "model.py cannot be read"),
        ("x = 1\0", "model.py cannot be read"),
        ("x = 1", "0 model classes"),
        (ECHO + ECHO.replace("Echo", "Other"), "2 model classes: Echo, Other"),
        (ECHO.replace("def predict", "def guess"), "class Echo lacks the method `predict`"),
        (ECHO.replace("def __init__(self, parameters): pass", ""), "class Echo lacks the method `__init__`"),
        (ECHO.replace('inputs = Schema("a DOUBLE")', ""), "class Echo does not declare `inputs`"),
        (ECHO.replace('inputs = Schema("a DOUBLE")', 'inputs = "a DOUBLE"'), "`inputs` of class Echo is 'a DOUBLE'"),
        (ECHO.replace('inputs = Schema("a DOUBLE")', 'inputs = Schema("a DUBLE")'), "expected a list of columns"),
        (ECHO.replace('inputs = Schema("a DOUBLE")', 'inputs = Schema("a DUBLE")'), "(model.py:6 in Echo)"),
        (
            ECHO.replace('outputs = Schema("a DOUBLE")', 'outputs = Schema("")'),
            "`outputs` of class Echo declares no columns",
        ),
        (ECHO.replace("predict(self, frame)", "predict(self)"), "`predict` of class Echo is called with one argument"),
        (
            ECHO.replace("predict(self, frame)", "predict(self, frame, *, threshold)"),
            "missing a required argument: 'threshold'",
        ),
        (ECHO.replace("(self, parameters)", "(self)"), "`__init__` of class Echo is called with one argument"),
        (ECHO.replace("return frame", "yield frame"), "`predict` of class Echo is a generator"),
        (ECHO.replace("def predict", "async def predict"), "`predict` of class Echo is a coroutine"),
        (
            ECHO.replace("def predict", "async def predict").replace("return", "yield"),
            "`predict` of class Echo is a generator",
        ),
        ("import sys\nsys.exit(3)\n" + ECHO, "called sys.exit(3) (model.py:2 in <module>)"),
        ("raise type('Odd', (Exception,), {'__str__': None})()", "Odd"),
    ],
)
def test_a_wrong_model_file_is_named_with_its_fix(tmp_path: Path, model: str | None, words: str) -> None:
    with pytest.raises(PackageError) as raised:
        load_model(write_package(tmp_path, model))
    assert words in str(raised.value)
    assert all(problem.hint for problem in raised.value.problems if "Odd" not in problem.message)


HELPER = """
import pandas as pd
import pyml
from pyml import DataFrameModel as Frame, Schema

class Unfinished(Frame):
    inputs = outputs = Schema("a DOUBLE")

class Predicting:
    def predict(self, frame): return frame

class Whole(Predicting, Frame):
    inputs = outputs = Schema("a DOUBLE")
    def __init__(self, parameters): pass
"""

MODELS = {
    "base class in a helper module": "from helper import Whole\nclass Fare(Whole): pass",
    "mixin": "from helper import *\nclass Fare(Predicting, Unfinished):\n    def __init__(self, parameters): pass",
    "alias of the base": HELPER.replace("Whole", "Fare"),
    "base by its module": HELPER.replace("(Predicting, Frame)", "(Predicting, pyml.DataFrameModel)").replace("Whole", "Fare"),
    "base class in model.py": HELPER + "class Fare(Whole): pass",
    "two names": HELPER.replace("Whole", "Fare") + "Model = Fare",
    "whole class imported": "from helper import Whole as Fare",
    "made by a function": HELPER + "def make(): return type('Fare', (Whole,), {'__module__': __name__})\nFare = make()",
    "under a condition": HELPER + "if True:\n    class Fare(Whole): pass",
    "byte order mark": "\ufeff" + HELPER.replace("Whole", "Fare"),
    "dataclass": HELPER + "import dataclasses\n@dataclasses.dataclass\nclass Fare(Whole):\n    parameters: str",
    "static method": HELPER + "class Fare(Whole):\n    @staticmethod\n    def predict(frame): return frame",
    "any arguments": HELPER + "class Fare(Whole):\n    def predict(*args, **more): return args[1]",
    "made when constructed": HELPER + "class Fare(Whole):\n    def __init__(self, parameters): self.predict = sorted",
    "a partial": HELPER + "import functools\ndef of(frame, rate): return frame\nclass Fare(Whole):\n    predict = staticmethod(functools.partial(of, rate=1))",
    "schema of a variable": "from helper import *\nDDL = 'a DOUBLE'\nclass Fare(Whole):\n    inputs = Schema(DDL)",
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_class_is_what_python_finds(tmp_path: Path, name: str) -> None:
    package = write_package(tmp_path, MODELS[name])
    (package / "helper.py").write_text(HELPER)
    assert ModelPackage(package).problems() == []
    assert load_model(package).outputs.names == ("a",)


@pytest.mark.parametrize("name", ["model.py", "requirements.txt", "packages.txt"])
def test_an_artifact_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = write_package(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder / name)  # root may read everything
    (problem,) = ModelPackage(folder).problems()
    assert problem.message.startswith(f"{name} cannot be read")
    assert problem.hint


@pytest.mark.parametrize("name", ["model.py", "requirements.txt", "packages.txt", "pyml.toml"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_an_artifact_that_is_no_file_is_named(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    folder = write_package(tmp_path)
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    (problem,) = ModelPackage(folder).upload_problems()
    assert name in problem.message
    assert problem.hint


def test_code_in_another_encoding_is_read_as_python_reads_it(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    (package / "model.py").write_bytes(("# coding: latin-1\nname = 'é'\n" + ECHO).encode("latin-1"))
    assert ModelPackage(package).problems() == []
    assert load_model(package).outputs.names == ("a",)


def test_every_problem_of_the_files_is_reported_at_once(tmp_path: Path) -> None:
    write_package(tmp_path, "def predict(", "pandas", "nme = 'x'\n[parity]\nkeys = 'a'")
    (tmp_path / "packages.txt").unlink()
    with pytest.raises(PackageError) as raised:
        load_model(tmp_path)
    text = str(raised.value)
    for words in ("no packages.txt", "unknown key `nme`", "did you mean `name`?", "did you mean `parity.key`?", "model.py cannot be read"):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("from .rates import VALUE\n" + ECHO, "write `from rates import …`"),
        ("import nonesuch\n" + ECHO, "add the package that provides `nonesuch` to requirements.txt"),
        (ECHO.replace("parameters): pass", "parameters): open(parameters / 'weights')"), "put the file into parameters/"),
        (ECHO.replace("parameters): pass", "parameters): 1 / 0"), "ZeroDivisionError: division by zero (model.py:8 in __init__)"),
        (ECHO.replace('Schema("a DOUBLE")', 'Schema([("a", "float64", (-1,))])'), "declares tensors"),
    ],
)  # fmt: skip
def test_code_that_raises_is_quoted_with_its_line(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(PackageError) as raised:
        load_model(write_package(tmp_path, body))
    assert words in str(raised.value)


@pytest.mark.parametrize("file", ["ownrates.py", "ownrates_of/__init__.py", "ownrates_in/city.py"])
def test_modules_beside_the_model_are_its_own(tmp_path: Path, file: str) -> None:
    module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for name, value in (("one", 1), ("two", 2)):
        code = f"from {module} import VALUE\n" + ECHO.replace("pass", "self.value = VALUE")
        folder = write_package(tmp_path / name, code)
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(f"VALUE = {value}")
    assert [load_model(tmp_path / name).value for name in ("one", "two")] == [1, 2]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("file", "other"),
    [
        ("calendar.py", "Python's standard library"),
        ("types/__init__.py", "Python's standard library"),
        ("sys.py", "Python's standard library"),
        ("pyml.py", "pyml needs"),
        ("pyspark/__init__.py", "pyml needs"),
        ("grpc.py", "an installed package"),
        ("numpy.py", "an installed package"),
        ("google/__init__.py", ""),
        ("packaging/__init__.py", "an installed package"),
    ],
)
def test_a_module_with_the_name_of_another_is_refused_by_name(tmp_path: Path, file: str, other: str) -> None:
    folder = write_package(tmp_path)
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text("")
    if not other:  # a namespace of installed packages hides nothing
        load_model(folder)
        return
    with pytest.raises(PackageError) as raised:
        load_model(folder)
    (problem,) = raised.value.problems
    own = file.removesuffix("__init__.py")
    assert problem.message.startswith(f"{own} has the name of ")
    assert other in problem.message
    assert problem.hint == f"rename it, for instance to own_{own}"


@pytest.mark.parametrize(
    ("module", "file", "hint"),
    [
        ("types.rates", "types/rates.py", "rename the folder types/ of the package: Python has a `types` of its own"),
        ("ownfares.rates", "ownfares/other.py", "the folder ownfares/ of the package has no module `ownfares.rates`"),
        ("nonesuch", "own.py", "to requirements.txt; if it is your own, put it beside model.py"),
    ],
)
def test_the_hint_for_a_module_that_is_not_found_looks_into_the_package(
    tmp_path: Path, module: str, file: str, hint: str
) -> None:
    folder = write_package(tmp_path, f"import {module}\n{ECHO}")
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text("")
    with pytest.raises(PackageError) as raised:
        load_model(folder)
    assert hint in raised.value.problems[0].hint


@pytest.mark.parametrize("loads", ["pickle.loads(content)", "pickle._loads(content)"])
@pytest.mark.parametrize("module", ["__main__", "model"])
def test_a_pickle_of_a_notebook_is_told_what_to_do(tmp_path: Path, loads: str, module: str) -> None:
    content = f"c{module}\nRates\n."
    load = f"content = (parameters / 'm.pkl').read_bytes(); {loads}"
    folder = write_package(tmp_path, "import pickle\n" + ECHO.replace("parameters): pass", f"parameters): {load}"))
    (folder / "parameters" / "m.pkl").write_text(content)
    with pytest.raises(PackageError) as raised:
        load_model(folder)
    (problem,) = raised.value.problems
    assert "define the class or function in a module beside model.py" in problem.hint


def test_a_dependency_that_holds_a_model_py_stays_importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "model.py").write_text("")
    (installed / "helperlib.py").write_text("VALUE = 1")
    monkeypatch.syspath_prepend(str(installed))
    for name in ("one", "two"):
        load_model(write_package(tmp_path / name, f"import helperlib  # {name}\n" + ECHO))
        monkeypatch.delitem(sys.modules, "helperlib")


def test_a_module_called_model_of_somebody_else_takes_nothing_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_model(write_package(tmp_path / "before"))
    installed = tmp_path / "installed"
    installed.mkdir()
    for name in ("model", "companion"):
        (installed / f"{name}.py").write_text("")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(installed))
    foreign = [importlib.import_module(name) for name in ("model", "companion")]
    load_model(write_package(tmp_path / "one"))
    assert sys.modules["companion"] is foreign[1]
    assert str(installed) in sys.path


def test_an_environment_inside_the_package_stays_when_the_next_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "one" / ".venv" / "lib" / "site-packages"
    site.mkdir(parents=True)
    (site / "installedlib.py").write_text("")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "one" / ".venv"))
    monkeypatch.syspath_prepend(str(site))
    load_model(write_package(tmp_path / "one", "import installedlib\n" + ECHO))
    kept = sys.modules["installedlib"]
    load_model(write_package(tmp_path / "two"))
    assert sys.modules["installedlib"] is kept
    assert str(site) in sys.path


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("libgomp1", True),
        ("g++", True),
        ("libgcc-s1:amd64", True),
        ("libc6=2.36-9+deb12u4", True),
        ("libstdc++6=1:12.2.*", True),
        ("libgomp1/bookworm", True),
        ("\ufefflibgomp1", True),
        ("libgomp1  # OpenMP", True),
        ("no such; rm -rf /", False),
        ("libgomp1 libc6", False),
        ("--reinstall", False),
        ("libc6-", False),
        ("$(touch x)", False),
        ("./local.deb", False),
        ("LibGomp", False),
    ],
)
def test_lines_of_packages_txt_are_names_of_debian_packages(tmp_path: Path, line: str, is_one: bool) -> None:
    folder = write_package(tmp_path)
    (folder / "packages.txt").write_text(f"{line}\n")
    problems = ModelPackage(folder).upload_problems()
    assert bool(problems) is not is_one
    assert all(repr(line) in problem.message and problem.hint for problem in problems)


@pytest.mark.parametrize("name", ["--help", "-x", "-", "my model", "größe"])
def test_a_name_that_commands_and_paths_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    (problem,) = ModelPackage(write_package(tmp_path / "fare", toml=f'name = "{name}"')).problems()
    assert f"the model's name is '{name}'" in problem.message
    (problem,) = ModelPackage(write_package(tmp_path / name)).upload_problems()
    assert repr(name) in problem.message
    assert problem.hint.startswith("rename the folder, or write pyml.toml")


def test_the_digest_follows_the_content_alone(tmp_path: Path) -> None:
    one, two = (ModelPackage(write_package(tmp_path / name, toml='name = "m"')) for name in ("one", "two"))
    assert one.digest() == two.digest()
    (two.folder / ".hidden").write_text("x")
    (two.folder / "notes.md").write_text("x")
    assert one.digest() == two.afresh().digest()
    (two.folder / "parameters" / "weights").write_text("x")
    assert one.digest() != two.afresh().digest()


@pytest.mark.parametrize("raised", ["ValueError('no such fare')", "SystemExit(3)", "KeyError('x')"])
def test_what_the_model_raises_is_quoted_with_its_line(tmp_path: Path, raised: str) -> None:
    import pyarrow as pa

    runner = Runner.load(write_package(tmp_path, ECHO.replace("return frame", f"raise {raised}")))
    with pytest.raises(PredictError, match=rf"predict raised {raised.split('(')[0]}.*model.py:9 in predict"):
        runner.predict_arrow(pa.RecordBatch.from_pydict({"a": [1.0]}, schema=runner.inputs.arrow))


@pytest.mark.parametrize(
    ("line", "after"),
    [("", (700, 10, 10)), ("gc.set_threshold(50, 5, 5)", (50, 5, 5)), ("raise ValueError", (700, 10, 10))],
)
def test_garbage_is_collected_rarely_while_a_model_is_imported_and_as_before_or_as_it_says_afterwards(
    line: str, after: tuple[int, int, int], tmp_path: Path
) -> None:
    usual = gc.get_threshold()
    seen = f"__import__('pathlib').Path({str(tmp_path / 'seen')!r}).write_text(str(gc.get_threshold()))"
    write_package(tmp_path, model=f"import gc\n{seen}\n{line}\n{ECHO}")
    try:
        gc.set_threshold(700, 10, 10)
        with contextlib.suppress(PackageError):
            load_model(tmp_path)
        assert gc.get_threshold() == after
    finally:
        gc.set_threshold(*usual)
    assert (tmp_path / "seen").read_text() == "(100000, 10, 10)"


def test_a_program_that_never_looks_for_garbage_is_left_as_it_is(tmp_path: Path) -> None:
    usual = gc.get_threshold()
    try:
        gc.set_threshold(0)
        load_model(write_package(tmp_path, model=f"import gc\nassert gc.get_threshold()[0] == 0\n{ECHO}"))
        assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*usual)
