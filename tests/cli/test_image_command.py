"""`pyml image`, from the command line: what it prints where, and its exit codes. The engine here is a stand-in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml_cli.main import run
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.images.base_image import BaseImage
from pyml_sandbox.drivers.container.images.bootstrap import BootstrapOptions, BootstrappedImage
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.container.images.inventory import ImageInfo, Removal
from pyml_sandbox.workspace.events import Event, OnEvent, Progress

ENGINE = Engine("unix:///nowhere", {})
BASE = ImageInfo("sha256:b2", ("pyml-base:new",), "base", 872_000_000, 0, 200, False)
OLD_BASE = replace(BASE, id="sha256:b1", tags=("pyml-base:old",), created_at=100, own_bytes=310_000_000)
MODEL = ImageInfo("sha256:m", ("pyml-model/a:1",), "model", 873_000_000, 1_000, 300, True, "a", "1", BASE.id)


@dataclass
class Images:
    """The engine's images, and what commands asked for."""

    there: list[ImageInfo] = field(default_factory=lambda: [MODEL, BASE, OLD_BASE])
    removed: list[str] = field(default_factory=list)
    asked: list[object] = field(default_factory=list)

    def list(self, engine: Engine) -> Sequence[ImageInfo]:
        return self.there

    def remove(self, engine: Engine, images: Sequence[ImageInfo], on_event: OnEvent) -> Removal:
        self.removed += [image.label for image in images]
        return Removal(tuple(images), 310_000_000)

    def ensure_base(self, engine: Engine, options: BuildOptions, on_event: OnEvent) -> BaseImage:
        self.asked.append(options)
        on_event(Event("base image", Progress.READY, "pyml-base:new", 30.0))
        return BaseImage(BASE.id, "pyml-base:new", "3.11.2", reused=False)

    def bootstrap(self, engine: Engine, options: BootstrapOptions, on_event: OnEvent) -> BootstrappedImage:
        self.asked.append(options)
        return BootstrappedImage("sha256:p", options.tag, "3.11.2", 124_000_000, reused=False)


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Images:
    images = Images()
    monkeypatch.setattr("pyml_sandbox.drivers.container.engine.docker_engine.find_engine", lambda: ENGINE)
    monkeypatch.setattr("pyml_sandbox.drivers.container.images.inventory.list_images", images.list)
    monkeypatch.setattr("pyml_sandbox.drivers.container.images.inventory.remove", images.remove)
    monkeypatch.setattr("pyml_sandbox.drivers.container.images.base_image.ensure_base", images.ensure_base)
    monkeypatch.setattr("pyml_sandbox.drivers.container.images.bootstrap.bootstrap", images.bootstrap)
    return images


def test_list_shows_name_kind_sizes_and_use(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "list"]) == 0
    head, model, *_, old = capsys.readouterr().out.splitlines()
    assert head.split() == ["image", "kind", "size", "its", "own", "created"]
    assert "pyml-model/a:1" in model
    assert "873.0 MB" in model
    assert model.endswith("in use")
    assert "310.0 MB" in old


def test_list_as_json_has_every_fact(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "list", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["images"][0] == MODEL.json


def test_an_empty_list_names_the_next_command(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
    images.there = []
    assert run(["image", "list"]) == 0
    assert "pyml image build" in capsys.readouterr().out


def test_build_passes_its_options_on(images: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ca.pem").touch()
    options = ["--python-image", "python:3.12-slim", "--ca-bundle", str(tmp_path / "ca.pem"), "--wheels", str(tmp_path)]
    assert run(["image", "build", *options]) == 0
    assert images.asked == [BuildOptions("python:3.12-slim", tmp_path / "ca.pem", tmp_path)]
    printed = capsys.readouterr()
    assert printed.out == " pyml-base:new, Python 3.11.2\n"
    assert "base image" in printed.err


def test_build_as_json_is_events_and_then_the_image(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "build", "--json"]) == 0
    event, result = map(json.loads, capsys.readouterr().out.splitlines())
    assert event["event"] == "ready"
    assert result == {"id": BASE.id, "tag": "pyml-base:new", "python_version": "3.11.2", "reused": False}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], BootstrapOptions()),
        (["--suite", "trixie", "--force"], BootstrapOptions(suite="trixie", force=True)),
        (["--mirror", "http://mirror/debian"], BootstrapOptions(mirror="http://mirror/debian")),
    ],
)
def test_bootstrap_passes_its_options_on_and_says_what_is_next(
    images: Images, arguments: list[str], expected: BootstrapOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["image", "bootstrap", *arguments]) == 0
    assert images.asked == [expected]
    assert f"{expected.tag} (124.0 MB)" in capsys.readouterr().out


def test_prune_says_what_it_would_remove_and_removes_nothing_unasked(
    images: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["image", "prune"]) == 2
    said = capsys.readouterr().err
    assert "pyml-base:old, 310.0 MB of its own" in said
    assert "pyml-base:new" not in said
    assert "fix: pyml image prune --yes" in said
    assert images.removed == []


def test_prune_with_yes_removes_what_nothing_needs(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "prune", "--yes"]) == 0
    assert images.removed == ["pyml-base:old"]
    assert "Removed 1 image, 310.0 MB." in capsys.readouterr().out


def test_prune_of_everything_keeps_what_containers_need(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
    images.there.append(ImageInfo("sha256:p", ("pyml-python:bookworm",), "python", 1, 1, 50, False))
    assert run(["image", "prune", "--all", "--yes", "--json"]) == 0
    assert images.removed == ["pyml-base:old", "pyml-python:bookworm"]
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result == {"removed": ["pyml-base:old", "pyml-python:bookworm"], "freed_bytes": 310_000_000}


def test_prune_of_nothing_asks_nothing(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
    images.there = [MODEL, BASE]
    assert run(["image", "prune"]) == 0
    assert "nothing was removed" in capsys.readouterr().out


def test_without_an_engine_the_error_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> Engine:
        raise SetupError("No Docker engine answers.", "start Docker")

    monkeypatch.setattr("pyml_sandbox.drivers.container.engine.docker_engine.find_engine", none)
    assert run(["image", "list"]) == 3
    assert "fix: start Docker" in capsys.readouterr().err
