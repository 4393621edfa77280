"""A diagram of both paths: the positions of its boxes and arrows, and the findings of each stage. Pure.

There is one for wide and one for narrow screens, since a wide diagram cannot be read when it is scaled down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyml_sandbox.parity.verdict import Finding, Hop

MAX_NUMBERS = 4


@dataclass(frozen=True)
class Box:
    """A station of a path: its upper left corner, size, name, and stage."""

    x: float
    y: float
    width: float
    height: float
    label: str
    hop: Hop | None = None

    @property
    def middle(self) -> tuple[float, float]:
        """The position of its name."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class Band:
    """The background of the stations of one stage.

    Attributes:
        x, y, width, height: the rectangle.
        hop: the stage.
        text_x, text_y: the middle of its caption.
        caption: the findings of this stage; empty if there are none.
    """

    x: float
    y: float
    width: float
    height: float
    hop: Hop
    text_x: float
    text_y: float
    caption: str = ""


@dataclass(frozen=True)
class Diagram:
    """One diagram, `width` by `height`, with `arrows` as points of polylines and `heads` as names of the paths."""

    name: str
    width: float
    height: float
    boxes: tuple[Box, ...]
    bands: tuple[Band, ...]
    arrows: tuple[str, ...]
    heads: tuple[tuple[float, float, str], ...]


ONLINE = (("client", None), ("gateway", Hop.BOUNDARY), ("socket", Hop.BOUNDARY), ("answer", Hop.STORAGE))
OFFLINE = (("Hive", None), ("Spark", Hop.BOUNDARY), ("Arrow batch", Hop.BOUNDARY), ("table", Hop.STORAGE))


def diagrams(findings: Sequence[Finding]) -> tuple[Diagram, Diagram]:
    """The wide and the narrow diagram of the findings, which are numbered from 1."""
    captions = {hop: _caption([n for n, one in enumerate(findings, 1) if one.hop is hop]) for hop in Hop}
    return _wide(captions), _narrow(captions)


def _caption(numbers: Sequence[int]) -> str:
    if len(numbers) > MAX_NUMBERS:
        return f"{len(numbers)} findings"
    return f"finding{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}" if numbers else ""


def _wide(captions: Mapping[Hop, str]) -> Diagram:
    """Online above, offline below, from left to right."""
    across, width, height = (14, 176, 338, 728), 122, 44
    rows = ((34, ONLINE), (150, OFFLINE))
    boxes = [Box(x, y, width, height, name, hop) for y, row in rows for x, (name, hop) in zip(across, row, strict=True)]
    predict = Box(528, 78, 132, 72, "predict", Hop.COMPUTE)
    bands = (
        Band(164, 8, 308, 212, Hop.BOUNDARY, 318, 114, captions[Hop.BOUNDARY]),
        Band(512, 20, 164, 146, Hop.COMPUTE, 594, 49, captions[Hop.COMPUTE]),
        Band(716, 8, 146, 212, Hop.STORAGE, 789, 114, captions[Hop.STORAGE]),
    )
    heads = ((14, 24, "online"), (14, 140, "offline"))
    return Diagram("wide", 876, 228, (*boxes, predict), bands, tuple(_wide_arrows(rows[0][0], rows[1][0])), heads)


def _wide_arrows(above: float, below: float) -> Iterator[str]:
    for top, into in ((above, 100), (below, 128)):
        y = top + 22
        yield f"136,{y} 174,{y}"
        yield f"298,{y} 336,{y}"
        yield f"460,{y} 494,{y} 494,{into} 526,{into}"
        yield f"660,{into} 696,{into} 696,{y} 726,{y}"


def _narrow(captions: Mapping[Hop, str]) -> Diagram:
    """Online on the left, offline on the right, from top to bottom."""
    down, width, height = (28, 100, 166, 358), 138, 38
    columns = ((12, ONLINE), (190, OFFLINE))
    boxes = [
        Box(x, y, width, height, name, hop) for x, row in columns for y, (name, hop) in zip(down, row, strict=True)
    ]
    predict = Box(40, 260, 260, 40, "predict", Hop.COMPUTE)
    bands = (
        Band(3, 90, 334, 154, Hop.BOUNDARY, 170, 222, captions[Hop.BOUNDARY]),
        Band(3, 250, 334, 92, Hop.COMPUTE, 170, 319, captions[Hop.COMPUTE]),
        Band(3, 348, 334, 94, Hop.STORAGE, 170, 418, captions[Hop.STORAGE]),
    )
    heads = ((12, 18, "online"), (190, 18, "offline"))
    arrows = [
        f"{x},{start} {x},{end}" for x in (81, 259) for start, end in ((66, 98), (138, 164), (204, 258), (300, 356))
    ]
    return Diagram("narrow", 340, 446, (*boxes, predict), bands, tuple(arrows), heads)
