"""Loading a model once, in a process of its own: it is described whatever it does meanwhile, and when Python ends."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from pyml.errors import PackageError
from pyml.inference.describe import TOO_SLOW, Signature, signature_of
from pyml.pinned_environment import launcher_script
from pyml_sandbox.drivers.process.model_load import load_on_trial
from support.packages import ECHO, write_package
from support.waiting import wait_for

RUNTIME = Path(__file__).parents[2] / "runtime"

BUSY = """
import atexit, os, subprocess, sys, threading
print("{}")
os.write(1, b"{}\\n")
subprocess.run(["echo", "{}"], check=True)
subprocess.Popen(["sleep", "100"])
threading.Thread(target=print, args=("{}",)).start()
threading.Thread(target=threading.Event().wait, daemon=True).start()
assert sys.stdin.read() == "", "stdin is for others"
atexit.register(print, "bye")
atexit.register(os.write, 1, b"bye")
atexit.register(int, "x")
"""

HARMLESS = {
    "prints, reads, starts and registers": BUSY,
    "ends at exit": "import atexit, os; atexit.register(os._exit, 7)",
    "has no stdout": "import os, sys; os.close(1); sys.stdout = None",
    "forks a child that stays": "import os, signal\nif not os.fork(): signal.pause()",
    "forks a child that loads as well": "import os; os.fork()",
    "a thread that does not end": "import threading; threading.Thread(target=threading.Event().wait).start()",
    "prints 10 MB without a line break": "import sys; sys.stdout.write('x' * 10_000_000); sys.stdout.flush()",
    "prints what is not UTF-8": "import os; os.write(1, b'\\xff{' * 1000); os.write(2, b'\\xff' * 1000)",
    "prints lone surrogates": "import sys; sys.stdout.reconfigure(errors='surrogatepass'); print('\\udc80', flush=True)",
    "prints in a thread": "import threading\ndef forever():\n    while True: print('{}')\nthreading.Thread(target=forever, daemon=True).start()",
    "a child that stays in a session of its own": "import os, time\nif not os.fork(): os.setsid(); time.sleep(30); os._exit(0)",
    "does not end at exit": "import atexit, threading; atexit.register(threading.Event().wait)",
}

ENDING = {
    "says nothing": ("import os; os._exit(0)", "ended Python with exit code 0 while it was loaded"),
    "has last words": ("import os, sys; print('no licence', flush=True); os._exit(3)", "exit code 3 while it was loaded; its last output:\nno licence"),
    "another BaseException": ("class Odd(BaseException): pass\nraise Odd('\\udc80')", "Odd"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "(SIGSEGV)"),
    "closes everything": ("import os; os.closerange(0, 100)", "exit code"),
}  # fmt: skip


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """This Python, with the runtime as if it were installed."""
    python = tmp_path / "runtime-python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(RUNTIME))} exec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    script = tmp_path / "python"
    (tmp_path / "package").mkdir()
    script.write_text(launcher_script(python, tmp_path / "package"))
    script.chmod(0o755)
    return script


def tried(launcher: Path, top: str, timeout_s: float = 60) -> Signature:
    package = write_package(launcher.parent / "package", f"{top}\n{ECHO}".replace("import pandas as pd", ""))
    return Signature.from_json(dict(load_on_trial(launcher, package, timeout_s)))


@pytest.mark.parametrize("name", HARMLESS)
def test_a_model_is_described_whatever_else_it_does(launcher: Path, name: str) -> None:
    assert tried(launcher, HARMLESS[name]).inputs.names == ("a",)


@pytest.mark.parametrize("name", ENDING)
def test_a_model_that_ends_python_is_refused_in_words(launcher: Path, name: str) -> None:
    top, words = ENDING[name]
    with pytest.raises(PackageError) as caught:
        tried(launcher, top)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return frame[['a']]", ""),
        ("return frame.rename(columns=names)", "predict raised NameError: name 'names' is not defined (model.py:"),
        ("raise KeyError('no such city')", "predict raised KeyError: 'no such city'"),
        ("return frame.rename(columns={'a': 'p'})", "column `p` is not declared"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
    ids=["predicts", "a typing error", "an unknown value", "an undeclared output", "exit"],
)
def test_the_description_says_why_predict_refuses_an_ordinary_row(launcher: Path, body: str, words: str) -> None:
    head, _, _ = ECHO.rpartition("return")
    package = write_package(launcher.parent / "package", f"{head}{body}\n")
    found = Signature.from_json(dict(load_on_trial(launcher, package, 60)))
    assert words in found.refusal
    assert bool(found.refusal) is bool(words)


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        ("__import__('os')._exit(0)", "predict ended Python with exit code 0"),
        ("__import__('os')._exit(7)", "predict ended Python with exit code 7"),
        ("__import__('ctypes').string_at(0)", "predict ended Python with exit code -11 (SIGSEGV)"),
        ("__import__('threading').Event().wait()", TOO_SLOW),
    ],
)
def test_a_first_call_without_an_outcome_is_given_up_and_told(launcher: Path, call: str, refusal: str) -> None:
    head, _, _ = ECHO.rpartition("return")
    package = write_package(launcher.parent / "package", f"{head}{call}\n")
    found = Signature.from_json(dict(load_on_trial(launcher, package, 60)))
    assert (found.inputs.names, found.refusal) == (("a",), refusal)


@pytest.mark.parametrize(
    ("name", "words"),
    [("grpc", "an installed package"), ("selectors", "standard library"), ("types", "standard library"), ("pyml", "")],
)
def test_a_helper_with_the_name_of_a_library_is_refused_by_name(launcher: Path, name: str, words: str) -> None:
    folder = launcher.parent / "package" / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    with pytest.raises(PackageError, match=f"{name}/ has the name of .*{words}"):
        tried(launcher, "")


def test_loading_that_takes_too_long_is_given_up(launcher: Path) -> None:
    with pytest.raises(PackageError, match=r"longer than 0\.1 s"):
        tried(launcher, "import time; time.sleep(100)", timeout_s=0.1)


def test_children_of_the_model_are_ended(launcher: Path) -> None:
    file = launcher.parent / "pid"
    tried(launcher, f"import subprocess; open({str(file)!r}, 'w').write(str(subprocess.Popen(['sleep', '100']).pid))")
    pid = int(file.read_text())
    wait_for(lambda: not _runs(pid), "the child is gone")


def test_variables_of_this_shell_do_not_reach_the_model(launcher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_RATES", "here")
    with pytest.raises(PackageError, match="KeyError: 'SHARED_RATES'"):
        tried(launcher, "import os; os.environ['SHARED_RATES']")


@pytest.mark.parametrize(("code", "words"), [(139, "exit code 139 (SIGSEGV)"), (-11, "(SIGSEGV)"), (3, "exit code 3 ")])
def test_how_python_ended_is_said_for_processes_and_for_containers(code: int, words: str) -> None:
    with pytest.raises(PackageError) as caught:
        signature_of(code, "", "", Path("package"))
    assert words in str(caught.value)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
