"""Every command ends with one sentence, whatever error reaches its boundary: no traceback, a fixed exit code."""

from __future__ import annotations

import errno
import functools
import inspect
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.models import CommandInfo

from pyml.errors import PymlError, SetupError
from pyml_cli.main import application, run


def _commands(group: typer.Typer, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], CommandInfo]]:
    for info in group.registered_commands:
        assert info.callback is not None
        yield (*names, info.name or info.callback.__name__.replace("_", "-")), info
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        assert isinstance(inner.name, str)
        yield from _commands(inner.typer_instance, (*names, inner.name))


def _words(callback: Callable[..., object]) -> list[str]:
    """Arguments for the parameters that a command requires."""
    words = []
    for parameter in inspect.signature(callback, eval_str=True).parameters.values():
        if parameter.default is inspect.Parameter.empty:
            kinds = [type(each).__name__ for each in parameter.annotation.__metadata__]
            words += [f"--{parameter.name.replace('_', '-')}", "x"] if "OptionInfo" in kinds else ["x"]
    return words


APP = application()
COMMANDS = dict(_commands(APP))
ERRORS = [
    (PymlError("as expected", "do it"), 1, "error"),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/full/file"), 3, "disk-full"),
    (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), 3, "disk-full"),
    (OSError(errno.EROFS, os.strerror(errno.EROFS), "/read/only"), 3, "not-writable"),
    (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/somebody/else"), 3, "not-writable"),
    (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), 3, "setup"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (typer.Abort(), 130, "interrupted"),
    (MemoryError(), 3, "out-of-memory"),
    (RecursionError("maximum recursion depth exceeded"), 70, "bug"),
    (UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range(128)"), 70, "bug"),
    (BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)), 70, "bug"),
    (EOFError(), 70, "bug"),
    (ValueError("two\nlines"), 70, "bug"),
    (type("StrangeError", (Exception,), {})(), 70, "bug"),
]


@pytest.fixture(scope="module")
def errors_to_raise() -> list[BaseException]:
    """The error that every command raises is the last one of this list."""
    return []


@pytest.fixture(scope="module")
def app_that_raises(errors_to_raise: list[BaseException]) -> Iterator[object]:
    """The whole command line, built once; each command raises instead of doing anything."""

    def raising(callback: Callable[..., object]) -> Callable[..., None]:
        @functools.wraps(callback)
        def command(**arguments: object) -> None:
            raise errors_to_raise[-1]

        return command

    with pytest.MonkeyPatch.context() as patch:
        for info in COMMANDS.values():
            patch.setattr(info, "callback", raising(info.callback or run))
        yield typer.main.get_command(APP)


@pytest.fixture(autouse=True)
def pyml_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app_that_raises: object) -> Path:
    monkeypatch.setenv("PYML_HOME", str(tmp_path))
    monkeypatch.setattr("pyml_cli.main.application", lambda words: app_that_raises)
    return tmp_path


@pytest.fixture
def every_command_raises(errors_to_raise: list[BaseException]) -> Callable[[BaseException], None]:
    return errors_to_raise.append


@pytest.mark.parametrize(("error", "code", "name"), ERRORS, ids=[type(error).__name__ for error, *_ in ERRORS])
def test_every_command_ends_every_error_with_a_sentence(
    error: BaseException,
    code: int,
    name: str,
    every_command_raises: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    every_command_raises(error)
    for names, info in COMMANDS.items():
        words = [*names, *_words(info.callback or run)]
        assert run(words) == code, names
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.lstrip().startswith("error: ")
        assert "Traceback" not in printed.err
        assert printed.err.count("\n") <= 3
        if "json" in inspect.signature(info.callback or run).parameters:
            assert run([*words, "--json"]) == code
            assert json.loads(capsys.readouterr().out)["error"]["code"] == name


def test_there_are_commands_to_drive() -> None:
    assert {("dev", "up"), ("dev", "down"), ("upload",), ("predict", "offline"), ("dev", "sql")} <= COMMANDS.keys()


def test_a_bug_leaves_a_report_without_secrets_for_this_user_alone(
    every_command_raises: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    pyml_home: Path,
) -> None:
    monkeypatch.setenv("MY_API_TOKEN", "hush-hush-hush")
    every_command_raises(
        ValueError("asked https://jo:pa55word@index.test/simple with hush-hush-hush and password=abc123")
    )
    assert run(["dev", "status", "--sandbox", "mine"]) == 70
    named = re.search(r"with the file (\S+)", capsys.readouterr().err)
    assert named is not None
    assert Path(named[1]).parent == pyml_home / "bugs"
    text = Path(named[1]).read_text()
    assert all(part in text for part in ("pyml dev status --sandbox mine", "Traceback", "pyspark"))
    assert not any(secret in text for secret in ("pa55word", "hush-hush-hush", "abc123"))
    assert Path(named[1]).stat().st_mode & 0o777 == 0o600


def test_a_report_goes_elsewhere_where_pyml_home_is_a_file(
    every_command_raises: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PYML_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    every_command_raises(ValueError("odd"))
    assert run(["dev", "status"]) == 70
    assert len(list(tmp_path.glob("pyml-bug-*.txt"))) == 1


def test_a_bug_is_one_sentence_where_no_report_can_be_written(
    every_command_raises: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("pyml_cli.bug_report._written", refuse)
    every_command_raises(ValueError("odd"))
    assert run(["dev", "status"]) == 70
    assert "could not be written (OSError: [Errno 30] Read-only file system)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda full: RuntimeError(f"IO Error: could not write block: {os.strerror(errno.ENOSPC)}"),
        lambda full: _raised_from(RuntimeError("cannot go on"), full),
        lambda full: _raised_from(PymlError("supervisord could not be started", "pyml dev logs"), full),
        lambda full: SetupError(f"uv failed: {os.strerror(errno.ENOSPC)} (os error 28)", "change requirements.txt"),
    ],
)
def test_a_full_disk_is_named_whatever_library_met_it(
    wrapped: Callable[[OSError], Exception],
    every_command_raises: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    every_command_raises(wrapped(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    assert run(["dev", "status", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "disk-full"
    assert "free some disk space" in error["hint"]


def _raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error
