"""The container driver's environment builder: which image a version runs in, and when one is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pyml.errors import SandboxError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.container import environments
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.environments import ImageBuilder
from pyml_sandbox.drivers.container.images.base_image import BaseImage
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.container.images.model_image import ModelImage
from pyml_sandbox.models.environment import Environment, EnvironmentSize
from pyml_sandbox.services.inside_paths import MODEL_PACKAGE, MODEL_PYTHON
from pyml_sandbox.workspace.events import OnEvent, ignore
from support.fake_docker import FakeDocker
from support.packages import write_package

DECLARED: Mapping[str, object] = {"kind": "frame", "inputs": "a DOUBLE", "outputs": "a DOUBLE"}
BASE = BaseImage("sha256:ba5e", "pyml-base:1", "3.11.2", reused=True)
SIZE = EnvironmentSize(1_240_000_000, 90, 35.4)


def image(number: str, *, reused: bool = False) -> ModelImage:
    return ModelImage(f"sha256:{number * 64}", "pyml-model/echo:1", "echo", "1", "numpy==2.0\n", DECLARED, reused, SIZE)


@dataclass
class Scene:
    """What was built, found, copied and talked to."""

    done: list[object] = field(default_factory=list)

    def builder(self, **options: object) -> ImageBuilder:
        return ImageBuilder(FakeDocker().engine(), BuildOptions(**options))  # type: ignore[arg-type]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()

    def ensure_base(engine: Engine, options: BuildOptions, on_event: OnEvent) -> BaseImage:
        made.done.append(("base", options))
        return BASE

    def build(
        engine: Engine, base: BaseImage, package: ModelPackage, version: str, lock: str | None, options: BuildOptions, on_event: OnEvent
    ) -> ModelImage:  # fmt: skip
        made.done.append(("build", base, version, lock))
        return image("a")

    def find(engine: Engine, reference: str) -> ModelImage:
        made.done.append(("find", reference))
        return image("b", reused=True)

    def extract(engine: Engine, image_id: str, folder: Path) -> None:
        made.done.append(("extract", image_id, folder))

    def open_session(engine: Engine, image_id: str, command: list[str]) -> str:
        made.done.append(("talk", image_id, command))
        return "a session"

    replaced = {"ensure_base": ensure_base, "build_model": build, "find_model_image": find, "extract_package": extract}
    for name, function in {**replaced, "session_with_container": open_session}.items():
        monkeypatch.setattr(environments, name, function)
    return made


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    return ModelPackage(write_package(tmp_path / "package"))


def test_a_package_becomes_an_image_on_the_base_image_with_whatever_its_requirements_resolve_to(
    scene: Scene, package: ModelPackage, tmp_path: Path
) -> None:
    made = scene.builder().make(package, tmp_path, ignore)
    assert scene.done[1] == ("build", BASE, package.version, None)
    assert (made.lock, made.declared) == ("numpy==2.0\n", DECLARED)
    assert made.environment == Environment(
        image("a").id, MODEL_PYTHON, MODEL_PACKAGE, f"image {'a' * 12} (new)", image("a").id
    )


def test_a_version_that_was_made_before_is_built_from_its_lock(
    scene: Scene, package: ModelPackage, tmp_path: Path
) -> None:
    found = scene.builder().ensure(package, tmp_path, "numpy==2.0\n", None, ignore)
    assert scene.done[1] == ("build", BASE, package.version, "numpy==2.0\n")
    assert found.image == image("a").id


def test_a_version_that_is_an_image_runs_in_that_image_and_is_never_built(
    scene: Scene, package: ModelPackage, tmp_path: Path
) -> None:
    found = scene.builder().ensure(package, tmp_path, "numpy==2.0\n", "sha256:pinned", ignore)
    assert scene.done == [("find", "sha256:pinned")]
    assert (found.image, found.note) == (image("b").id, f"image {'b' * 12} (reused)")


def test_an_image_is_taken_as_a_version_with_the_package_that_it_holds(scene: Scene, tmp_path: Path) -> None:
    name, made = scene.builder().import_image("echo:1", tmp_path, ignore)
    assert name == "echo"
    assert made.environment.image == image("b").id
    assert scene.done == [("find", "echo:1"), ("extract", image("b").id, tmp_path / "package")]


def test_wheels_and_certificates_go_into_the_build_and_leave_the_builder_as_it_was(
    scene: Scene, package: ModelPackage, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("")
    builder = scene.builder(python_image="mine:1")
    builder.with_inputs(tmp_path, tmp_path / "ca.pem").make(package, tmp_path, ignore)
    builder.make(package, tmp_path, ignore)
    options = [each[1] for each in scene.done if isinstance(each, tuple) and each[0] == "base"]
    assert options == [
        BuildOptions(python_image="mine:1", wheels=tmp_path, ca_bundle=tmp_path / "ca.pem"),
        BuildOptions(python_image="mine:1"),
    ]


def test_a_models_python_is_talked_to_in_its_image(scene: Scene) -> None:
    environment = Environment("key", MODEL_PYTHON, MODEL_PACKAGE, image="sha256:aa")
    scene.builder().open_session(environment, ["-m", "pyml.harness"])
    assert scene.done == [("talk", "sha256:aa", [MODEL_PYTHON, "-m", "pyml.harness"])]


def test_an_environment_that_is_no_image_is_an_error_with_the_way_to_one(scene: Scene) -> None:
    with pytest.raises(SandboxError, match="is not an image") as caught:
        scene.builder().open_session(Environment("key", "/usr/bin/python", "package"), [])
    assert "pyml upload" in caught.value.hint
