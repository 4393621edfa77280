"""What the console can do: each action is a form, the `pyml` command that it makes, and what that will change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from rich.filesize import decimal

from pyml.command_line import quoted_word
from pyml.errors import PymlError

if TYPE_CHECKING:
    from pyml_cli.console.workbench import Workbench

Form = Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Attributes:
        name: of the value that is sent.
        label: what a person reads.
        help: a sentence more.
        default: its value at first.
        kind: text, number, long, lines, check or choice.
        choices: of a choice.
        is_needed: whether it must not be empty.
    """

    name: str
    label: str
    help: str = ""
    default: str = ""
    kind: str = "text"
    choices: Sequence[str] = ()
    is_needed: bool = False


@dataclass(frozen=True)
class Action:
    """One thing that the console can do.

    Attributes:
        name: in its address, `/do/NAME`.
        title: of its page; `{NAME}` is the value of a field.
        fields: of its form.
        arguments: the arguments of `pyml`, from the values of the form.
        effects: sentences that say what it will do; may read files, but asks no service.
        then: address of the page that shows what it made.
        section: of the navigation.
        is_destructive: whether something is gone afterwards.
    """

    name: str
    title: str
    fields: Sequence[Field]
    arguments: Callable[[Form], list[str]]
    effects: Callable[[Workbench, Form], Sequence[str]]
    then: Callable[[Form], str] = lambda form: ""
    section: str = "models"
    is_destructive: bool = False

    def form(self, given: Form) -> dict[str, str]:
        """The values of its fields: those given, else the defaults. What is no field of it is left out."""
        return {field.name: given.get(field.name, field.default).strip() for field in self.fields}

    def command(self, form: Form) -> str:
        """The command as one types it."""
        return " ".join(["pyml", *map(quoted_word, self.arguments(form))])


def option(name: str, value: str) -> list[str]:
    """An option of a command, in one word if its value begins with a dash; nothing if the value is empty."""
    if not value:
        return []
    return [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]


