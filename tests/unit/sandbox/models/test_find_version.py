"""Finding uploaded versions: by name, by the first digits of a version, and beside records that are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import SetupError, UsageError
from pyml_sandbox.drivers.process.environments import VirtualenvBuilder
from pyml_sandbox.models import registry
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.models.routes import Routes, routes_text, save_routes
from pyml_sandbox.workspace.home import SandboxHome
from support.uploads import keep


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    found = SandboxHome(tmp_path / "home of mine")
    for place, model_id in enumerate(
        ("fare@3f2a9c1b77d0", "fare@3f2b00000000", "fare@700000000000", "delay@3f2a11111111")
    ):
        keep(found, model_id, uploaded_at=place)
    return found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("fare", "fare@700000000000"),
        ("fare@7", "fare@700000000000"),
        ("fare@3f2a", "fare@3f2a9c1b77d0"),
        ("fare@3f2b00000000", "fare@3f2b00000000"),
        ("delay@3f2", "delay@3f2a11111111"),
    ],
)
def test_a_version_is_found_by_its_first_digits_and_the_latest_by_the_name_alone(
    home: SandboxHome, asked: str, found: str
) -> None:
    assert find_version(home, asked).model_id == found


def test_the_deployed_version_is_found_by_the_name_alone(home: SandboxHome) -> None:
    save_routes(home, routes_text(Routes().with_version("fare", "3f2b00000000"), lambda *_: []))
    assert find_version(home, "fare").model_id == "fare@3f2b00000000"


def test_first_digits_of_several_versions_are_refused_with_a_list_of_them(home: SandboxHome) -> None:
    with pytest.raises(UsageError) as caught:
        find_version(home, "fare@3f2")
    assert "fare@3f2a9c1b77d0, fare@3f2b00000000" in caught.value.message
    assert "700000000000" not in caught.value.message


def test_a_whole_version_is_itself_even_where_another_begins_with_it(home: SandboxHome) -> None:
    keep(home, "fare@70")
    assert find_version(home, "fare@70").model_id == "fare@70"


@pytest.mark.parametrize(
    ("asked", "words"), [("nobody", "no version of it"), ("fare@9", "uploaded: fare@3f2a9c1b77d0, fare@3f2b")]
)
def test_what_was_never_uploaded_is_refused_with_what_was(home: SandboxHome, asked: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        find_version(home, asked)


DAMAGES = {"cut": '{"name": "fa', "list": "[]", "null": "null", "bare": "{}", "types": '{"uploaded_at": "x"}'}


@pytest.fixture(params=[*DAMAGES, "no package", "no lock"])
def damaged(request: pytest.FixtureRequest, home: SandboxHome) -> Path:
    """The folder of fare@700000000000, damaged."""
    folder = home.models / "fare" / "700000000000"
    if request.param == "no package":
        (folder / "package").rmdir()
    elif request.param == "no lock":
        (folder / "requirements.lock").unlink()
    else:
        (folder / "record.json").write_text(DAMAGES[request.param])
    return folder


@pytest.mark.parametrize("asked", ["delay", "delay@3f2a", "fare@3f2a", "fare@3f2b00000000"])
def test_a_damaged_version_leaves_all_others_within_reach(home: SandboxHome, damaged: Path, asked: str) -> None:
    assert find_version(home, asked).model_id.startswith(asked)


@pytest.mark.parametrize("asked", ["fare", "fare@7", "fare@700000000000"])
def test_a_damaged_version_is_named_where_it_is_asked_for_or_may_be_the_latest(
    home: SandboxHome, damaged: Path, asked: str
) -> None:
    with pytest.raises(SetupError) as caught:
        find_version(home, asked)
    assert str(damaged) in caught.value.message
    assert f"rm -r '{damaged}'" in caught.value.hint  # the folder's name has a space


def test_a_deployed_version_is_found_by_name_beside_a_damaged_one(home: SandboxHome, damaged: Path) -> None:
    save_routes(home, routes_text(Routes().with_version("fare", "3f2b00000000"), lambda *_: []))
    assert find_version(home, "fare").model_id == "fare@3f2b00000000"


def test_a_reference_to_a_good_model_is_resolved_beside_a_damaged_one(home: SandboxHome, damaged: Path) -> None:
    assert registry.resolve(home, "delay", VirtualenvBuilder(home)).model_id == "delay@3f2a11111111"


def test_a_deployed_version_that_is_gone_is_said_to_be_deployed(home: SandboxHome) -> None:
    save_routes(home, routes_text(Routes().with_version("fare", "999999999999"), lambda *_: []))
    with pytest.raises(UsageError) as caught:
        find_version(home, "fare")
    assert "fare@999999999999 is deployed" in caught.value.message
    assert "pyml undeploy fare" in caught.value.hint
