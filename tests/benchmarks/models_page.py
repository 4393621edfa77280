"""What was measured on the models of each framework, as Markdown: for the terminal, and for docs/models.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

ERROR = "ERROR"
"""Verdict of a model that could not be measured."""


@dataclass(frozen=True)
class Measurement:
    """One model on one driver.

    Attributes:
        name: `driver/model`.
        version: of the package that was measured.
        verdict: of the parity check; ERROR if a command failed.
        level: that the model reached; empty for none.
        packages_mb: size of its virtual environment, or of its image, in MB.
        start_s: seconds from `deploy` to the first answered probe.
        memory_mb: resident memory of the server after the requests, in MB.
        threads: of the server, after the requests.
        one_row_ms: median latency of a request with one row.
        many_rows_ms: median latency of a request with 1,000 rows.
        check_s: seconds of `pyml parity-check`.
        message: why it could not be measured; empty if it was.
    """

    name: str
    version: str
    verdict: str
    level: str = ""
    packages_mb: float = 0
    start_s: float = 0
    memory_mb: float = 0
    threads: int = 0
    one_row_ms: float = 0
    many_rows_ms: float = 0
    check_s: float = 0
    message: str = ""

    @property
    def driver(self) -> str:
        """Of the sandbox."""
        return self.name.partition("/")[0]

    @property
    def model(self) -> str:
        """Name of the model, which is that of its template."""
        return self.name.partition("/")[2]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Measurement:
        """From a line of the results file.

        Raises:
            TypeError: the line has different fields.
        """
        return cls(**{field.name: value[field.name] for field in fields(cls)})


def page(measurements: Sequence[Measurement], descriptions: Mapping[str, str], platform: str) -> str:
    """The whole of docs/models.md.

    Args:
        measurements: what was measured.
        descriptions: what each model is, by its name, in the order of the page.
        platform: machine and versions, in one line.
    """
    drivers = sorted({each.driver for each in measurements}, key=("process", "container").index)
    parts = [INTRODUCTION, *_models(descriptions), "", METHOD.format(platform=platform)]
    for number, driver in enumerate(drivers, 2):
        measured = [each for each in measurements if each.driver == driver]
        measured.sort(key=lambda each: list(descriptions).index(each.model))
        parts += ["", f"## {number}. {driver.capitalize()} driver", "", *table(measured)]
    return "\n".join(parts) + "\n"


INTRODUCTION = """# Models of each framework

`fixtures/models` has a model for each framework, trained by the `train.py` beside it on real data that a package ships. Each
is a template: `pyml init FOLDER --template NAME` writes its files, trained parameters included, and
`pyml dev up && pyml parity-check` then passes. Replace `inputs`, `train.py` and the rows in `pyml.toml` by your own.

| template | what |
|---|---|"""

METHOD = """- Each model over frames trains on `Model.inputs.frame(rows)`, the frame that `predict` gets ([types](reference/types.md)).
- Where a library computes with threads of its own, the model limits them to one by the library's setting: in which
  order floats are added then does not depend on the number of cores.
- Requirements name builds without CUDA where a library has one: `torch` from its own index, `tensorflow-cpu`, `xgboost-cpu`.

## 1. How it was measured

`make models` runs, for each model and driver, the commands of a user on a sandbox of its own: `upload`, `deploy`, requests through
the gateway from the Python client, and `parity-check` with the rows of the model's `pyml.toml`. {platform}.

- Packages: size of the virtual environment, or of the image with Java and Spark; what pyml itself needs is included.
- Start: from `deploy` until the server answered a probe; the environment was already built.
- Memory and threads: of the server, after the requests. A server whose model starts no threads has ten, in a container twelve.
- Latency: median of 50 requests with one row, and of 20 with 1,000 rows.
- Whatever else the machine does adds to the times: they are upper bounds."""


def _models(descriptions: Mapping[str, str]) -> Iterator[str]:
    for name, description in descriptions.items():
        yield f"| `{name}` | {description} |"


def table(measurements: Sequence[Measurement]) -> Iterator[str]:
    """The measurements, and a line for each model that could not be measured."""
    yield "| model | packages MB | start s | memory MB | threads | 1 row ms | 1,000 rows ms | verdict | level | check s |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|---|--:|"
    for each in measurements:
        if each.verdict != ERROR:
            figures = [f"{each.packages_mb:,.0f}", f"{each.start_s:.1f}", f"{each.memory_mb:.0f}", f"{each.threads}"]
            figures += [f"{each.one_row_ms:.1f}", f"{each.many_rows_ms:.1f}", each.verdict, each.level or "-"]
            yield f"| `{each.model}` | {' | '.join(figures)} | {each.check_s:.0f} |"
    failed = [each for each in measurements if each.verdict == ERROR]
    if failed:
        yield ""
    for each in failed:
        yield f"- `{each.model}` could not be measured: {each.message}"
