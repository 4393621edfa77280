"""A model's whole life by the buttons of the console, on a real sandbox, in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from console.conftest import Show, Shown
from pyml_sandbox.client import Client
from pyml_sandbox.workspace.home import SandboxHome
from support.consoles import Console
from support.packages import write_package

FARE = """
import pandas as pd
from pyml import DataFrameModel, Schema

class Fare(DataFrameModel):
    inputs = Schema("distance DOUBLE NOT NULL, tip DOUBLE, city STRING")
    outputs = Schema("fare DOUBLE")

    def __init__(self, parameters): pass

    def predict(self, frame):
        return pd.DataFrame({"fare": 2.5 + 3 * frame["distance"] + frame["tip"].fillna(0)})
"""
ROWS = "SELECT id, CAST(id AS DOUBLE) AS distance, CAST(1 AS DOUBLE) AS tip, 'Oslo' AS city FROM range(20)"
NAME = "seen_fare"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    toml = f'[parity]\nsql = "{ROWS}"\nkey = ["id"]\nlevel = "P1"\n'
    return write_package(tmp_path_factory.mktemp("m") / NAME, FARE, toml=toml)


@pytest.fixture(scope="module")
def deployed(process_sandbox: SandboxHome, folder: Path) -> Iterator[str]:
    """A version that is deployed, by the Python client: what is done elsewhere, the console shows."""
    from pyml.package.model_package import ModelPackage

    client = Client(process_sandbox)
    model_id = client.upload_model(ModelPackage(folder))
    client.deploy_model(model_id)
    yield model_id
    client.undeploy_model(NAME)


def pressed(shown: Shown, name: str) -> None:
    shown.page.get_by_role("button", name=name, exact=True).first.click()


def test_a_folder_that_is_chosen_in_the_browser_becomes_a_version(show: Show, console: Console, folder: Path) -> None:
    shown = show(console).open("/do/upload")
    shown.page.locator("input[type=file]").set_input_files(str(folder))
    pressed(shown, "Upload these files")
    shown.see_state("done")
    assert f"{NAME}@" in shown.text
    assert NAME in shown.open("/models").text


def test_what_is_typed_shows_the_command_and_a_wrong_folder_the_sentence_of_the_command_line(
    show: Show, console: Console
) -> None:
    shown = show(console).open("/do/validate")
    shown.page.get_by_label("Folder").fill("no such folder")
    shown.page.locator("code", has_text="pyml validate 'no such folder'").wait_for()
    pressed(shown, "Validate a model package")
    shown.see_state("failed")
    assert "error: " in shown.text
    assert "fix: " in shown.text


def test_a_row_that_is_typed_is_predicted_on_both_paths(show: Show, console: Console, deployed: str) -> None:
    shown = show(console).open(f"/try/{deployed}")
    shown.page.get_by_label("distance").fill("2")
    shown.page.get_by_label("null for tip").check()
    shown.page.get_by_label("Predict the same rows offline").check()
    pressed(shown, "Predict")
    shown.see("exactly the same predictions")
    assert "8.5" in shown.text
    for sample in ("curl -s http://127.0.0.1:", "client.predict_online(", "http.InferInput("):
        assert sample in shown.text


def test_a_value_that_does_not_fit_is_refused_with_its_column(show: Show, console: Console, deployed: str) -> None:
    shown = show(console).open(f"/try/{deployed}")
    shown.page.get_by_label("distance").fill("far")
    pressed(shown, "Predict")
    shown.page.get_by_role("alert").first.wait_for()
    assert "`distance`" in shown.text


def test_a_job_is_checked_while_it_is_typed_runs_and_is_kept(show: Show, console: Console, deployed: str) -> None:
    shown = show(console).open(f"/do/job?model={deployed}")
    shown.page.get_by_label("Target table").fill("seen.fares")
    shown.page.locator("[name=sql]").fill("SELECT 1 AS distance")
    shown.see("column `tip` is missing")
    shown.page.locator("[name=sql]").fill(ROWS)
    shown.page.locator(".error").first.wait_for(state="detached")
    pressed(shown, "Run an offline job")
    shown.see_state("done")
    shown.open("/jobs?table=seen.fares").see_state("succeeded")
    shown.page.locator("main table a").first.click()
    assert "20 rows" in shown.text
    shown.open("/tables/seen.fares").see("20 rows")
    shown.see("fare")


def test_a_check_shows_its_steps_and_then_its_report(show: Show, console: Console, deployed: str) -> None:
    shown = show(console).open(f"/do/check?model={deployed}")
    pressed(shown, "Check parity")
    shown.see_state("done", 180)
    shown.page.get_by_role("link", name="The report").click()
    report = shown.page.frame_locator("iframe")
    report.get_by_text("The two paths").wait_for()
    assert "PASS" in shown.text
    shown.open("/parity")
    assert shown.page.locator("svg.history circle.pass").count() >= 1
    assert deployed in shown.text


def test_a_statement_shows_its_rows_or_what_is_wrong(show: Show, console: Console) -> None:
    shown = show(console).open("/tables")
    shown.page.get_by_label("Statement").fill("SELECT 6 * 7 AS answer, NULL AS nothing")
    pressed(shown, "Run")
    shown.see("answer")
    assert "42" in shown.text
    assert "null" in shown.text
    shown.page.get_by_label("Statement").fill("SELEKT 1")
    pressed(shown, "Run")
    shown.page.get_by_role("alert").first.wait_for()


def test_what_a_button_does_is_said_first(show: Show, console: Console, deployed: str) -> None:
    shown = show(console).open(f"/do/delete?model={deployed}")
    assert "deployed" in shown.text
    shown.open(f"/do/deploy?model={deployed}")
    assert "answers requests" in shown.text
    shown.open("/do/down")
    assert "requests to the gateway fail" in shown.text


def test_a_service_that_was_killed_is_told_without_reloading(
    show: Show, console: Console, process_sandbox: SandboxHome
) -> None:
    first, second = show(console).open("/sandbox"), show(console).open("/sandbox")
    first.see_state("ready")
    gateway = next(each for each in console.json("/sandbox")["status"]["services"] if each["name"] == "gateway")
    ended = gateway["restarts"] + 1
    psutil.Process(gateway["pid"]).kill()
    for shown in (first, second):
        shown.page.locator("#service-gateway", has_text=f"{ended} times").wait_for(timeout=30_000)
        shown.page.locator("#service-gateway .badge.ready").wait_for(timeout=30_000)


def test_what_the_client_does_is_shown_without_reloading(
    show: Show, console: Console, process_sandbox: SandboxHome, deployed: str
) -> None:
    shown = show(console).open("/models")
    row = shown.page.locator("tr", has_text=deployed)
    row.locator(".badge.deployed").wait_for()
    client = Client(process_sandbox)
    client.undeploy_model(NAME)
    row.locator(".badge.deployed").wait_for(state="detached")
    client.deploy_model(deployed)
    row.locator(".badge.deployed").wait_for()


def test_the_log_of_a_service_is_followed(show: Show, console: Console, process_sandbox: SandboxHome) -> None:
    shown = show(console).open("/sandbox/logs/gateway")
    with (process_sandbox.logs / "gateway.log").open("a") as log:
        log.write(f"a line by {os.getpid()}\n")
    shown.see(f"a line by {os.getpid()}")
