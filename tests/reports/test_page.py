"""The HTML report as a browser shows it: wide and narrow, light and dark, with no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import pytest
from playwright.sync_api import Browser, Page

from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.report_html import report_html
from support.browser import browser
from support.needed import needed
from support.reports import DOUBTFUL, FAILING, HOSTILE, ONE_FAULT, PASSING, REPORTS, SNIPPET

Scheme = Literal["light", "dark"]

NARROW, WIDE = 380, 1280
SCHEMES: tuple[Scheme, Scheme] = ("light", "dark")
ENOUGH_CONTRAST = 4.5  # of WCAG 2.2, level AA, for text of any size

CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with needed("PYML_REQUIRE_BROWSER"), browser() as found:
        yield found


class Shown:
    """A report in a page, with what the page asked for and complained of."""

    def __init__(self, page: Page, report: Report, folder: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        path = folder / "report.html"
        path.write_text(report_html(report), encoding="utf-8")
        self.url = path.as_uri()
        page.goto(self.url)

    def count(self, selector: str) -> int:
        """How many such elements can be seen."""
        return self.page.locator(f"{selector} >> visible=true").count()

    def texts(self, selector: str) -> list[str]:
        return self.page.locator(f"{selector} >> visible=true").all_inner_texts()


class Show(Protocol):
    """Opens a report in a page of its own."""

    def __call__(self, report: Report, width: int = WIDE, scheme: Scheme = "light") -> Shown: ...


@pytest.fixture
def show(chromium: Browser, tmp_path: Path) -> Iterator[Show]:
    pages: list[Page] = []

    def opened(report: Report, width: int = WIDE, scheme: Scheme = "light") -> Shown:
        pages.append(chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))
        return Shown(pages[-1], report, tmp_path)

    yield opened
    for page in pages:
        page.close()


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS.keys())
def test_a_page_asks_for_nothing_complains_of_nothing_and_fits_its_window(
    show: Show, report: Report, width: int
) -> None:
    shown = show(report, width)
    assert shown.requests == [shown.url]
    assert shown.complaints == []
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("report", [FAILING, PASSING, DOUBTFUL], ids=["fail", "pass", "cannot certify"])
def test_every_text_can_be_read_in_both_schemes(show: Show, report: Report, scheme: Scheme, width: int) -> None:
    page = show(report, width, scheme).page
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    height: int = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": height})
    found: list[tuple[float, str]] = page.evaluate(CONTRASTS)
    assert len(found) > 20
    assert [(round(ratio, 2), text) for ratio, text in found if ratio < ENOUGH_CONTRAST] == []


def test_the_schemes_are_two(show: Show) -> None:
    grounds = {
        scheme: show(PASSING, scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in SCHEMES
    }
    assert grounds == {"light": "rgb(246, 247, 249)", "dark": "rgb(17, 21, 26)"}


@pytest.mark.parametrize(("width", "picture"), [(NARROW, "narrow"), (WIDE, "wide")])
def test_both_paths_are_drawn_once_with_each_hop_marked(show: Show, width: int, picture: str) -> None:
    shown = show(FAILING, width)
    assert shown.count("svg.paths") == shown.count(f"svg.paths.{picture}") == 1
    marked = shown.page.locator(f"svg.{picture} .band.marked").evaluate_all("all => all.map(one => one.dataset.hop)")
    assert marked == ["boundary", "compute", "storage"]
    captions = shown.page.locator(f"svg.{picture} .caption").all_text_contents()
    assert captions == ["boundary", "finding 1", "compute", "findings 2, 5", "storage", "finding 3"]


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_caption_covers_no_box_and_stays_in_its_band(show: Show, width: int) -> None:
    page = show(FAILING, width).page
    captions, boxes, bands = (areas(page, f"svg.paths {part}") for part in (".caption", ".box", ".band.marked"))
    assert (len(captions), len(boxes), len(bands)) == (6, 9, 3)
    for caption in captions:
        assert not any(caption.meets(box) for box in boxes)
        assert any(caption.is_within(band) for band in bands)


@dataclass(frozen=True)
class Area:
    """Where something lies in the page."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def is_within(self, other: Area, slack: float = 0.0) -> bool:
        return (
            other.left - slack <= self.left <= self.right <= other.right + slack
            and other.top - slack <= self.top <= self.bottom <= other.bottom + slack
        )


