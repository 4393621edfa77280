"""Code blocks of the pages, as far as they can be checked without frameworks and services.

Python is type-checked against our API, and schemas in it are read; TOML goes through the reader of `pyml.toml` or of policies; commands exist
and have the options that they are given. Blocks of README, of docs/how-to/testing.md and of docs/causes are run elsewhere.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import mypy.api
import pytest
from typer.main import get_command

from benchmarks.pictures import BROKEN, FARE
from pyml import Schema
from pyml.package.settings import Settings
from pyml_cli.main import application
from pyml_sandbox.clusters.cluster import find_cluster
from pyml_sandbox.promotion.policy import Policy
from pyml_sandbox.proof.signing_key import create_key_pair

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:^(<!-- block: no pyml -->)\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    Attributes:
        page: path from the root of the repository.
        number: of the block in its page, from 1.
        language: the word after the fence.
        text: what is in it.
        is_ours: whether it is code for pyml, and not code that a reader moves away from.
    """

    page: str
    number: int
    language: str
    text: str
    is_ours: bool

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"


def blocks(*languages: str) -> list[Block]:
    return [
        Block(str(page.relative_to(ROOT)), number, found[2], found[3], not found[1])
        for page in PAGES
        for number, found in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")), 1)
        if found[2] in languages
    ]


def commands(block: Block) -> Iterator[list[str]]:
    """The command lines of `pyml` in a block of shell, without what a shell does with them."""
    for line in block.text.replace("\\\n", " ").splitlines():
        for part in re.split(r"\$\(|\||&&|;", line.split(" #")[0]):
            words = shlex.split(part.strip().rstrip(")").removeprefix("$ ")) if part.strip() else []
            if words[:1] == ["pyml"]:
                yield words[1:]


def test_every_language_is_checked() -> None:
    fences = {
        found for page in PAGES for found in re.findall(r"^```(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert fences <= {"python", "toml", "sh", "json", "yaml"}


def test_the_tutorial_shows_what_init_writes_and_breaks_it_as_its_picture_does() -> None:
    model, surcharge = [block.text for block in blocks("python") if block.page == "docs/tutorial.md"]
    template = ROOT / "sandbox" / "pyml_sandbox" / "models" / "templates" / "frame" / "model.py"
    assert model.partition("class ")[2] == template.read_text(encoding="utf-8").partition("class ")[2]
    assert surcharge.strip() == textwrap.dedent(f"        {BROKEN}")
    assert model.count(FARE) == 1


def test_python_fits_our_api(tmp_path: Path) -> None:
    programs = [block for block in blocks("python") if block.is_ours and _is_whole(block.text) and not _is_run(block)]
    for block in programs:
        name = re.sub(r"\W", "_", str(block))
        (tmp_path / f"{name}.py").write_text(block.text, encoding="utf-8")
    assert len(programs) > 5
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\ncheck_untyped_defs = True\nignore_missing_imports = True\n", encoding="utf-8")
    cache = f"--cache-dir={ROOT / '.mypy_cache/blocks'}"  # apart: a cache serves one set of options
    output, errors, _ = mypy.api.run(["--config-file", str(settings), cache, str(tmp_path)])
    assert not errors
    assert output.startswith("Success"), output


def _is_run(block: Block) -> bool:
    """Whether a test runs the block: then nothing more is to be checked, and a broken model may be broken."""
    return block.page.startswith("docs/causes/")


RUN = [
    block for block in blocks("python") if block.is_ours and block.page.startswith("docs/") and "import " in block.text
]


@pytest.mark.parametrize(
    "block", [block for block in RUN if "causes" not in block.page and "def test_" not in block.text], ids=str
)
def test_programs_run_and_print_what_their_comments_say(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {name.split(".")[0] for name in re.findall(r"^(?:import|from) ([\w.]+)", block.text, re.MULTILINE)}
    if missing := sorted(name for name in wanted if importlib.util.find_spec(name) is None):
        pytest.skip(f"not installed: {', '.join(missing)}")
    monkeypatch.chdir(tmp_path)
    printed: list[str] = []
    exec(
        compile(block.text, str(block), "exec"), {"__name__": "page", "print": lambda value: printed.append(str(value))}
    )
    comments = re.findall(r"^print\(.*\)  # (.*)$", block.text, re.MULTILINE)
    for output, comment in zip(printed, comments, strict=True):
        words = re.findall(r"[\w.-]+", comment.partition(": ")[0])
        assert words == [word for word in re.findall(r"[\w.-]+", output) if word in words][: len(words)], output


def _is_whole(source: str) -> bool:
    """Whether a block is a program, and not lines out of the middle of one."""
    return "import " in source


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_can_be_parsed_and_its_schemas_read(block: Block) -> None:
    source = block.text if _is_whole(block.text) else f"def predict(self, frame):\n{_indented(block.text)}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Schema":
            Schema(ast.literal_eval(node.args[0]))


def _indented(text: str) -> str:
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


POLICY = "[[keys]]"
CLUSTER = "connect ="


@pytest.mark.parametrize("block", [block for block in blocks("toml") if POLICY in block.text], ids=str)
def test_a_policy_is_read(block: Block, tmp_path: Path) -> None:
    public = create_key_pair(tmp_path).pem
    for key in tomllib.loads(block.text)["keys"]:
        (tmp_path / key["file"]).write_text(public)
    (tmp_path / "policy.toml").write_text(block.text, encoding="utf-8")
    assert Policy.from_file(tmp_path / "policy.toml").keys


@pytest.mark.parametrize("block", [block for block in blocks("toml") if CLUSTER in block.text], ids=str)
def test_clusters_are_read(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "clusters.toml"
    file.write_text(block.text, encoding="utf-8")
    for name in tomllib.loads(block.text):
        assert find_cluster(name, tmp_path, file).name == name


@pytest.mark.parametrize(
    "block", [block for block in blocks("toml") if POLICY not in block.text and CLUSTER not in block.text], ids=str
)
def test_toml_is_read_as_settings(block: Block, tmp_path: Path) -> None:
    (folder := tmp_path / "fare").mkdir()
    (folder / "pyml.toml").write_text(block.text, encoding="utf-8")
    Settings.load(folder)


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_workflow_fits_the_schema_of_its_ci(block: Block, tmp_path: Path) -> None:
    is_of_github = "runs-on" in block.text
    (file := tmp_path / "workflow.yml").write_text(block.text, encoding="utf-8")
    schema = "vendor.github-workflows" if is_of_github else "vendor.gitlab-ci"
    linters = [[sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]]
    if is_of_github:
        linters.append([str(Path(sys.executable).with_name("actionlint")), "-shellcheck=", "-no-color", str(file)])
    for linter in linters:
        done = subprocess.run(linter, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    run = re.findall(r"^\s+- (?:run: )?(pyml .+)$", block.text, re.MULTILINE)
    assert run
    assert_commands_exist(replace(block, text="\n".join(run)))


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_can_be_parsed(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", [block for block in blocks("sh") if list(commands(block))], ids=str)
def test_commands_exist_with_their_options(block: Block) -> None:
    assert_commands_exist(block)


def assert_commands_exist(block: Block) -> None:
    for words in commands(block):
        command = get_command(application())
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        is_whole = not hasattr(command, "commands") or getattr(command, "invoke_without_command", False)
        assert is_whole or words == ["--help"], f"no such command: {words}"
        assert not hasattr(command, "commands") or not [word for word in words if not word.startswith("-")]
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
        assert [word for word in words if word.startswith("-") and word.partition("=")[0] not in known] == []
