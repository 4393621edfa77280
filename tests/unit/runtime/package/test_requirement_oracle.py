"""The files that any requirements.txt names, against pip's own parser of such files (`pip-requirements-parser`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import pip_requirements_parser
from hypothesis import given
from hypothesis import strategies as st

from pyml.package.requirement_files import RequirementFiles

LISTS = ("base.txt", "reqs/more.txt", "base-2.in")
ARCHIVES = ("a-1-py3-none-any.whl", "wheels/b-1.2+cpu-py3-none-any.whl", "wheels/c-1.tar.gz", "wheels/d%20e-1.zip")
COMMENTS = st.sampled_from(["", "", "  # see base.txt", "\t# -r base.txt"])
PREFIXES = st.sampled_from(["", "./", "./wheels/../"])
TAILS = st.sampled_from(
    ["", " ; python_version > '3'", " --hash=sha256:12", " \\\n    --hash=sha256:12", " ; sys_platform == 'linux'"]
)
PACKAGES = st.sampled_from(
    [
        "pandas",
        "pandas>=2,<3",
        "numpy==2.1.0 ; python_version > '3'",
        "x @ https://example.com/wheels/x-1.whl",
        "wheels",
    ]
)
OPTIONS = st.sampled_from(["-r {}", "-r{}", "-c {}", "--requirement {}", "--requirement={}", "--constraint={}"])


@st.composite
def archive_lines(draw: st.DrawFn) -> str:
    """A line about an archive of the package, in each form that pip and uv take."""
    path = draw(PREFIXES) + draw(st.sampled_from(ARCHIVES))
    path = path if "/" in path else f"./{path}"
    form = draw(st.sampled_from(["{}", "name @ file:{}", "name@file:{}", "name[extra] @ file:{}#sha256=12"]))
    return form.format(path.replace("%", "%25") if "file:" in form else path) + draw(TAILS)


@st.composite
def option_lines(draw: st.DrawFn) -> str:
    """A line that names a list of requirements or constraints."""
    return draw(OPTIONS).format(draw(PREFIXES) + draw(st.sampled_from(LISTS)))


LINES = st.one_of(PACKAGES, archive_lines(), option_lines(), st.just(""), st.just("# -c base.txt"))
TEXTS = st.lists(st.builds("{}{}".format, LINES, COMMENTS), max_size=8).map("\n".join)


def expected(file: Path) -> Iterator[Path]:
    """The paths that pip finds in one requirement file, relative to the folder, as far as they exist."""
    found = pip_requirements_parser.RequirementsFile.from_file(str(file))
    names = [
        name
        for option in found.options
        for kind in ("requirements", "constraints")
        for name in option.options.get(kind, [])
    ]
    for each in found.requirements:
        if each.is_local_path:
            url = str(each.link.url).partition("#")[0]
            names.append(unquote(url.removeprefix("file:")) if url.startswith("file:") else url)
    for name in names:
        path = (file.parent / name).resolve()
        if path.is_file():
            yield path.relative_to(file.parent.resolve())


@given(TEXTS)
def test_what_pip_finds_is_found(text: str) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        for name in (*LISTS, *ARCHIVES):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
        (folder / "requirements.txt").write_text(text, encoding="utf-8")
        assert set(RequirementFiles.of(folder).files) == set(expected(folder / "requirements.txt"))
