"""A new model package, from a template that passes its own parity check."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from pyml.errors import UsageError
from pyml.package.settings import is_plain_name

KINDS = ("frame", "tensor")


def create(folder: Path, kind: str = "frame") -> list[Path]:
    """Write a new model package with a parity test.

    Args:
        folder: the new package; its last part becomes the model's name.
        kind: "frame" or "tensor".

    Returns:
        The files that were written, relative to the folder.

    Raises:
        UsageError: the folder exists and is not empty, or its name cannot be the name of a model.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no template {kind!r}", f"one of {', '.join(KINDS)}")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} exists and is not empty", "give pyml init a different folder")
    name = folder.resolve().name
    if not is_plain_name(name):
        raise UsageError(f"{name!r} cannot be the name of a model", "use letters, digits, _ and - only, at most 40")
    with as_file(files("pyml_sandbox.models") / "templates" / kind) as template:
        sources = sorted(path for path in template.rglob("*") if path.is_file() and path.suffix != ".pyc")
        written = [path.relative_to(template) for path in sources]
        for path in written:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            text = (template / path).read_text(encoding="utf-8")
            target.write_text(text.replace("{name}", name) if path.name == "pyml.toml" else text, encoding="utf-8")
    return written
