"""Figures in docs/reliability.md: each part stands between two comments that name it."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def fill_in(part: str, text: str, page: Path = PAGE) -> None:
    """Replace one part of the page.

    Args:
        part: its name, as in `<!-- soak process -->`.
        text: Markdown.
        page: the file.

    Raises:
        ValueError: the page has no such part.
    """
    written = page.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {re.escape(part)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(written):
        raise ValueError(f"{page} has no part <!-- {part} --> … <!-- end -->")
    page.write_text(pattern.sub(lambda found: f"{found[1]}{text}\n{found[2]}", written), encoding="utf-8")
