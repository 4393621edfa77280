"""A build as Compose is told it, and what its output means."""

from __future__ import annotations

import json
from pathlib import Path

from pyml_sandbox.drivers.container.images.builds.build_inputs import BuildInputs
from pyml_sandbox.drivers.container.images.builds.dockerfiles import SCRIPTS, compose_folder
from pyml_sandbox.drivers.container.images.builds.image_build import ImageBuild, build_context, output_of_failed_step

INPUTS = BuildInputs({"http_proxy": "http://me:pa$$word@proxy"}, {"index-url": "https://me:secret@index"})


def test_a_build_is_one_service_with_its_secrets_as_files() -> None:
    build = ImageBuild("base.Dockerfile", Path("/b/context"), "a:1", INPUTS, {"l": '{"x": "$y"}'}, {"A": "b"})
    document = json.loads(build.compose_file)
    service = document["services"]["image"]
    assert service["image"] == "a:1"
    assert service["build"]["context"] == "/b/context"
    assert Path(service["build"]["dockerfile"]).read_text().startswith("# The image that every service runs from")
    assert service["build"]["secrets"] == ["ca", "pip"]
    assert document["secrets"]["pip"] == {"file": "/b/secrets/pip"}
    assert "secret@index" not in build.compose_file


def test_compose_replaces_no_variable_in_it() -> None:
    build = ImageBuild("base.Dockerfile", Path("/b/context"), "a:1", INPUTS, {"l": '{"x": "$y"}'}, {"A": "b"})
    told = json.loads(build.compose_file.replace("$$", "$"))["services"]["image"]["build"]
    assert told["labels"] == {"l": '{"x": "$y"}'}
    assert told["args"] == {"http_proxy": "http://me:pa$$word@proxy", "A": "b"}
    assert build.compose_file.count("$") == 2 * 3


def test_a_context_holds_scripts_and_wheels_and_its_secrets_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a-1-py3-none-any.whl").write_text("wheel")
    (tmp_path / "ca.pem").write_text("certificates")
    inputs = BuildInputs({}, {"index-url": "https://a"}, tmp_path / "ca.pem", tmp_path)
    with build_context(inputs) as context:
        assert {path.name for path in context.iterdir()} == {*SCRIPTS, "wheels"}
        assert (context / "wheels" / "a-1-py3-none-any.whl").read_text() == "wheel"
        secrets = context.parent / "secrets"
        assert secrets.stat().st_mode & 0o777 == 0o700
        assert (secrets / "pip").read_text() == "export PIP_INDEX_URL=https://a\n"
        assert (secrets / "ca").read_text() == "certificates"
    assert not context.parent.exists()


def test_the_words_of_the_step_that_failed_are_told_apart_from_the_others() -> None:
    said = """\
#7 [java 2/3] RUN apt
#9 [stage-3 4/7] RUN pip
#7 1.100 Get:1 http://mirror
#9 2.345 ERROR: No matching distribution found for nonsense
#7 3.000 done
#9 2.350
#9 ERROR: executor failed running [/bin/sh -c pip]: exit code: 1
------
failed to solve: exit code: 1"""
    assert output_of_failed_step(said.splitlines()) == ["ERROR: No matching distribution found for nonsense", ""]
    assert output_of_failed_step(["Cannot connect"]) == []


def test_an_installed_package_brings_the_dockerfiles_along() -> None:
    import tomllib

    root = compose_folder().parent
    document = tomllib.loads((root / "pyproject.toml").read_text())
    included = document["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included["compose"] == "pyml_sandbox/compose"
