"""Lines to a program and back: one that ends or is late has no answer, and is not asked again."""

from __future__ import annotations

import sys

import pytest

from pyml_sandbox.drivers.process.session import session_with_process
from pyml_sandbox.models.model_session import NoAnswerError

ECHOES = "import sys\nfor line in sys.stdin:\n    print(line, '\\x1e' + line.strip() + '!', flush=True)"
LATE = "import sys\nfor line in sys.stdin:\n    sys.stdin.readline()\n    print('late', flush=True)"
ENDS = "import sys\nsys.stdin.readline()\nprint('going down', file=sys.stderr)\nsys.exit(3)"


def test_a_line_is_answered_by_a_line() -> None:
    open_session = session_with_process([sys.executable, "-c", ECHOES], {})
    assert [open_session.ask(each, 60).strip() for each in ("one", "two")] == ["one!", "two!"]
    open_session.close()


def test_one_that_is_late_is_not_asked_again_since_its_answer_would_be_taken_for_the_next_ones() -> None:
    open_session = session_with_process([sys.executable, "-c", LATE], {})
    with pytest.raises(NoAnswerError, match="no answer within 0 s"):
        open_session.ask("one", 0.01)
    with pytest.raises(NoAnswerError, match="no answer within 0 s"):
        open_session.ask("two", 60)
    open_session.close()


def test_one_that_ends_is_told_with_its_last_words_however_often_it_is_asked() -> None:
    open_session = session_with_process([sys.executable, "-c", ENDS], {})
    for _ in range(2):
        with pytest.raises(NoAnswerError, match=r"(?s)ended its Python.*going down"):
            open_session.ask("one", 60)
    open_session.close()
