"""Which images nothing needs any more."""

from __future__ import annotations

import pytest

from pyml_sandbox.drivers.container.images.inventory import ImageInfo, superfluous


def an_image(
    image_id: str,
    kind: str,
    created_at: float,
    name: str = "",
    base: str = "",
    in_use: bool = False,
    named: bool = True,
) -> ImageInfo:
    tags = (f"{image_id}:1",) if named else ()
    return ImageInfo(image_id, tags, kind, 1000, 10, created_at, in_use, name, "v", base)


IMAGES = [
    an_image("python", "python", 1),
    an_image("base-old", "base", 2),
    an_image("base", "base", 3),
    an_image("a-1", "model", 4, "a", "base-old"),
    an_image("a-2", "model", 5, "a", "base"),
    an_image("b-1", "model", 6, "b", "base-old"),
    an_image("lost", "model", 7, "a", "base", named=False),
]


@pytest.mark.parametrize(
    ("used", "everything", "expected"),
    [
        ("", False, {"a-1", "lost"}),
        ("a-1", False, {"lost"}),
        ("lost", False, {"a-1"}),
        ("a-1", True, {"python", "base", "a-2", "b-1", "lost"}),
        ("", True, {"python", "base-old", "base", "a-1", "a-2", "b-1", "lost"}),
    ],
)
def test_needed_are_those_in_use_the_newest_of_each_and_the_bases_below_them(
    used: str, everything: bool, expected: set[str]
) -> None:
    images = [ImageInfo(**{**vars(image), "in_use": image.id == used}) for image in IMAGES]
    assert {image.id for image in superfluous(images, everything)} == expected


def test_a_base_below_nothing_is_superfluous() -> None:
    images = [image for image in IMAGES if image.name != "b" and image.id != "a-1"]
    assert {image.id for image in superfluous(images)} == {"base-old", "lost"}


def test_an_image_is_called_by_its_name_or_the_first_digits_of_its_id() -> None:
    assert IMAGES[0].label == "python:1"
    assert an_image("sha256:0123456789abcdef", "base", 1, named=False).label == "0123456789ab"
