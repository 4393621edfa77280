"""The console as a web application: its pages, its actions, and the rule of who may use it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, web

from pyml_cli.console.access import Access, guard, set_headers
from pyml_cli.console.actions import ACTIONS, Action
from pyml_cli.console.background.module_loading import load_in_background
from pyml_cli.console.page_rendering import STATIC, page_html
from pyml_cli.console.pages import (
    job_pages,
    model_pages,
    parity_pages,
    promotion_pages,
    sandbox_pages,
    table_pages,
    task_pages,
    try_pages,
)
from pyml_cli.console.workbench import Workbench

if TYPE_CHECKING:
    from pyml_sandbox.workspace.home import SandboxHome

MAX_FORM_BYTES = 64 << 20
MAX_FILES = 20_000
MODULES = (
    sandbox_pages,
    model_pages,
    try_pages,
    job_pages,
    table_pages,
    parity_pages,
    promotion_pages,
    task_pages,
)


def console_app(home: SandboxHome, access: Access, folder: Path | None = None) -> web.Application:
    """The console of a sandbox.

    Args:
        home: the sandbox.
        access: who may use it.
        folder: where its commands run; None for the current folder.
    """
    app = web.Application(middlewares=[guard(access)], client_max_size=MAX_FORM_BYTES)
    app.on_response_prepare.append(set_headers)
    bench = Workbench(home, folder)
    for module in MODULES:
        for page in module.PAGES:
            page.add_to(app, bench)
    for module in (try_pages, table_pages, parity_pages):
        module.add_actions(app, bench)
    _add_actions(app, bench)
    _add_files(app)
    app.router.add_get("/", _to_the_sandbox)

    async def life(_app: web.Application) -> AsyncIterator[None]:
        load_in_background()
        yield
        await bench.close()

    async def closing(_app: web.Application) -> None:
        bench.is_closing.set()  # open pages would hold the server for a minute

    app.on_shutdown.append(closing)
    app.cleanup_ctx.append(life)
    return app


def _add_files(app: web.Application) -> None:
    """Serve the style and the scripts, and no different file. A changed file has a different address."""
    files = {file.name: file for file in STATIC.iterdir()}

    async def sent(request: web.Request) -> web.FileResponse:
        file = files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound(text="there is no such file")
        return web.FileResponse(file, headers={"Cache-Control": "max-age=31536000, immutable"})

    app.router.add_get("/static/{name}", sent)


async def _to_the_sandbox(_request: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/sandbox")


def _add_actions(app: web.Application, bench: Workbench) -> None:
    """Each action: its form, its command while one types, and its run; then what ends a command, and an upload."""

    async def asked(request: web.Request) -> web.Response:
        action = _action(request)
        form = action.form(dict(request.query))
        facts = await asyncio.to_thread(_action_facts, bench, action, form)
        return web.Response(content_type="text/html", text=page_html("action.jinja", bench, facts))

    async def previewed(request: web.Request) -> web.Response:
        action = _action(request)
        form = action.form(_texts(await request.post()))
        facts = await asyncio.to_thread(_action_facts, bench, action, form, is_typed=True)
        return web.Response(content_type="text/html", text=page_html("preview.jinja", bench, facts))

    async def run(request: web.Request) -> web.Response:
        action = _action(request)
        form = action.form(_texts(await request.post()))
        task = await bench.tasks.start(action.arguments(form), action.then(form))
        raise web.HTTPSeeOther(f"/tasks/{task.task_id}")

    async def interrupt(request: web.Request) -> web.Response:
        bench.tasks.interrupt(request.match_info["task"])
        raise web.HTTPSeeOther(f"/tasks/{request.match_info['task']}")

    async def upload(request: web.Request) -> web.Response:
        folder = await _received(request, bench)
        task = await bench.tasks.start(["upload", str(folder)], "/models")
        raise web.HTTPSeeOther(f"/tasks/{task.task_id}")

    app.router.add_get("/do/{action}", asked)
    app.router.add_post("/do/{action}", run)
    app.router.add_post("/preview/{action}", previewed)
    app.router.add_post("/tasks/{task}/interrupt", interrupt)
    app.router.add_post("/upload", upload)


def _action(request: web.Request) -> Action:
    found = ACTIONS.get(request.match_info["action"])
    if found is None:
        raise web.HTTPNotFound(text="there is no such action")
    return found


def _action_facts(
    bench: Workbench, action: Action, form: dict[str, str], *, is_typed: bool = False
) -> dict[str, object]:
    problems = job_pages.query_problems(bench, form) if is_typed and action.name == "job" else ()
    return {
        "action": action,
        "section": action.section,
        "title": action.title.format_map(form).strip(),
        "form": form,
        "effects": action.effects(bench, form),
        "problems": problems,
        "command": action.command(form),
    }


def _texts(form: object) -> dict[str, str]:
    return {name: value for name, value in dict(form).items() if isinstance(value, str)}  # type: ignore[call-overload]


async def _received(request: web.Request, bench: Workbench) -> Path:
    """Write the files of a chosen folder below the sandbox's own, in the folder that they name.

    Raises:
        HTTPBadRequest: a name leads out of the folder, or there are no files.
    """
    uploads = bench.home.scratch / "uploads"
    uploads.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(dir=uploads))
    try:
        count = 0
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "files" and part.filename:
                count += 1
                await _write(part, root / safe_path(part.filename))
                if count > MAX_FILES:
                    raise web.HTTPBadRequest(text=f"these are over {MAX_FILES:,} files")
        folders = [each for each in root.iterdir() if each.is_dir()]
        if count == 0 or len(folders) != 1:
            raise web.HTTPBadRequest(text="choose the folder of a model package")
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    (folders[0] / "parameters").mkdir(exist_ok=True)  # a browser sends no folder that is empty
    return folders[0]


def safe_path(name: str) -> PurePosixPath:
    """The path of a file in a chosen folder.

    Raises:
        HTTPBadRequest: it leads out of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or len(path.parts) < 2:
        raise web.HTTPBadRequest(text=f"{name[:80]!r} is not the path of a file in the folder")
    return path


async def _write(part: BodyPartReader, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        while chunk := await part.read_chunk(1 << 20):
            await asyncio.to_thread(target.write, chunk)
