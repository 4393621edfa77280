"""Rows of every type, passed on as they are: whatever a path does to a value shows."""

import json
from pathlib import Path

import pandas as pd

from pyml import DataFrameModel, Schema

COLUMNS = Schema(
    "tiny TINYINT, small SMALLINT NOT NULL, number INT, quantity INT NOT NULL, big BIGINT, account BIGINT NOT NULL, "
    "single FLOAT, share FLOAT NOT NULL, measure DOUBLE, amount DOUBLE NOT NULL, flag BOOLEAN, is_done BOOLEAN NOT NULL, "
    "price DECIMAL(10, 2), total DECIMAL(38, 10) NOT NULL, note STRING, label STRING NOT NULL, "
    "blob BINARY, digest BINARY NOT NULL, due DATE, born DATE NOT NULL, seen_at TIMESTAMP, made_at TIMESTAMP NOT NULL, "
    "alarm TIMESTAMP_NTZ, opens TIMESTAMP_NTZ NOT NULL, steps ARRAY<BIGINT>, grid ARRAY<ARRAY<INT>> NOT NULL, "
    "scores MAP<STRING, DOUBLE>, place STRUCT<x: DOUBLE, y: DOUBLE>, person STRUCT<name: STRING, born: DATE> NOT NULL"
)


class Everything(DataFrameModel):
    inputs = COLUMNS
    outputs = COLUMNS

    def __init__(self, parameters: Path) -> None:
        self.columns: list[str] = json.loads((parameters / "columns.json").read_text())

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame if list(frame.columns) == self.columns else frame[self.columns]
