"""The pages about causes, docs/causes, in a checkout and in an installed package alike."""

from __future__ import annotations

import difflib
from importlib.resources import files
from pathlib import Path

from pyml.errors import SetupError, UsageError
from pyml_sandbox.parity.diagnosis.causes import CAUSES, Cause

PACKAGE = Path(str(files("pyml_sandbox")))
INDEX = "README.md"


def find_cause(code: str) -> Cause:
    """The cause with a code, in upper or lower case.

    Raises:
        UsageError: there is none; suggests a similar one.
    """
    wanted = code.strip().upper()
    if wanted in CAUSES:
        return CAUSES[wanted]
    close = _meant(code)
    meant = f"; did you mean {close.code} ({close.name})?" if close else "."
    raise UsageError(
        f"There is no cause `{code}`{meant}",
        f"pyml explain {close.code}" if close else "`pyml explain` lists all codes",
    )


def page_path(cause: Cause, package: Path = PACKAGE) -> Path:
    """The file of the page of a cause.

    Args:
        cause: one of `CAUSES`.
        package: folder of the installed package.

    Raises:
        SetupError: the pages are missing: the installation is incomplete.
    """
    candidates = (package.parents[1] / "docs" / "causes", package / "causes")
    found = next((folder for folder in candidates if (folder / INDEX).is_file()), None)
    if found is None:
        raise SetupError(
            f"{package} lacks its pages about causes.", "pip install --force-reinstall 'pyml-sandbox[sandbox]'"
        )
    return found / f"{cause.code}.md"


def read_page(cause: Cause) -> str:
    """The page of a cause, as Markdown.

    Raises:
        SetupError: the pages are missing: the installation is incomplete.
    """
    return page_path(cause).read_text(encoding="utf-8")


def _meant(text: str) -> Cause | None:
    """The cause whose code or name is most similar to a string; None if none is."""
    codes = difflib.get_close_matches(text.strip().upper(), CAUSES, n=1)
    if codes:
        return CAUSES[codes[0]]
    by_name = {cause.name.lower(): cause for cause in CAUSES.values()}
    names = difflib.get_close_matches(text.strip().lower(), by_name, n=1)
    return by_name[names[0]] if names else None
