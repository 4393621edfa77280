"""The names of images in registries."""

from __future__ import annotations

import pytest

from pyml.errors import UsageError
from pyml_sandbox.promotion.oci.image_reference import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registry.example/fare", Reference("registry.example", "fare")),
        ("registry.example/models/fare:prod", Reference("registry.example", "models/fare", "prod")),
        ("127.0.0.1:5000/fare:1.0_a-b", Reference("127.0.0.1:5000", "fare", "1.0_a-b")),
        ("localhost/a/b/c", Reference("localhost", "a/b/c")),
        (f"host:1/fare@{DIGEST}", Reference("host:1", "fare", "", DIGEST)),
        (f"host:1/fare:prod@{DIGEST}", Reference("host:1", "fare", "prod", DIGEST)),
    ],
)
def test_a_reference_is_read_and_written(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text",
    ["fare", "models/fare", "registry.example/", "registry.example/Fare", "https://host.example/fare", "host:1/a b",
     "host:1/fare:", f"host:1/fare@{DIGEST[:-1]}", "host:1/fare:-x", "host.example/färe", "", "host:1/fare\n"],
)  # fmt: skip
def test_what_names_no_registry_or_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected HOST/REPOSITORY"):
        Reference.parse(text)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [("127.0.0.1:5000", True), ("localhost", True), ("localhost.example", False), ("10.0.0.1", False)],
)
def test_which_registry_is_on_this_machine(host: str, is_local: bool) -> None:
    assert Reference(host, "fare").is_local is is_local
