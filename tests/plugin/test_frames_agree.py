"""`assert_frames_agree`: which frames agree, what is said of those that do not, and where."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from plugin.projects import Project
from pyml.errors import UsageError
from pyml_fixtures import assert_frames_agree

NAN = float("nan")
FRAME = pd.DataFrame({"k": [1, 2, 3], "x": [0.1, NAN, -0.0]})
NULLABLE = pd.array([1, None], "Int32")


@pytest.mark.parametrize(
    ("a", "b", "key"),
    [
        (FRAME, FRAME.copy(), ()),
        (FRAME, FRAME.iloc[::-1], "k"),
        (FRAME, FRAME[["x", "k"]], ["k"]),
        (FRAME, FRAME.set_index(np.array([9, 9, 8])), ()),
        (FRAME, FRAME.assign(x=[0.1 + 1e-15, NAN, 0.0]), "k"),
        (FRAME, pa.table({"k": [1, 2, 3], "x": [0.1, NAN, 0.0]}), "k"),
        (pd.DataFrame({"x": NULLABLE}), pa.table({"x": pa.array([1, None], pa.int32())}), ()),
        (pd.DataFrame({"x": ["a", None]}), pa.table({"x": ["a", None]}), ()),
        (pd.DataFrame({"x": pd.Series(["a", None], dtype=object)}), pa.table({"x": ["a", None]}), ()),
        (pd.DataFrame({"x": [Decimal("1.50")]}), pa.table({"x": [Decimal("1.50")]}), ()),
        (pd.DataFrame({"x": [[1.0, 2.0], None]}), pa.table({"x": [[1.0, 2.0], None]}), ()),
        (pa.table({"x": [dt.date(2024, 2, 29)]}), pa.table({"x": [dt.date(2024, 2, 29)]}), "x"),
        (pa.table({"x": pa.array([], pa.int64())}), pd.DataFrame({"x": np.array([], "int64")}), ()),
    ],
)
def test_frames_that_agree(a: pd.DataFrame, b: pd.DataFrame, key: str | list[str]) -> None:
    assert_frames_agree(a, b, key)


@pytest.mark.parametrize(
    ("a", "b", "key", "headline"),
    [
        ({"x": [1.0, 2.0]}, {"x": [1.0, 2.5]}, (), "`x` differs in 1 of 2 rows, by up to 0.5"),
        ({"x": [1.0, NAN]}, {"x": [1.0, None]}, (), "`x` differs in 1 of 2 rows"),
        ({"x": [1]}, {"x": [1.0]}, (), "`x` is BIGINT left and DOUBLE right"),
        ({"x": [1, 2]}, {"x": [2, 1]}, (), "`x` differs in 2 of 2 rows, by up to 1"),
        ({"x": [1, 2]}, {"x": [1]}, (), "key 1 is present only left"),
        ({"x": [1]}, {"x": [1, 2, 3]}, "x", "key 2 (and 1 more) is present only right"),
        ({"x": [1, 1]}, {"x": [1]}, "x", "key 1 appears more than once left"),
        ({"x": [1, None]}, {"x": [1]}, "x", "the key is null in 1 row left"),
        ({"x": [1], "y": [1]}, {"x": [1]}, "x", "column `y` is present only left"),
        ({"x": [1], "y": ["a"], "z": [2]}, {"x": [1], "y": ["b"], "z": [3]}, "x", "`y` differs in 1 of 1 row (and 1 more)"),
    ],
)  # fmt: skip
def test_the_first_line_says_what_differs(
    a: dict[str, list[object]], b: dict[str, list[object]], key: str, headline: str
) -> None:
    with pytest.raises(AssertionError) as raised:
        assert_frames_agree(pa.table(a), pa.table(b), key)
    assert str(raised.value).splitlines()[0] == headline
    assert "\nDIFFERENT\n" in str(raised.value)


def test_a_missing_key_column_and_a_list_are_refused() -> None:
    with pytest.raises(UsageError, match="the left side has no column `z`"):
        assert_frames_agree(FRAME, FRAME, "z")
    with pytest.raises(TypeError, match="expected a pandas frame or an Arrow table, found list"):
        assert_frames_agree([1], FRAME)


def test_the_line_that_asserts_is_to_blame(bare: Project) -> None:
    bare.write_test(
        "import pandas as pd\nfrom pyml_fixtures import assert_frames_agree\n\n"
        "def test_it():\n    frame = pd.DataFrame({'x': [1, 2]})\n    assert_frames_agree(frame, frame + 1)\n"
    )
    result = bare.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       assert_frames_agree(frame, frame + 1)",
            "E       AssertionError: `x` differs in 2 of 2 rows, by up to 1",
            "E       DIFFERENT",
            "tests*test_it.py:6: AssertionError",
        ]
    )
