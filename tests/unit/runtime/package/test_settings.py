"""`pyml.toml`: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import SettingsError
from pyml.package.settings import AllowanceSettings, ParitySettings, Settings


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("name = ", "pyml.toml: Invalid value"),
        ("name = 'a b'", "letters, digits"),
        ("[serving]\nmax_queue = 0", "a positive whole number"),
        ("[serving]\nmax_queue = true", "a positive whole number"),
        ("serving = 1", "write [serving]"),
        ("[parity]\nlevel = 'P9'", "one of P1"),
        ("[parity]\nsql = 'x'\ntable = 'y'", "keep one of them"),
        ("[parity]\nsql = 'x'\nrows = 'y.csv'", "keep one of them"),
        ("[parity]\nrows = 'y.txt'", "the name of a file: .parquet"),
        ("[parity]\nkey = 'a'", "a list of strings"),
        ("[parity]\nbudget_s = 0", "`parity.budget_s` is 0, expected a number above 0, such as 90"),
        ("[parity]\nbudget_s = -1.5", "`parity.budget_s` is -1.5, expected a number above 0"),
        ("[parity]\nbudget_s = inf", "a number above 0"),
        ("[parity]\nbudget_s = true", "a number above 0"),
        ("[parity]\nbudget_s = '90'", "a number above 0"),
        ("[parity]\nbudget = 90", "did you mean `parity.budget_s`?"),
        ("[parity]\ntolerance = 1e-3", "write [parity.tolerance]"),
        ("[parity]\nexpected = 'a/b'", "the name of a file (.parquet or .csv) beside pyml.toml, or of a Hive table"),
        (
            "[parity.tolerance]\nrtol = -1e-3",
            "`parity.tolerance.rtol` is -0.001, expected a finite number of at least 0",
        ),
        ("[parity.tolerance]\nrtol = nan", "a finite number"),
        ("[parity.tolerance]\natol = true", "a finite number"),
        ("[parity.tolerance]\nrtl = 1", "did you mean `parity.tolerance.rtol`?"),
        ("[parity.tolerance]\ncolumns = 1", "write [parity.tolerance.columns]"),
        ("[parity.tolerance.columns]\nfare = 1e-3", "write fare = { rtol = 1e-6 } below [parity.tolerance.columns]"),
        ("[parity.tolerance.columns.fare]\nulps = 2", "unknown key `parity.tolerance.columns.fare.ulps`"),
    ],
)
def test_bad_settings_are_refused(tmp_path: Path, toml: str, words: str) -> None:
    (tmp_path / "pyml.toml").write_text(toml)
    with pytest.raises(SettingsError) as raised:
        Settings.load(tmp_path)
    assert words in str(raised.value)


def test_settings_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "pyml.toml").write_text("\ufeffname = 'fare'")
    assert Settings.load(tmp_path).name == "fare"


def test_settings_are_read_and_default_to_the_folder_name(tmp_path: Path) -> None:
    folder = tmp_path / "fare"
    folder.mkdir()
    assert Settings.load(folder) == Settings(name="fare")
    (folder / "pyml.toml").write_text('[parity]\ntable = "trips"\nkey = ["id"]\n[serving]\nmax_queue = 3')
    settings = Settings.load(folder)
    assert (settings.name, settings.parity.key, settings.serving.max_queue) == ("fare", ("id",), 3)


@pytest.mark.parametrize(("toml", "budget_s"), [("", 90.0), ("budget_s = 600", 600.0), ("budget_s = 0.5", 0.5)])
def test_a_time_budget_is_a_float_of_seconds(tmp_path: Path, toml: str, budget_s: float) -> None:
    (tmp_path / "pyml.toml").write_text(f"[parity]\n{toml}")
    assert repr(Settings.load(tmp_path).parity.budget_s) == repr(budget_s)


def test_a_tolerance_is_read_for_all_columns_and_for_single_ones(tmp_path: Path) -> None:
    (tmp_path / "pyml.toml").write_text(
        "[parity.tolerance]\nrtol = 1e-6\n[parity.tolerance.columns]\nfare = { atol = 0 }\ntip = { rtol = 1, atol = 2 }"
    )
    tolerance = Settings.load(tmp_path).parity.tolerance
    assert tolerance.of("distance") == AllowanceSettings(rtol=1e-6)
    assert tolerance.of("fare") == AllowanceSettings(rtol=1e-6, atol=0)
    assert tolerance.of("tip") == AllowanceSettings(rtol=1, atol=2)


def test_no_tolerance_is_given_by_default(tmp_path: Path) -> None:
    assert not Settings.load(tmp_path).parity.tolerance.of("fare").is_given


@pytest.mark.parametrize(
    ("expected", "is_file"),
    [("expected.parquet", True), ("data/Expected.CSV", True), ("shop.expected", False), ("expected", False)],
)
def test_what_the_notebook_predicted_is_in_a_file_or_a_table(tmp_path: Path, expected: str, is_file: bool) -> None:
    (tmp_path / "pyml.toml").write_text(f"[parity]\nexpected = '{expected}'")
    parity = Settings.load(tmp_path).parity
    assert (parity.expected, parity.has_expected_file) == (expected, is_file)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (ParitySettings(sql="SELECT 1", expected="e.csv"), ""),
        (ParitySettings(table="trips", expected="e.csv"), ""),
        (ParitySettings(expected="e.csv"), "e.csv"),
    ],
)
def test_what_the_notebook_predicted_belongs_to_the_rows_of_the_settings(
    declared: ParitySettings, expected: str
) -> None:
    assert declared.with_rows(table="others") == ParitySettings(table="others", expected=expected)
