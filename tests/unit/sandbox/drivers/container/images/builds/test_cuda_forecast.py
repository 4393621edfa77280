"""The warning before a build: uv resolves with the settings of the build, once for each requirements.txt."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.images.builds import cuda_forecast
from pyml_sandbox.drivers.container.images.builds.build_inputs import BuildInputs
from pyml_sandbox.drivers.container.images.builds.cuda_forecast import warn_before_build
from pyml_sandbox.drivers.uv_program import UvError
from pyml_sandbox.workspace.events import OnEvent, ignore
from support.packages import write_package

LOCK = "xgboost==3.2.0\nnvidia-nccl-cu12==2.32.3\n"
INPUTS = BuildInputs({}, {"index-url": "https://corp/simple"})


class FakeEngine:
    """Has nothing but an environment."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"PYML_HOME": str(folder), "UV_FIND_LINKS": "/of/this/machine", "PATH": "/bin"}


class Scene:
    """Records what is resolved, and what is warned of."""

    def __init__(self, folder: Path) -> None:
        self.resolved: list[dict[str, str]] = []
        self.warned: list[str] = []
        self.refusal: UvError | None = None
        self.package = ModelPackage(write_package(folder / "fare"))
        (self.package.folder / "requirements.txt").write_text("xgboost\n")
        self._engine = cast(Engine, FakeEngine(folder))

    def resolve(self, package: ModelPackage, beside: list[str], environ: dict[str, str]) -> str:
        self.resolved.append(environ)
        if self.refusal:
            raise self.refusal
        return LOCK

    def warn(self, lock: str, package: ModelPackage, environ: dict[str, str], on_event: OnEvent) -> None:
        self.warned.append(lock)

    def build(self, lock: str | None = None) -> None:
        """What a build does first."""
        warn_before_build(self._engine, self.package, lock, INPUTS, ignore)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene = Scene(tmp_path)
    monkeypatch.setattr(cuda_forecast, "resolve_requirements", scene.resolve)
    monkeypatch.setattr(cuda_forecast, "warn_of_cuda", scene.warn)
    return scene


def test_uv_gets_the_settings_of_the_build_and_none_of_its_own(scene: Scene) -> None:
    scene.build()
    (environ,) = scene.resolved
    assert environ["UV_DEFAULT_INDEX"] == "https://corp/simple"
    assert "UV_FIND_LINKS" not in environ
    assert scene.warned == [LOCK]


def test_equal_requirements_are_resolved_once(scene: Scene) -> None:
    scene.build()
    scene.build()
    assert (len(scene.resolved), scene.warned) == (1, [LOCK, LOCK])
    (scene.package.folder / "requirements.txt").write_text("xgboost<3\n")
    scene.build()
    assert len(scene.resolved) == 2


def test_the_lock_of_an_earlier_build_needs_no_forecast(scene: Scene) -> None:
    scene.build(lock="numpy==2.0\n")
    assert (scene.resolved, scene.warned) == ([], ["numpy==2.0\n"])


def test_requirements_that_uv_cannot_resolve_are_left_to_the_build(scene: Scene) -> None:
    scene.refusal = UvError("no such package")
    scene.build()
    assert scene.warned == [""]
    scene.refusal = None
    scene.build()
    assert scene.warned == ["", LOCK]
