"""The HTML report as a document: whole, alone, and with nothing of a user's data as markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.report_html import report_html
from support.reports import FAILING, HOSTILE, REPORTS, UNSTEADY

VOID = {"meta", "link"}
every_report = pytest.mark.parametrize("written", REPORTS.values(), ids=REPORTS.keys())


class Reader(HTMLParser):
    """What a document is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@every_report
def test_a_document_is_whole_and_asks_for_nothing_outside_itself(written: Report) -> None:
    text = report_html(written)
    read = Reader(text)
    assert text.lstrip().startswith("<!doctype html>")
    assert read.open == []
    assert "script" not in read.tags
    assert all(link.startswith(("#", "data:")) for link in read.links)
    assert "default-src 'none'" in text
    assert "url(http" not in text
    assert written.verdict.value in read.words


def test_what_a_user_named_is_text_and_nothing_else() -> None:
    assert Reader(report_html(HOSTILE)).tags.count("b") == 0
    assert "49" not in "".join(Reader(report_html(HOSTILE)).words).split()


def test_a_report_that_is_given_again_says_so() -> None:
    assert "Nothing was run" in report_html(UNSTEADY)
    assert "Nothing was run" not in report_html(FAILING)
