"""The harness as a process: its requests and responses, and that each variation reaches the model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pytest

from pyml.errors import PackageError
from pyml.harness.perturbations import Perturbation
from pyml.harness.session_messages import HarnessRequest, Refusal
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.harness_process import HarnessProcess, Output, Variation
from support.harnesses import BuilderHere, BuilderOfProcesses, harnesses_of
from support.packages import write_package

MODEL = '''
import json, locale, os, random, subprocess, sys, tempfile, threading, time, warnings
import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema

warnings.warn("trying to unpickle what version 1.0 has written")
print("printed while loading")

class Layer:
    training = False
    def __init__(self):
        self.training = True

class Obedient(DataFrameModel):
    """Does for the rows of a call what the first of them says."""

    inputs = Schema("a DOUBLE, todo STRING")
    outputs = Schema("p DOUBLE NOT NULL, t STRING")

    def __init__(self, parameters):
        self.layers = {"first": [Layer()]}
        self.calls = 0
        self.meeting = threading.Barrier(2, timeout=20)

    def predict(self, frame):
        todo = frame["todo"].iloc[0] if len(frame) else ""
        answer = getattr(self, todo or "nothing")(frame)
        if isinstance(answer, pd.DataFrame):
            return answer
        p = frame["a"].fillna(0.0).astype("float64")
        return pd.DataFrame({"p": p, "t": pd.Series([answer] * len(frame), index=frame.index, dtype=object)})

    def nothing(self, frame):
        return None

    def size(self, frame):
        return str(len(frame))

    def raising(self, frame):
        raise ArithmeticError("no such number")

    def leaving(self, frame):
        sys.exit("enough")

    def ending(self, frame):
        print("these are my last words", file=sys.stderr, flush=True)
        os._exit(3)

    def orphaning(self, frame):
        if not os.fork():
            time.sleep(300)
        os._exit(0)

    def copying(self, frame):
        return "child" if not os.fork() else "parent"

    def closing(self, frame):
        os.close(1)
        os.write(2, b"\\xff" * 100_000)
        return "closed"

    def shorter(self, frame):
        return pd.DataFrame({"p": [0.5], "t": [None]})

    def mistyped(self, frame):
        return pd.DataFrame({"p": [1] * len(frame), "t": [None] * len(frame)})

    def vast(self, frame):
        return pd.DataFrame({"p": pd.Series([10**400] * len(frame), dtype=object), "t": [None] * len(frame)})

    def noisy(self, frame):
        print("{}")
        assert sys.stdin.read() == os.read(0, 10).decode() == "", "the questions are not the model's"
        os.write(1, b"not a line of yours\\n")
        subprocess.run(["echo", "nor this"], check=True)
        return "said"

    def writing(self, frame):
        frame["a"] = 7.0

    def hashing(self, frame):
        return str(hash("a text"))

    def zone(self, frame):
        return time.strftime("%H", time.localtime(0))

    def order(self, frame):
        try:
            locale.setlocale(locale.LC_COLLATE, "")
        except locale.Error as error:
            return str(error)
        return "".join(sorted("bCa", key=locale.strxfrm))

    def folder(self, frame):
        return str(os.path.exists("model.py"))

    def variables(self, frame):
        return json.dumps([os.environ.get("MODE"), os.getenv("SPARE"), "ASKED" in os.environ])

    def library(self, frame):
        tempfile.tempdir = None
        return str(bool(tempfile.gettempdir()))  # asks for TMPDIR

    def clock(self, frame):
        return str(time.time())

    def chance(self, frame):
        return f"{random.random()} {np.random.random()}"

    def mode(self, frame):
        return str(self.layers["first"][0].training)

    def together(self, frame):
        self.meeting.wait()
        return str(threading.get_ident())
'''


def rows(*todo: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"a": [float(number) for number in range(len(todo))], "todo": list(todo)},
        schema=pa.schema([("a", pa.float64()), ("todo", pa.string())]),
    )


def text(output: Output) -> str:
    """The text that a row got."""
    assert not isinstance(output, Refusal), output
    return str(output["t"])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("obedient"), model=MODEL)


@pytest.fixture(scope="module")
def process(package: Path) -> Iterator[HarnessProcess]:
    with harnesses_of(package, BuilderOfProcesses()).start() as harness:
        yield harness


@pytest.fixture(scope="module", params=["here", "process"])
def harness(request: pytest.FixtureRequest, package: Path) -> Iterator[HarnessProcess]:
    """The fake that other tests use, and the real one."""
    if request.param == "process":
        yield request.getfixturevalue("process")
    else:
        with harnesses_of(package, BuilderHere()).start() as here:
            yield here


class TestEveryHarness:
    """What holds for the one in this process, which other tests use, and for the real one."""

    def test_it_greets_with_what_the_model_declares(self, harness: HarnessProcess) -> None:
        assert not harness.load_report.problem
        assert harness.load_report.signature is not None
        assert harness.load_report.signature["kind"] == "frame"
        assert harness.load_report.signature["inputs"] == "a DOUBLE, todo STRING"

    def test_it_greets_with_what_loading_warned_of(self, harness: HarnessProcess) -> None:
        assert "UserWarning: trying to unpickle what version 1.0 has written" in harness.load_report.warnings

    def test_it_greets_with_how_many_switches_are_on(self, harness: HarnessProcess) -> None:
        assert harness.load_report.training == 1

    def test_rows_alone_are_calls_of_one_row(self, harness: HarnessProcess) -> None:
        assert harness.alone(rows("size", "size")) == [{"p": 0.0, "t": "1"}, {"p": 1.0, "t": "1"}]

    def test_rows_together_are_one_call(self, harness: HarnessProcess) -> None:
        assert harness.together(rows("size", "size")) == [{"p": 0.0, "t": "2"}, {"p": 1.0, "t": "2"}]

    def test_groups_take_rows_in_any_order_and_more_than_once(self, harness: HarnessProcess) -> None:
        found = harness.calls(rows("", "size"), [[1, 0, 1], [0]])
        assert found == [
            [{"p": 1.0, "t": "3"}, {"p": 0.0, "t": "3"}, {"p": 1.0, "t": "3"}],
            [{"p": 0.0, "t": None}],
        ]

    def test_no_groups_are_no_calls(self, harness: HarnessProcess) -> None:
        assert harness.calls(rows(""), []) == []

    def test_a_call_without_rows_is_a_call(self, harness: HarnessProcess) -> None:
        assert harness.calls(rows("raising"), [[], [0]])[0] == []
        assert harness.ask(HarnessRequest(rows("raising"), [[], [0]])).refusals.keys() == {1}

    @pytest.mark.parametrize(
        ("todo", "kind", "words"),
        [
            ("raising", "PredictError", "predict raised ArithmeticError: no such number (model.py:"),
            ("leaving", "PredictError", "predict raised SystemExit: enough"),
            ("shorter", "OutputError", "2 rows in, 1 rows out"),
            ("mistyped", "OutputError", "column `p` is declared DOUBLE, found int64"),
        ],
    )
    def test_a_call_that_gives_no_predictions_is_refused_by_kind(
        self, harness: HarnessProcess, todo: str, kind: str, words: str
    ) -> None:
        first, second = harness.together(rows(todo, todo))
        assert isinstance(first, Refusal)
        assert second == first
        assert first.kind == kind
        assert words in first.message

    def test_a_refused_call_leaves_the_others_their_answers(self, harness: HarnessProcess) -> None:
        before, refused, after = harness.alone(rows("size", "raising", "size"))
        assert (before, after) == ({"p": 0.0, "t": "1"}, {"p": 2.0, "t": "1"})
        assert isinstance(refused, Refusal)

    def test_a_frozen_clock_stands_still_at_its_time(self, harness: HarnessProcess) -> None:
        found = harness.calls(rows("clock"), [[0], [0]], clock=1_700_000_000.0)
        assert [text(output) for (output,) in found] == ["1700000000.0"] * 2

    def test_the_clock_runs_again_afterwards(self, harness: HarnessProcess) -> None:
        harness.calls(rows("clock"), [[0]], clock=0.0)
        ((output,),) = harness.calls(rows("clock"), [[0]])
        assert float(text(output)) > 1_700_000_000

    def test_seeded_calls_draw_the_same_and_others_do_not(self, harness: HarnessProcess) -> None:
        seeded = harness.calls(rows("chance"), [[0], [0]], seeded=True)
        free = harness.calls(rows("chance"), [[0], [0]])
        assert seeded[0] == seeded[1]
        assert free[0] != free[1]

    def test_switches_are_off_under_evaluation_and_on_again_afterwards(self, harness: HarnessProcess) -> None:
        modes = [
            text(harness.alone(rows("mode"), perturbation)[0])
            for perturbation in (None, Perturbation("evaluation"), None)
        ]
        assert modes == ["True", "False", "True"]

    def test_calls_shared_by_threads_meet(self, harness: HarnessProcess) -> None:
        found = harness.calls(rows("together"), [[0], [0]], threads=2)
        assert len({text(output) for (output,) in found}) == 2

    def test_the_answers_of_threads_stand_in_the_order_of_the_calls(self, harness: HarnessProcess) -> None:
        found = harness.calls(rows(*[""] * 20), [[row] for row in range(20)], threads=4)
        assert [output["p"] for (output,) in found if not isinstance(output, Refusal)] == list(range(20))

    @pytest.mark.parametrize(("todo", "changed"), [("writing", (0,)), ("", ())])
    def test_a_call_that_writes_into_its_frame_is_named(
        self, harness: HarnessProcess, todo: str, changed: Sequence[int]
    ) -> None:
        answers = harness.ask(HarnessRequest(rows(todo), [[0]], detects_mutation=True))
        assert tuple(answers.changed) == changed

    def test_nobody_looks_for_writing_unless_asked_to(self, harness: HarnessProcess) -> None:
        assert not harness.ask(HarnessRequest(rows("writing"), [[0]])).changed

    def test_a_perturbation_reaches_the_frame(self, harness: HarnessProcess) -> None:
        (output,) = harness.alone(rows(""), Perturbation("missing", ("todo",)))
        assert isinstance(output, Refusal)
        assert "KeyError" in output.message

    @pytest.mark.parametrize(
        ("todo", "perturbation"), [("", Perturbation("missing", ("z",))), ("vast", Perturbation("objects", ("a",)))]
    )
    def test_a_perturbation_that_does_not_apply_is_a_refusal_of_its_own_kind(
        self, harness: HarnessProcess, todo: str, perturbation: Perturbation
    ) -> None:
        (output,) = harness.alone(rows(todo), perturbation)
        assert isinstance(output, Refusal)
        assert output.kind == "PerturbationError"


def test_what_the_model_prints_is_no_answer_and_what_it_reads_no_question(process: HarnessProcess) -> None:
    assert [text(output) for output in process.alone(rows("noisy", "noisy"))] == ["said", "said"]


@pytest.mark.parametrize(("todo", "answer"), [("copying", "parent"), ("closing", "closed")])
def test_what_the_model_does_to_its_process_is_no_answer(process: HarnessProcess, todo: str, answer: str) -> None:
    assert [text(output) for output in process.alone(rows(todo, "size"))] == [answer, "1"]


def test_the_greeting_lists_what_is_installed(process: HarnessProcess) -> None:
    assert process.load_report.packages["pandas"]


def test_the_pinned_environment_is_what_the_model_sees(process: HarnessProcess) -> None:
    found = [text(output) for output in process.alone(rows("zone", "folder", "variables"))]
    assert found == ["00", "True", '[null, "here", false]']


def test_only_the_variables_that_the_models_own_code_asks_for_are_noted(process: HarnessProcess) -> None:
    process.alone(rows("library", "variables"))
    assert {"MODE", "SPARE", "ASKED"} <= process.variables
    assert not process.variables & {"TMPDIR", "TMP", "HOME", "PATH"}


def test_both_harnesses_answer_alike(package: Path, process: HarnessProcess) -> None:
    things = ("zone", "folder", "variables", "size", "raising", "leaving", "shorter", "mistyped", "mode", "writing")
    asked = rows(*things, "")
    groups = [[0, 3], [3, 0], [10], [8, 8, 10], [], [4], [9, 10]]
    with harnesses_of(package, BuilderHere()).start(Variation("as outside", (("SPARE", "here"),))) as here:
        assert here.alone(asked) == process.alone(asked)
        assert here.calls(asked, groups) == process.calls(asked, groups)


def test_every_variation_reaches_the_model(package: Path, process: HarnessProcess) -> None:
    settings = (("PYTHONHASHSEED", "1"), ("TZ", "Asia/Kathmandu"), ("MODE", "a=b"))
    variation = Variation("all", settings, unset=("SPARE",), elsewhere=True)
    asked = rows("hashing", "zone", "folder", "variables")
    with harnesses_of(package, BuilderOfProcesses()).start(variation) as harness:
        seed, *others = (text(output) for output in harness.alone(asked))
    assert seed != text(process.alone(asked)[0])
    assert others == ["05", "False", '["a=b", null, false]']


def test_texts_have_the_order_of_a_locale_that_the_machine_can_compile(package: Path, process: HarnessProcess) -> None:
    variation = Variation("German", (("LC_ALL", "de_DE.UTF-8"),))
    with harnesses_of(package, BuilderOfProcesses()).start(variation) as harness:
        found = [text(each.alone(rows("order"))[0]) for each in (process, harness)]
    has_source = Path("/usr/share/i18n/locales/de_DE").exists() and shutil.which("localedef")
    assert found == ["Cab", "abC" if has_source else "unsupported locale setting"]


def test_a_model_that_ends_python_is_an_error_with_its_last_words(package: Path) -> None:
    with harnesses_of(package, BuilderOfProcesses()).start() as harness:
        with pytest.raises(PackageError, match="ended its Python") as caught:
            harness.alone(rows("ending"))
        assert "these are my last words" in str(caught.value)
        with pytest.raises(PackageError, match="ended its Python"):  # and it stays ended
            harness.alone(rows(""))


def test_a_child_that_stays_does_not_hide_that_the_model_ended_python(package: Path) -> None:
    with harnesses_of(package, BuilderOfProcesses()).start() as harness:
        with pytest.raises(NoAnswerError, match="ended its Python process with exit code 0") as caught:
            harness.alone(rows("orphaning"))
        assert "instead of calling os._exit" in str(caught.value)


def test_a_model_that_cannot_be_loaded_is_an_error_that_says_why(tmp_path: Path) -> None:
    package = write_package(tmp_path, model=f"{MODEL}\nsys.exit('no parameters')\n")
    with ExitStack() as stack, pytest.raises(PackageError, match="cannot be loaded") as caught:
        stack.enter_context(harnesses_of(package, BuilderOfProcesses()).start())
    assert "sys.exit('no parameters')" in str(caught.value)