def lines(text: str) -> list[str]:
    """The lines of a text that are not empty."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def options(name: str, text: str) -> list[str]:
    """An option that may be repeated, once for each line of a text."""
    return [argument for line in lines(text) for argument in option(name, line)]


def flag(name: str, form: Form) -> list[str]:
    """A flag of a command, if its box is checked."""
    return [f"--{name}"] if form[name.replace("-", "_")] else []


def _positional(value: str) -> list[str]:
    """A positional argument, which may begin with a dash; nothing if it is empty, so that the command asks for it."""
    return ["--", value] if value.startswith("-") else [value] if value else []


def _nothing_else(_bench: Workbench, _form: Form) -> Sequence[str]:
    return ()


def _down_effects(_bench: Workbench, form: Form) -> Sequence[str]:
    return ("Every service stops; requests to the gateway fail until the next up.", "Tables and models are kept.")


def _up_effects(_bench: Workbench, _form: Form) -> Sequence[str]:
    return ("Starts what does not run, and waits until each service answers a real request.", "What runs is kept.")


def _restart_effects(_bench: Workbench, form: Form) -> Sequence[str]:
    service = form["service"]
    return (f"{service} stops and starts again; what it does at this moment is lost, and whoever calls it waits.",)


def _deploy_effects(bench: Workbench, form: Form) -> Sequence[str]:
    """Which version answers now, and which will."""
    from pyml_sandbox.models.registry import find_version
    from pyml_sandbox.models.routes import load_routes

    try:
        version = find_version(bench.home, form["model"])
    except PymlError as error:
        return (str(error),)
    deployment = load_routes(bench.home).models.get(version.name)
    starts = f"Starts a server of {version.model_id}. Once it answers, requests for {version.name} go to it."
    if deployment is None:
        return (starts,)
    if deployment.default == version.version:
        return (f"{version.model_id} answers requests for {version.name} already; it is started if it is not there.",)
    return (starts, f"Then the server of {version.name}@{deployment.default} stops; its upload is kept.")


def _undeploy_effects(_bench: Workbench, form: Form) -> Sequence[str]:
    return (f"Every server of {form['name']} stops, and requests for it fail.", "Uploaded versions are kept.")


def _delete_effects(bench: Workbench, form: Form) -> Sequence[str]:
    """What goes, with its size; or why nothing may go."""
    from pyml_sandbox.lifecycle.removal import versions_to_delete

    try:
        doomed = versions_to_delete(bench.home, form["model"])
    except PymlError as error:
        return (str(error),)
    sizes = [f"Deletes {each.model_id}, {decimal(each.size_bytes)}." for each in doomed]
    return (*sizes, "Environments, images and tables stay. To have it back, upload its folder again.")


def _job_effects(_bench: Workbench, form: Form) -> Sequence[str]:
    target = form["table"] or "the target table"
    if form["append"]:
        return (f"Adds the rows to {target}.",)
    what = f"the partition {form['partition']} of {target}" if form["partition"] else target
    return (f"If the job succeeds, {what} is replaced; if it fails or is cancelled, it stays as it is.",)


def _cancel_effects(_bench: Workbench, form: Form) -> Sequence[str]:
    return (f"Job {form['job']} stops in Spark within seconds; its target table stays as it was.",)


def _check_effects(_bench: Workbench, form: Form) -> Sequence[str]:
    return ("Reads the rows once, predicts them on both real paths, and tries the model on rows that they lack.",)


def _promote_effects(_bench: Workbench, form: Form) -> Sequence[str]:
    if form["dry_run"]:
        return ("Says whether the image would be let through; pushes nothing.",)
    return (f"Pushes the image with its proof to {form['to'] or 'the registry'}, if it is proven; else nothing.",)


def _job_arguments(form: Form) -> list[str]:
    repeated = [*options("key", form["key"]), *options("partition", form["partition"])]
    return [
        "predict",
        "offline",
        *option("sql", form["sql"]),
        *option("table", form["table"]),
        *repeated,
        *flag("append", form),
        *flag("allow-empty", form),
        *_positional(form["model"]),
    ]


def _check_arguments(form: Form) -> list[str]:
    rows = [*option("sql", form["sql"]), *option("table", form["table"])]
    asked = [*options("key", form["key"]), *option("level", form["level"]), *option("budget", form["budget"])]
    return ["parity-check", *rows, *asked, *flag("no-cache", form), *_positional(form["model"])]


def _promote_arguments(form: Form) -> list[str]:
    return [
        "promote",
        *option("to", form["to"]),
        *flag("plain-http", form),
        *flag("dry-run", form),
        *_positional(form["model"]),
    ]


MODEL = Field("model", "Model", "NAME@VERSION, or NAME", is_needed=True)
KEY = Field("key", "Key columns", "one on each line", kind="lines")
LEVELS = ("", "P1", "P2", "P3", "P4", "P5")
_PLAIN_HTTP = Field("plain_http", "Plain HTTP", "for a registry on this machine alone", kind="check")

_ALL = (
    Action(
        "up", "Bring the sandbox up", (), lambda form: ["dev", "up"], _up_effects, lambda form: "/sandbox", "sandbox"
    ),
    Action(
        "down",
        "Stop the sandbox",
        (),
        lambda form: ["dev", "down"],
        _down_effects,
        lambda form: "/sandbox",
        "sandbox",
        True,
    ),
    Action(
        "restart",
        "Restart {service}",
        (Field("service", "Service", is_needed=True),),
        lambda form: ["dev", "restart", *_positional(form["service"])],
        _restart_effects,
        lambda form: "/sandbox",
        "sandbox",
    ),
    Action(
        "upload",
        "Upload a model",
        (
            Field(
                "folder",
                "Folder",
                "a model package on this machine: model.py, parameters, requirements.txt",
                ".",
                is_needed=True,
            ),
        ),
        lambda form: ["upload", *_positional(form["folder"])],
        lambda bench, form: ("Makes its environment or image, loads the model once, and stores it as a version.",),
        lambda form: "/models",
    ),
    Action(
        "validate",
        "Validate a model package",
        (Field("folder", "Folder", "a model package on this machine", ".", is_needed=True),),
        lambda form: ["validate", *_positional(form["folder"])],
        lambda bench, form: ("Loads the model in its own environment and lists every problem; stores nothing.",),
    ),
    Action(
        "deploy",
        "Deploy {model}",
        (MODEL,),
        lambda form: ["deploy", *_positional(form["model"])],
        _deploy_effects,
        lambda form: f"/try/{quote(form['model'])}",
    ),
    Action(
        "undeploy",
        "Undeploy {name}",
        (Field("name", "Model", "a name, without a version", is_needed=True),),
        lambda form: ["undeploy", *_positional(form["name"])],
        _undeploy_effects,
        lambda form: "/models",
        is_destructive=True,
    ),
    Action(
        "delete",
        "Delete {model}",
        (MODEL,),
        lambda form: ["models", "delete", "--yes", *_positional(form["model"])],
        _delete_effects,
        lambda form: "/models",
        is_destructive=True,
    ),
    Action(
        "load",
        "Load a file into a table",
        (
            Field("file", "File", ".csv, .jsonl or .parquet, on this machine", is_needed=True),
            Field("table", "Table", "DATABASE.TABLE", is_needed=True),
            Field("columns", "Types", "such as: id BIGINT, name STRING; others are inferred"),
            Field("replace", "Replace the table if it exists", kind="check"),
        ),
        lambda form: [
            *("dev", "load", *option("table", form["table"]), *option("columns", form["columns"])),
            *flag("replace", form),
            *_positional(form["file"]),
        ],
        _nothing_else,
        lambda form: "/tables",
        "tables",
    ),
    Action(
        "job",
        "Run an offline job",
        (
            MODEL,
            Field("sql", "Query", "its columns are the model's inputs, and those to keep", kind="long", is_needed=True),
            Field("table", "Target table", "DATABASE.TABLE", is_needed=True),
            KEY,
            Field(
                "partition",
                "Partition",
                "only this one is replaced; such as ds=2026-11-30, a column on each line",
                kind="lines",
            ),
            Field("append", "Add the rows instead of replacing", kind="check"),
            Field("allow_empty", "Allow a query without rows", kind="check"),
        ),
        _job_arguments,
        _job_effects,
        lambda form: "/jobs",
        "jobs",
    ),
    Action(
        "cancel",
        "Cancel job {job}",
        (Field("job", "Job", is_needed=True),),
        lambda form: ["jobs", "cancel", *_positional(form["job"])],
        _cancel_effects,
        lambda form: "/jobs",
        "jobs",
        is_destructive=True,
    ),
    Action(
        "check",
        "Check parity",
        (
            Field("model", "Model", "a folder, NAME@VERSION, or NAME", is_needed=True),
            Field("sql", "Query", "rows to check on; empty: as its pyml.toml says", kind="long"),
            Field("table", "Table", "instead of a query"),
            KEY,
            Field("level", "Level to require", "empty: as its pyml.toml says", kind="choice", choices=LEVELS),
            Field(
                "budget",
                "Time budget",
                "seconds for the checks beside both paths; empty: as its pyml.toml says",
                kind="number",
            ),
            Field("no_cache", "Run it even if nothing has changed", kind="check"),
        ),
        _check_arguments,
        _check_effects,
        lambda form: "/parity",
        "parity",
    ),
    Action(
        "promote",
        "Promote {model}",
        (
            MODEL,
            Field("to", "To", "HOST/REPOSITORY[:TAG]", is_needed=True),
            _PLAIN_HTTP,
            Field("dry_run", "Only say whether it would be let through", kind="check"),
        ),
        _promote_arguments,
        _promote_effects,
        lambda form: "/promotion",
        "promotion",
    ),
    Action(
        "verify",
        "Verify a promoted image",
        (Field("reference", "Image", "HOST/REPOSITORY:TAG or @DIGEST", is_needed=True), _PLAIN_HTTP),
        lambda form: ["verify", *flag("plain-http", form), *_positional(form["reference"])],
        lambda bench, form: ("Asks the registry for the proof of the image, and checks it; changes nothing.",),
        lambda form: "/promotion",
        "promotion",
    ),
)
ACTIONS: Mapping[str, Action] = {action.name: action for action in _ALL}
