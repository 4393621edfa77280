"""Which image the base image starts from, where it is pulled, what stands in for it, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import docker.errors
import pytest

from pyml.errors import SetupError, UsageError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.images import python_image
from pyml_sandbox.drivers.container.images.python_image import (
    DEFAULT,
    PythonImage,
    bootstrapped,
    ensure_python_image,
    find_python_image,
    python_version,
)
from pyml_sandbox.workspace.events import Event, ignore


@dataclass(frozen=True)
class FakeImage:
    """An image in the engine, or in a registry."""

    id: str
    tags: Sequence[str]
    created: str = "2026-11-25"
    kind: str = ""

    @property
    def attrs(self) -> dict[str, str]:
        return {"Created": self.created}


OFFICIAL = FakeImage("sha256:0ff1c1a1", [DEFAULT])
OWN = FakeImage("sha256:0a0a0a0a", ["mine:1"])
BOOTSTRAPPED = FakeImage("sha256:b007b007", ["pyml-python:1"], kind="python")


@dataclass
class FakeImages:
    """The images of an engine, and those that it could pull.

    Attributes:
        here: in the engine.
        elsewhere: in a registry that answers.
        pulled: what was pulled.
    """

    here: list[FakeImage] = field(default_factory=list)
    elsewhere: list[FakeImage] = field(default_factory=list)
    pulled: list[str] = field(default_factory=list)

    @property
    def engine(self) -> Engine:
        return cast(Engine, SimpleNamespace(client=SimpleNamespace(images=self)))

    def get(self, reference: str) -> FakeImage:
        digits = reference.removeprefix("sha256:")
        for image in self.here:
            if reference in image.tags or image.id.removeprefix("sha256:").startswith(digits):
                return image
        raise docker.errors.ImageNotFound("No such image")

    def pull(self, reference: str) -> FakeImage:
        self.pulled.append(reference)
        for image in self.elsewhere:
            if reference in image.tags:
                return image
        raise docker.errors.APIError("no registry answers", explanation="no registry answers")

    def list(self, filters: dict[str, str]) -> Sequence[FakeImage]:
        assert filters == {"label": "io.pyml.kind=python"}
        return [image for image in self.here if image.kind == "python"]


def image(found: FakeImage, reference: str | None = None) -> PythonImage:
    return PythonImage(found.id, reference or found.tags[0])


FOUND = [
    ("the default", [OFFICIAL, BOOTSTRAPPED], None, image(OFFICIAL)),
    ("a bootstrapped one where the default is not there", [BOOTSTRAPPED], None, image(BOOTSTRAPPED)),
    ("none", [OWN], None, None),
    ("the chosen one", [OFFICIAL, OWN], "mine:1", image(OWN)),
    ("no other than the chosen one", [OFFICIAL, BOOTSTRAPPED], "mine:1", None),
    ("one by its id goes by a name of it", [OWN], "sha256:0a0a", image(OWN, "mine:1")),
    ("one by its bare id", [OWN], "0a0a0a0a", image(OWN, "mine:1")),
]


@pytest.mark.parametrize(("here", "chosen", "expected"), [case[1:] for case in FOUND], ids=[case[0] for case in FOUND])
def test_what_is_there_is_found_and_nothing_pulled(
    here: list[FakeImage], chosen: str | None, expected: PythonImage | None
) -> None:
    images = FakeImages(here, [OFFICIAL])
    assert find_python_image(images.engine, chosen) == expected
    assert not images.pulled


def test_of_bootstrapped_images_the_newest_with_a_name_counts() -> None:
    newer = FakeImage("sha256:2", ["pyml-python:2"], "2026-11-26", "python")
    nameless = FakeImage("sha256:3", [], "2026-11-27", "python")
    assert bootstrapped(FakeImages([BOOTSTRAPPED, newer, nameless]).engine) == image(newer)
    assert bootstrapped(FakeImages([nameless]).engine) is None


def test_an_image_without_a_name_is_refused_with_the_command_that_gives_it_one() -> None:
    nameless = FakeImage("sha256:abcd", [])
    with pytest.raises(UsageError, match="has no name") as caught:
        find_python_image(FakeImages([nameless]).engine, "abcd")
    assert caught.value.hint == "docker tag abcd NAME"


# ---- making sure


@pytest.mark.parametrize(("chosen", "expected"), [(None, OFFICIAL), ("mine:1", OWN)])
def test_what_is_not_there_is_pulled_and_that_is_told(chosen: str | None, expected: FakeImage) -> None:
    images, events = FakeImages([], [OFFICIAL, OWN]), list[Event]()
    assert ensure_python_image(images.engine, chosen, events.append) == image(expected)
    assert images.pulled == [expected.tags[0]]
    assert [event.detail for event in events] == [f"pulling {expected.tags[0]}", f"pulled {expected.tags[0]}"]


def test_what_is_there_is_not_pulled() -> None:
    images = FakeImages([OFFICIAL], [OFFICIAL])
    assert ensure_python_image(images.engine, None, ignore) == image(OFFICIAL)
    assert not images.pulled


def test_a_bootstrapped_image_stands_in_for_the_default_and_that_is_told() -> None:
    events: list[Event] = []
    assert ensure_python_image(FakeImages([BOOTSTRAPPED]).engine, None, events.append) == image(BOOTSTRAPPED)
    assert events[-1].detail == f"pyml-python:1 ({DEFAULT} cannot be pulled)"


@pytest.mark.parametrize(("here", "chosen"), [([], None), ([], "mine:1"), ([BOOTSTRAPPED], "mine:1")])
def test_where_nothing_stands_in_the_ways_out_are_named(here: list[FakeImage], chosen: str | None) -> None:
    with pytest.raises(SetupError, match=r"cannot be pulled: .*no registry answers") as caught:
        ensure_python_image(FakeImages(here).engine, chosen, ignore)
    assert "pyml image bootstrap" in caught.value.hint


# ---- what is in it


@dataclass
class FakeRun:
    """A container that answers as it is told to."""

    code: int = 0
    printed: str = "/usr/bin/apt-get\n3.11.2\n"
    problem: Exception | None = None
    attrs: dict[str, dict[str, object]] = field(default_factory=lambda: {"State": {}})

    def reload(self) -> None:
        """Ask how it ended."""

    def start(self) -> None:
        if self.problem is not None:
            raise self.problem

    def wait(self, timeout: float | None = None) -> dict[str, int]:
        return {"StatusCode": self.code}

    def logs(self, *, stdout: bool, stderr: bool) -> bytes:
        return self.printed.encode() if stdout else b""

    def remove(self, *, force: bool) -> None:
        """Remove it."""


def version_in(run: FakeRun) -> str:
    containers = SimpleNamespace(create=lambda *arguments, **options: run)
    engine = cast(Engine, SimpleNamespace(client=SimpleNamespace(containers=containers)))
    return python_version(engine, image(OWN))


def test_the_version_of_its_python_is_the_last_that_it_says() -> None:
    assert version_in(FakeRun()) == "3.11.2"
    assert version_in(FakeRun(printed="/usr/bin/apt-get\n3.13.0\n")) == "3.13.0"


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (
            FakeRun(problem=docker.errors.APIError("no such file", explanation="exec: /bin/sh: not found")),
            "it has no shell",
        ),
        (FakeRun(code=127), "does not have both apt-get and a python3 with venv"),
        (FakeRun(printed="/usr/bin/apt-get\n3.9.18\n"), "its Python is 3.9.18"),
        (FakeRun(printed="/usr/bin/apt-get\n2.7.18\n"), "its Python is 2.7.18"),
    ],
)
def test_an_image_without_debian_or_with_an_old_python_is_refused_with_what_is_expected(
    run: FakeRun, words: str
) -> None:
    with pytest.raises(SetupError, match="mine:1 cannot be the Python image") as caught:
        version_in(run)
    assert words in caught.value.message
    assert f"--python-image {python_image.DEFAULT}" in caught.value.hint
