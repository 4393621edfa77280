"""A Chromium without a screen, for pages: the one of this machine, never a downloaded one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from pyml.errors import SetupError

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def browser() -> Iterator[Browser]:
    """Start it, and end it.

    Raises:
        SetupError: this machine has none.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise SetupError("no Chromium on this machine", "apt-get install chromium")
    with sync_playwright() as playwright:
        # As root it has no sandbox of its own; it opens only pages that are made here.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()
