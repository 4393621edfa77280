"""How an image build reaches indexes and mirrors, from the environment and pip's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pyml.errors import SetupError, UsageError
from pyml_sandbox.drivers.container.images.builds.build_inputs import SECRET_MAX_BYTES, BuildInputs
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.pip_settings import list_pip_config


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text("certificates")
    return path


def test_a_plain_machine_gives_a_build_nothing() -> None:
    inputs = BuildInputs.from_environ({"PATH": "/bin"})
    assert (inputs.proxies, inputs.pip, inputs.ca_bundle, inputs.wheels, inputs.left_out) == ({}, {}, None, None, ())
    assert inputs.pip_script == ""


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_proxies_reach_a_build_in_both_cases(name: str) -> None:
    inputs = BuildInputs.from_environ({name: "http://proxy:3128"})
    assert inputs.proxies == {"http_proxy": "http://proxy:3128", "HTTP_PROXY": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("environ", "config", "expected"),
    [
        ({"PIP_INDEX_URL": "https://a/simple"}, "", {"index-url": "https://a/simple"}),
        ({"PIP_EXTRA_INDEX_URL": "https://a https://b"}, "", {"extra-index-url": "https://a https://b"}),
        ({"PIP_DEFAULT_TIMEOUT": "180"}, "", {"timeout": "180"}),
        ({"PIP_TRUSTED_HOST": "a"}, "", {"trusted-host": "a"}),
        ({}, "global.index-url='https://a'\ninstall.trusted-host='\\na\\nb'\n", {"index-url": "https://a", "trusted-host": "a b"}),
        ({}, "global.index-url='https://a'\ninstall.index-url='https://b'\n", {"index-url": "https://b"}),
        ({"PIP_INDEX_URL": "https://c"}, "global.index-url='https://a'\n:env:.index-url='https://z'\n", {"index-url": "https://c"}),
        ({"UV_DEFAULT_INDEX": "https://u"}, "global.index-url='https://a'\n:env:.index-url='https://z'\n", {"index-url": "https://u"}),
        ({"UV_DEFAULT_INDEX": "https://u", "PIP_INDEX_URL": "https://c"}, "", {"index-url": "https://c"}),
        ({"UV_INDEX": "corp=https://u/simple https://v"}, "", {"extra-index-url": "https://u/simple https://v"}),
        ({"UV_FIND_LINKS": "https://a,https://b"}, "", {"find-links": "https://a https://b"}),
        ({"UV_INDEX": "my-corp=https://u/simple", "UV_INDEX_MY_CORP_USERNAME": "me", "UV_INDEX_MY_CORP_PASSWORD": "p@s"}, "", {"extra-index-url": "https://me:p%40s@u/simple"}),
        ({"PIP_TARGET": "/tmp/x", "PIP_PREFIX": "/x", "PIP_CACHE_DIR": "/c", "PIP_REQUIRE_VIRTUALENV": "1"}, "", {}),
    ],
)  # fmt: skip
def test_pip_in_a_build_asks_the_indexes_that_this_machine_asks(
    environ: Mapping[str, str], config: str, expected: Mapping[str, str]
) -> None:
    assert BuildInputs.from_environ(environ, pip_config=config).pip == expected


def test_files_of_this_machine_are_left_out_and_named() -> None:
    environ = {"PIP_FIND_LINKS": "/opt/wheels https://a", "PIP_CLIENT_CERT": "/me.pem"}
    inputs = BuildInputs.from_environ(environ, pip_config="global.extra-index-url='file:///srv/simple'\n")
    assert inputs.pip == {"find-links": "https://a"}
    assert set(inputs.left_out) == {
        "find-links /opt/wheels",
        "extra-index-url file:///srv/simple",
        "client-cert /me.pem",
    }


def test_constraints_of_this_machine_travel_as_their_content(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("torch<3")
    environ = {"PIP_CONSTRAINT": f"{tmp_path / 'c.txt'} https://a/c.txt {tmp_path / 'none.txt'}"}
    inputs = BuildInputs.from_environ(environ)
    assert inputs.constraints == "torch<3\n"
    assert inputs.pip == {"constraint": "https://a/c.txt"}
    assert inputs.left_out == (f"constraint {tmp_path / 'none.txt'}",)


def test_what_is_said_of_settings_holds_no_password() -> None:
    inputs = BuildInputs.from_environ({"PIP_FIND_LINKS": "ftp://me:secret@a/wheels"})
    assert inputs.left_out == ("find-links ftp://****@a/wheels",)


def test_settings_become_a_script_that_a_shell_reads_as_written() -> None:
    inputs = BuildInputs.from_environ({"PIP_INDEX_URL": "https://me:it's$HOME@a/simple"})
    assert inputs.pip_script == "export PIP_INDEX_URL='https://me:it'\"'\"'s$HOME@a/simple'\n"


@pytest.mark.parametrize(
    "name", ["PYML_CA_BUNDLE", "PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
)
def test_certificates_are_those_that_the_environment_names(name: str, certificates: Path) -> None:
    assert BuildInputs.from_environ({name: str(certificates)}).ca_bundle == certificates
    assert BuildInputs.from_environ({name: "/nowhere.pem"}).ca_bundle is None


def test_certificates_may_be_named_by_pip_s_configuration(certificates: Path) -> None:
    assert BuildInputs.from_environ({}, pip_config=f"global.cert='{certificates}'\n").ca_bundle == certificates


def test_chosen_certificates_win_and_must_be_there(certificates: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("others")
    environ = {"PIP_CERT": str(other)}
    assert BuildInputs.from_environ(environ, BuildOptions(ca_bundle=certificates)).ca_bundle == certificates
    with pytest.raises(UsageError, match=r"no file .*missing\.pem"):
        BuildInputs.from_environ(environ, BuildOptions(ca_bundle=tmp_path / "missing.pem"))


def test_more_certificates_than_a_secret_holds_are_refused(certificates: Path) -> None:
    certificates.write_bytes(b"x" * (SECRET_MAX_BYTES + 1))
    with pytest.raises(SetupError, match="a build secret can have at most 512,000"):
        BuildInputs.from_environ({"PIP_CERT": str(certificates)})


def test_a_folder_of_wheels_must_hold_some(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no wheels in"):
        BuildInputs.from_environ({}, BuildOptions(wheels=tmp_path))
    (tmp_path / "a-1-py3-none-any.whl").touch()
    assert BuildInputs.from_environ({}, BuildOptions(wheels=tmp_path)).wheels == tmp_path
    assert BuildInputs.from_environ({"PYML_WHEELS": str(tmp_path)}).wheels == tmp_path


def test_pip_lists_its_own_configuration(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://a/simple\n[install]\ntrusted_host =\n  a\n  b\n")
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    found = BuildInputs.from_environ({}, pip_config=list_pip_config(environ)).pip
    assert (found["index-url"], found["trusted-host"]) == ("https://a/simple", "a b")
    assert "index-url" not in list_pip_config({"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"})


def test_a_configuration_that_pip_cannot_read_is_refused_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("index-url = https://a\n")
    with pytest.raises(SetupError, match="contains no section headers"):
        list_pip_config({"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")})
