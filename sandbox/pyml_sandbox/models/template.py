"""A new model package, from a template that passes its own parity check."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from pyml.errors import SetupError, UsageError
from pyml.package.settings import FILE_NAME, PLAIN_NAME, is_plain_name

BASIC = {
    "frame": "A fare from rates in a JSON file: a model over frames, in plain pandas",
    "tensor": "A dense layer in numpy: a model over named tensors",
}
"""Templates without a framework, and what each is."""
FRAMEWORKS = {
    "sklearn": "scikit-learn: a pipeline with a ColumnTransformer, saved with skops",
    "lightgbm": "LightGBM: native categories that are fixed at training, and nulls",
    "xgboost": "XGBoost: nulls as missing values",
    "catboost": "CatBoost: native categories and nulls",
    "onnx": "ONNX: a scikit-learn pipeline exported by skl2onnx, run by onnxruntime",
    "statsmodels": "statsmodels: a formula, with prediction intervals",
    "text": "Text: a tokenizer of Hugging Face, and a linear classifier",
    "torch": "PyTorch over frames: a network on ten columns",
    "torch-tensor": "PyTorch over tensors: a convolutional network on images",
    "keras": "Keras on TensorFlow over frames: a network on six columns",
    "keras-tensor": "Keras on TensorFlow over tensors: a convolutional network on images",
}
"""The models of `fixtures/models` that are templates, trained on real data, and what each is."""
TEMPLATES = BASIC | FRAMEWORKS
DEFAULT = "frame"
PACKAGE = Path(str(files("pyml_sandbox")))
PARITY_TEST = Path("tests/test_parity.py")


def create(folder: Path, template: str = DEFAULT) -> list[Path]:
    """Write a new model package with a parity test.

    Args:
        folder: the new package; its last part becomes the model's name.
        template: one of `TEMPLATES`.

    Returns:
        The files that were written, relative to the folder.

    Raises:
        UsageError: there is no such template, the folder exists and is not empty, or its name cannot be the name of a
            model.
        SetupError: the template is missing: the installation is incomplete.
    """
    source = find_template(template)
    name = name_in_new(folder)
    contents = {path: (source / path).read_bytes() for path in _files_of(source)}
    contents[Path(FILE_NAME)] = f'name = "{name}"\n\n'.encode() + contents[Path(FILE_NAME)]
    contents[PARITY_TEST] = (PACKAGE / "models" / "templates" / PARITY_TEST.name).read_bytes()
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return sorted(contents)


def name_in_new(folder: Path) -> str:
    """The name of a model whose package is to be written to a folder.

    Args:
        folder: the new package.

    Raises:
        UsageError: the folder is a file or not empty, or its name cannot be the name of a model.
    """
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty", "give pyml init a different folder")
    name = folder.resolve().name
    if not is_plain_name(name):
        raise UsageError(f"{name!r} cannot be the name of a model", f"use {PLAIN_NAME}")
    return name


def find_template(name: str, package: Path = PACKAGE) -> Path:
    """The folder of a template, in a checkout and in an installed package alike.

    Args:
        name: one of `TEMPLATES`.
        package: folder of the installed package.

    Raises:
        UsageError: there is no such template; lists them, and suggests a similar one.
        SetupError: the template is missing: the installation is incomplete.
    """
    if name not in TEMPLATES:
        close = difflib.get_close_matches(name, TEMPLATES, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(f"there is no template {name!r}{meant}", f"--template is one of {', '.join(TEMPLATES)}")
    candidates = (package / "models" / "templates" / name, package.parents[1] / "fixtures" / "models" / name)
    found = next((folder for folder in candidates if (folder / FILE_NAME).is_file()), None)
    if found is None:
        raise SetupError(
            f"{package} lacks its template {name!r}.", "pip install --force-reinstall 'pyml-sandbox[sandbox]'"
        )
    return found


def _files_of(source: Path) -> Iterator[Path]:
    for path in source.rglob("*"):
        if path.is_file() and path.suffix != ".pyc" and not path.name.startswith("."):
            yield path.relative_to(source)