def areas(page: Page, selector: str) -> list[Area]:
    """Of all elements that can be seen."""
    found = page.locator(selector).evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).filter(b => b.width || b.height)"
        ".map(b => [b.left, b.top, b.right, b.bottom])"
    )
    return [Area(*corners) for corners in found]


def test_each_finding_marks_its_own_hop(show: Show) -> None:
    shown = show(FAILING)
    marked = {n: shown.texts(f"#finding-{n} .strip .here") for n in (1, 2, 3, 4, 5)}
    assert marked == {1: ["Spark | gateway"], 2: ["predict"], 3: ["table | answer"], 4: [], 5: ["predict"]}


def test_no_hop_is_marked_where_the_paths_agree(show: Show) -> None:
    shown = show(PASSING)
    assert shown.count(".band.marked") == shown.count(".here") == shown.count("article") == 0


def test_a_counterexample_marks_the_row_that_differs_and_says_what_it_gave(show: Show) -> None:
    shown = show(ONE_FAULT)
    assert [" ".join(text.split()) for text in shown.texts("#finding-1 .counterexample .marked")] == [
        "▶ differs 3.0 None"
    ]
    seen = " ".join(" ".join(shown.texts("#finding-1 tbody")).split())
    assert "online, beside the other row 0.75 null" in seen
    assert shown.texts("#finding-1 pre")[0].strip() == SNIPPET.strip()


def test_findings_above_the_level_and_noise_stand_apart(show: Show) -> None:
    shown = show(FAILING)
    assert shown.texts("#above h2") == ["Above the required level"]
    assert shown.count("#above article") == 1
    assert shown.texts("#noise .warning")[0] == "B10 kernel choice by batch size: p: noise at most 7.8e-16 (4 ulps)"


def test_columns_that_differ_are_drawn_with_axes_that_say_what_they_show(show: Show) -> None:
    shown = show(FAILING)
    drawn = shown.page.locator("figure").evaluate_all("all => all.map(one => one.dataset.column)")
    assert drawn == ["p", "n"]
    assert shown.page.locator("figure[data-column=p] .label").all_text_contents() == [
        "|online - offline| of p, logarithmic", "rows", "p offline", "p online",
    ]  # fmt: skip
    assert shown.count("figure[data-column=n] .plot.apart rect.differs") == 1
    assert shown.count("figure[data-column=n] .plot.both path.differs") == 1
    assert shown.count("figure[data-column=n] .plot.both circle.agrees") == 3
    assert shown.page.locator("figure[data-column=p] text.floor").text_content() == "noise floor 7.8e-16"


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("column", ["p", "n"])
def test_nothing_is_drawn_outside_its_plot(show: Show, column: str, width: int) -> None:
    page = show(FAILING, width).page
    for kind in ("apart", "both"):
        plot = f"figure[data-column={column}] .plot.{kind}"
        (whole,) = areas(page, plot)
        parts = areas(page, f"{plot} :is(text, rect, circle, path)")
        assert len(parts) > 8
        assert [part for part in parts if not part.is_within(whole, slack=1)] == []


def test_what_both_environments_differ_in_comes_first_and_is_marked(show: Show) -> None:
    shown = show(FAILING)
    rows = [" ".join(text.split()) for text in shown.texts("#environments tr.marked")]
    assert rows == ["≠ numpy 2.1.0 2.2.0", "≠ TZ UTC absent"]
    assert shown.texts("#environments summary") == ["3 settings with the same value on both paths"]


def test_each_check_leads_to_what_it_found(show: Show) -> None:
    shown = show(FAILING)
    rows = [" ".join(text.split()) for text in shown.texts("#checks tbody tr")]
    assert rows[1].startswith("paths P1 fired 1 4 336,776 9.5 all rows offline against online")
    assert rows[0].startswith("repeat P3 silent")
    aims = shown.page.locator("#checks a").evaluate_all("all => all.map(one => one.hash)")
    assert all(shown.count(aim) == 1 for aim in aims)


def test_names_and_values_of_a_user_become_neither_markup_nor_template(show: Show) -> None:
    shown = show(HOSTILE)
    assert shown.page.locator("script, section b").count() == 0
    assert "{{ 7*7 }}" in shown.page.content()
    assert not {"\x1b", "\x00", "\u202e"} & set(shown.page.content())
