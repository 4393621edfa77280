"""What uv is given of pip's settings, and that no password is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pyml_sandbox.drivers.pip_settings import (
    left_out_for_uv,
    list_pip_config,
    settings_of_files,
    settings_of_variables,
    uv_variables,
)

HERE = Path.cwd()
AS_PIP = {"UV_INDEX_STRATEGY": "unsafe-best-match"}


@pytest.mark.parametrize(
    ("settings", "environ", "expected"),
    [
        ({}, {}, {}),
        ({"index-url": "https://a/simple"}, {}, {"UV_DEFAULT_INDEX": "https://a/simple"}),
        ({"index-url": "https://a"}, {"UV_DEFAULT_INDEX": "https://u"}, {}),
        ({"index-url": "https://a"}, {"UV_INDEX_URL": "https://u"}, {}),
        ({"extra-index-url": "https://a https://b"}, {}, {"UV_INDEX": "https://a https://b"}),
        ({"extra-index-url": "https://a"}, {"UV_EXTRA_INDEX_URL": "https://u"}, {}),
        ({"find-links": "/w https://a w2"}, {}, {"UV_FIND_LINKS": f"/w,https://a,{HERE}/w2"}),
        ({"no-index": "1"}, {}, {"UV_NO_INDEX": "1"}),
        ({"no-index": "false"}, {}, {}),
        ({"trusted-host": "a b:8080"}, {}, {"UV_INSECURE_HOST": "a b:8080"}),
        ({"constraint": "c.txt"}, {}, {"UV_CONSTRAINT": f"{HERE}/c.txt"}),
        ({"constraint": "c.txt"}, {"UV_CONSTRAINT": "/u.txt"}, {}),
        ({"timeout": "12.5", "retries": "3"}, {}, {"UV_HTTP_TIMEOUT": "12", "UV_HTTP_RETRIES": "3"}),
        ({"client-cert": "/me.pem"}, {}, {"SSL_CLIENT_CERT": "/me.pem"}),
        ({"pre": "yes"}, {}, {"UV_PRERELEASE": "allow"}),
        ({"only-binary": ":all:"}, {}, {"UV_NO_BUILD": "1"}),
        ({"only-binary": "a,b"}, {}, {"UV_NO_BUILD_PACKAGE": "a b"}),
        ({"no-binary": ":none:"}, {}, {}),
        ({"target": "/x", "cache-dir": "/c"}, {}, {}),
    ],
)
def test_uv_gets_the_settings_of_pip_unless_it_has_its_own(
    settings: Mapping[str, str], environ: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    assert uv_variables(settings, environ) == AS_PIP | dict(expected)


def test_uv_takes_the_best_version_of_all_indexes_as_pip_does_unless_it_is_told_otherwise() -> None:
    assert uv_variables({}, {"UV_INDEX_STRATEGY": "first-index"}) == {}


def test_a_proxy_of_pip_wins_over_that_of_the_environment_as_in_pip() -> None:
    found = uv_variables({"proxy": "http://p:3128"}, {"HTTPS_PROXY": "http://other"})
    assert {found[name] for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY")} == {"http://p:3128"}


@pytest.mark.parametrize("name", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "cert"])
def test_certificates_that_pip_trusts_are_trusted(name: str, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    environ = {} if name == "cert" else {name: str(bundle)}
    settings = {"cert": str(bundle)} if name == "cert" else {}
    assert uv_variables(settings, environ)["SSL_CERT_FILE"] == str(bundle)
    assert "SSL_CERT_FILE" not in uv_variables(settings, {**environ, "SSL_CERT_FILE": "/mine.pem"})


def test_settings_that_uv_lacks_are_named_without_passwords() -> None:
    assert left_out_for_uv({"prefer-binary": "1", "index-url": "https://a"}) == ("prefer-binary 1",)
    assert left_out_for_uv({"global-option": "https://me:secret@a"}) == ("global-option https://****@a",)


def test_variables_override_files(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://a\nfind-links =\n  /w\n  /v\n[install]\npre = 1\n"
    )
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_INDEX_URL": "https://b"}
    of_files = settings_of_files(list_pip_config(environ))
    assert {"index-url": "https://a", "find-links": "/w /v", "pre": "1"}.items() <= of_files.items()
    assert (of_files | settings_of_variables(environ))["index-url"] == "https://b"
