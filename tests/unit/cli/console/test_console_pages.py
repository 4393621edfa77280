"""Every page of a console whose sandbox was never up: it opens, says so, and gives the same as JSON."""

from __future__ import annotations

import pytest
from aiohttp import web

from pyml_cli.console.console_app import MODULES, safe_path
from pyml_cli.console.page_rendering import STATIC, part_names
from support.consoles import Console

PAGES = [page for module in MODULES for page in module.PAGES]
PLAIN = [page.path for page in PAGES if "{" not in page.path and page.path != "/parity/compare"]
PLACES = ["/sandbox/logs/", "/parity/reports/", "/models/", "/jobs/", "/tasks/", "/try/", "/static/", "/live/tasks/"]
ODD = [
    "..",
    "../../../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..",
    "%00",
    "a%0ab",
    "%3Cscript%3Ealert(1)",
    "x" * 300,
]


@pytest.mark.parametrize("path", PLAIN)
def test_a_page_opens_before_the_first_up(console: Console, path: str) -> None:
    answer = console.ask(path)
    assert answer.status == 200
    assert answer.text.count("<h1>") == 1
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", PLAIN)
def test_its_json_lies_beside_it(console: Console, path: str) -> None:
    assert isinstance(console.json(path), dict)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_is_none_is_not_found_and_leads_nowhere(console: Console, place: str, name: str) -> None:
    answer = console.ask(place + name)
    assert answer.status in (400, 403, 404)
    assert "root:" not in answer.text
    assert "<script>alert" not in answer.text


def test_what_is_unknown_is_told_in_the_sentence_of_the_command_line(console: Console) -> None:
    answer = console.ask("/parity/reports/20260101-000000-000-abcd")
    assert answer.status == 404
    assert "pyml reports" in answer.text


def test_two_reports_that_are_not_named_are_told(console: Console) -> None:
    assert console.ask("/parity/compare").status == 404


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "x", "a\\b", "", "a/\0"])
def test_a_file_of_a_chosen_folder_stays_in_it(name: str) -> None:
    with pytest.raises(web.HTTPBadRequest):
        safe_path(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.template)
def test_a_part_that_changes_has_a_place_on_its_page(page: object) -> None:
    template = str(getattr(page, "template", ""))
    text = (STATIC.parent / "templates" / template).read_text(encoding="utf-8")
    assert all(f'id="{name}"' in text for name in part_names(template))


def test_the_libraries_travel_with_their_licence() -> None:
    licence = (STATIC / "LICENSES.txt").read_text(encoding="utf-8")
    assert all(script.name in licence for script in STATIC.glob("*.min.js"))
