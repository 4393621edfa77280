"""Which requests a gateway of this machine alone refuses: those for a foreign name, and what foreign pages post."""

from __future__ import annotations

import pytest

from pyml.gateway.gateway_options import Address, GatewayOptions
from pyml.gateway.rest.local_callers import is_own_host, is_own_origin, why_foreign

OWN = ("localhost", "LOCALHOST:8471", "127.0.0.1", "127.0.0.1:8471", "[::1]", "[::1]:8471")
FOREIGN = (
    *(
        "evil.example",
        "evil.example:8471",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.7:8471",
        "0.0.0.0",
    ),
    *("", "localhost@evil.example", "evil.example#localhost", "localhost/evil", "localhost:port", "[::2]", "[::1"),
)


@pytest.mark.parametrize("host", OWN)
def test_names_of_this_machine_are_its_own_with_any_port(host: str) -> None:
    assert is_own_host(host)
    assert is_own_origin(f"http://{host}")
    assert why_foreign("POST", host, f"https://{host}") is None


@pytest.mark.parametrize("host", FOREIGN)
def test_any_different_name_is_refused_and_named(host: str) -> None:
    assert not is_own_host(host)
    assert not is_own_origin(f"http://{host}")
    refused = why_foreign("GET", host, None)
    assert refused is not None
    assert repr(host) in refused.message


@pytest.mark.parametrize("origin", ["null", "file://", "http://evil.example", "localhost", "ftp://localhost"])
def test_a_foreign_page_may_read_what_no_browser_shows_it_and_posts_nothing(origin: str) -> None:
    assert why_foreign("GET", "localhost", origin) is None
    assert why_foreign("POST", "localhost", origin) is not None


def test_a_program_without_these_headers_is_answered() -> None:
    assert why_foreign("POST", None, None) is None


@pytest.mark.parametrize(
    ("rest", "option", "is_local"),
    [
        ("127.0.0.1:8471", (), True),
        ("localhost:8471", (), True),
        ("[::1]:8471", (), True),
        ("0.0.0.0:8471", (), False),
        ("10.0.0.7:8471", (), False),
        ("gateway:8471", (), False),
        ("0.0.0.0:8471", ("--local-only",), True),
    ],
)
def test_the_address_decides_unless_an_option_says_so(rest: str, option: tuple[str, ...], is_local: bool) -> None:
    given = ["--route", "fare@1=/s", "--grpc", "127.0.0.1:8470", "--rest", rest, *option]
    assert GatewayOptions.parse(given).is_local_only is is_local
    assert Address.parse(rest).is_loopback is (is_local and not option)
