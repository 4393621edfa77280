"""Who may use the console: tokens, hosts and origins, against the real application on a real port."""

from __future__ import annotations

import pytest

from support.consoles import Console

CHANGING = ["/do/down", "/tables/statements", "/upload", "/try/m", "/tasks/1/interrupt", "/preview/up"]


def test_without_the_token_nothing_is_shown_and_the_answer_says_what_to_open(console: Console) -> None:
    answer = console.ask("/tasks", headers={"Authorization": ""})
    assert answer.status == 403
    assert "`pyml console` printed" in answer.text


@pytest.mark.parametrize("path", ["/", "/tasks", "/tasks.json", "/live/tasks", "/static/console.css", "/nothing"])
def test_a_wrong_token_opens_nothing(console: Console, path: str) -> None:
    for shown in ("token no", "token ", "Bearer x"):
        assert console.ask(path, headers={"Authorization": shown}).status == 403
    assert console.ask(f"{path}?token=no", headers={"Authorization": ""}).status == 403
    cookie = {"Authorization": "", "Cookie": f"{console.access.cookie}=no; pyml-console-1={console.access.token}"}
    assert console.ask(path, headers=cookie).status == 403


def test_the_address_with_the_token_gives_a_strict_cookie_and_leaves_the_token(console: Console) -> None:
    entry = console.ask(f"/tasks?x=1&token={console.access.token}", headers={"Authorization": ""})
    assert (entry.status, entry.headers["Location"]) == (303, "/tasks?x=1")
    cookie = entry.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    shown = cookie.partition(";")[0]
    assert console.ask("/tasks", headers={"Authorization": "", "Cookie": shown}).status == 200


def test_the_address_that_a_browser_is_started_with_opens_it_once(console: Console) -> None:
    path = console.access.address_once.partition(str(console.access.port))[2]
    first = console.ask(path, headers={"Authorization": ""})
    assert (first.status, first.headers["Location"]) == (303, "/")
    assert console.ask(path, headers={"Authorization": ""}).status == 403
    assert console.ask("/?token=", headers={"Authorization": ""}).status == 403


def test_letters_that_are_none_are_no_token(console: Console) -> None:
    assert console.ask("/tasks", headers={"Authorization": "token \xff\xfe"}).status == 403


@pytest.mark.parametrize(
    "host", ["evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:PORT", "0.0.0.0:PORT", ""]
)
def test_a_name_that_was_bound_to_this_machine_is_refused_even_with_the_token(console: Console, host: str) -> None:
    assert console.ask("/tasks", headers={"Host": host}).status in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "[::1]:PORT"])
def test_names_of_this_machine_are_taken(console: Console, host: str) -> None:
    assert console.ask("/tasks", headers={"Host": host}).status == 200


@pytest.mark.parametrize("path", CHANGING)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Origin", "http://127.0.0.1:1"),
        ("Origin", "https://127.0.0.1:PORT"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ],
)
def test_a_page_of_a_different_site_changes_nothing_even_with_the_token(
    console: Console, path: str, name: str, value: str
) -> None:
    assert console.ask(path, "POST", {name: value}).status == 403


def test_a_page_of_the_console_may(console: Console) -> None:
    ours = {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "same-origin"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert console.ask("/preview/up", "POST", {**ours, **form}).status == 200


@pytest.mark.parametrize(
    "path", ["/do/down", "/do/up", "/do/delete?model=m", "/tasks/1/interrupt", "/tables/statements", "/preview/down"]
)
def test_no_get_changes_anything(console: Console, path: str) -> None:
    console.ask(path)
    assert console.json("/tasks") == {"tasks": []}


@pytest.mark.parametrize("path", ["/tasks", "/tasks.json", "/nothing", "/static/console.css"])
def test_every_answer_forbids_what_a_page_does_not_need(console: Console, path: str) -> None:
    headers = console.ask(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
