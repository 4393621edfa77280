"""How many threads libraries use that take the number from no variable."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from pyml.package.library_threads import NUMBER, held_threads


class SessionOptions:
    """As ONNX Runtime's: 0 means one thread for each core."""

    def __init__(self, intra: int = 0, inter: int = 0) -> None:
        self.intra_op_num_threads, self.inter_op_num_threads = intra, inter


class Onnx(ModuleType):
    """A module like `onnxruntime`, as far as it concerns threads."""

    def __init__(self) -> None:
        super().__init__("onnxruntime")

        class InferenceSession:
            def __init__(
                self, path: object, sess_options: SessionOptions | None = None, providers: object = None, **more: object
            ) -> None:
                self.path, self.options, self.providers, self.more = path, sess_options, providers, more

        self.SessionOptions, self.InferenceSession = SessionOptions, InferenceSession


@pytest.fixture
def onnx(monkeypatch: pytest.MonkeyPatch) -> Onnx:
    module = Onnx()
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    return module


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, (2, 2)),
        (SessionOptions(), (2, 2)),
        (SessionOptions(4), (4, 2)),
        (SessionOptions(4, 3), (4, 3)),
    ],
)
def test_a_session_has_the_number_unless_the_model_chose_one(
    onnx: Onnx, options: SessionOptions | None, expected: tuple[int, int]
) -> None:
    with held_threads({NUMBER: "2"}), held_threads({NUMBER: "2"}):
        session = onnx.InferenceSession("model.onnx", options, ["CPU"], more=1)
    assert session.options is not None
    assert (session.options.intra_op_num_threads, session.options.inter_op_num_threads) == expected
    assert (session.path, session.providers, session.more) == ("model.onnx", ["CPU"], {"more": 1})


@pytest.mark.parametrize("number", ["", "0", "many", "4,2"])
def test_without_a_number_nothing_changes(onnx: Onnx, number: str) -> None:
    with held_threads({NUMBER: number}):
        assert onnx.InferenceSession("model.onnx").options is None


def test_the_second_pool_of_torch_has_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: list[int] = []
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(set_num_interop_threads=numbers.append))
    with held_threads({NUMBER: "3"}):
        assert numbers == []  # a model that sets it comes first, since torch takes it once
    assert numbers == [3]


def test_a_pool_of_torch_that_runs_already_keeps_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(number: int) -> None:
        raise RuntimeError("cannot set number of interop threads after parallel work has started")

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(set_num_interop_threads=refuse))
    with held_threads({NUMBER: "3"}):
        pass


def test_no_library_is_imported_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "onnxruntime"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with held_threads({NUMBER: "1"}):
        pass
    assert not {"torch", "onnxruntime"} & sys.modules.keys()
