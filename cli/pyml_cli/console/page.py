"""One page: a plain address, its facts as HTML and as JSON, and the parts of it that change while one looks."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp_sse import sse_response
from markupsafe import escape

from pyml.errors import PymlError
from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page_rendering import page_html, part_names, parts_html

if TYPE_CHECKING:
    from pyml_cli.console.workbench import Workbench

EVERY_S = 0.5
"""How often a page that somebody looks at is compared with what it shows."""

GONE = "gone"
"""The name of the part that says why a page has no parts any more."""


@dataclass(frozen=True)
class Asked:
    """What a page is asked.

    Attributes:
        bench: what the pages work with.
        path: the parts of the address, by name.
        query: what follows the question mark.
        is_whole: whether the answer may take its time and must be whole, as JSON is.
    """

    bench: Workbench
    path: Mapping[str, str]
    query: Mapping[str, str]
    is_whole: bool = False


@dataclass(frozen=True)
class Page:
    """A page of the console.

    Attributes:
        path: its address, with names in braces.
        template: that shows its facts; its blocks named `live_…` are sent again when they change.
        facts: what it shows, in values of JSON; runs in a thread, and raises PymlError for what does not exist.
    """

    path: str
    template: str
    facts: Callable[[Asked], Facts]

    def add_to(self, app: web.Application, bench: Workbench) -> None:
        """Serve the page, its JSON at `ADDRESS.json`, and its changes at `/live/ADDRESS`."""

        async def shown(request: web.Request) -> web.StreamResponse:
            return await self._shown(bench, request)

        async def as_json(request: web.Request) -> web.StreamResponse:
            return await self._as_json(bench, request)

        async def live(request: web.Request) -> web.StreamResponse:
            return await self._live(bench, request)

        app.router.add_get(f"{self.path}.json", as_json)
        app.router.add_get(f"/live{self.path}", live)
        app.router.add_get(self.path, shown)

    async def _shown(self, bench: Workbench, request: web.Request) -> web.Response:
        try:
            facts = await self._facts(bench, request)
        except PymlError as error:
            return web.Response(
                status=404, content_type="text/html", text=page_html("missing.jinja", bench, {"error": str(error)})
            )
        parts = parts_html(self.template, bench, facts)
        text = page_html(self.template, bench, facts, _live_address(request, parts), parts)
        return web.Response(content_type="text/html", text=text)

    async def _as_json(self, bench: Workbench, request: web.Request) -> web.Response:
        try:
            facts = await asyncio.to_thread(self.facts, _asked(bench, request, is_whole=True))
        except PymlError as error:
            missing = {"error": {"code": str(error.code), "message": error.message, "hint": error.hint}}
            return web.json_response(missing, status=404)
        return web.json_response(dict(facts), dumps=lambda value: json.dumps(value, default=str))

    async def _live(self, bench: Workbench, request: web.Request) -> web.StreamResponse:
        """Send each part that differs from what the page shows, until the page is closed."""
        try:
            await self._facts(bench, request, EVERY_S)
        except PymlError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        seen = dict(zip(part_names(self.template), request.query.get("seen", "").split(","), strict=False))
        seen[GONE] = _digest("")
        with contextlib.suppress(ConnectionError, AssertionError):  # the page was closed, which aiohttp-sse asserts
            async with sse_response(request) as stream:
                while stream.is_connected() and not bench.is_closing.is_set():
                    for name, html in (await self._parts(bench, request)).items():
                        if seen.get(name) != _digest(html):
                            seen[name] = _digest(html)
                            await stream.send(json.dumps({"name": name, "html": html}))
                    await bench.pause(EVERY_S)
                return stream
        return web.Response()

    async def _facts(self, bench: Workbench, request: web.Request, fresh_s: float = 0.0) -> Facts:
        asked = _asked(bench, request)
        query = tuple((name, value) for name, value in asked.query.items() if name != "seen")
        key = (self.path, *asked.path.items(), *query)
        return await bench.shared.of(key, partial(self.facts, asked), fresh_s)

    async def _parts(self, bench: Workbench, request: web.Request) -> dict[str, str]:
        """The parts as they are now, and why there are none if what the page is about is gone."""
        try:
            facts = await self._facts(bench, request, EVERY_S)
        except PymlError as error:
            return {GONE: str(escape(str(error)))}
        return {GONE: "", **parts_html(self.template, bench, facts)}


def _live_address(request: web.Request, parts: Mapping[str, str]) -> str:
    """The address of a page's changes; empty for a page that does not change."""
    if not parts:
        return ""
    seen = ",".join(map(_digest, parts.values()))
    return str(request.rel_url.with_path(f"/live{request.path}").update_query(seen=seen))


def _asked(bench: Workbench, request: web.Request, *, is_whole: bool = False) -> Asked:
    return Asked(bench, dict(request.match_info), dict(request.query), is_whole)


def _digest(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:12]
