"""Leans on what pyml promises for both paths: hash seed, time zone, threads, working directory, decimal context."""

import decimal
import os
from datetime import datetime
from pathlib import Path

import pandas as pd

from pyml import DataFrameModel, Schema


class Surroundings(DataFrameModel):
    inputs = Schema("customer STRING NOT NULL, instant BIGINT NOT NULL, part BIGINT NOT NULL, whole BIGINT NOT NULL")
    outputs = Schema(
        "bucket BIGINT NOT NULL, local_hour INT NOT NULL, share STRING NOT NULL, threads STRING NOT NULL, "
        "greeting STRING NOT NULL"
    )

    def __init__(self, parameters: Path) -> None:
        decimal.getcontext().prec = 12

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        hours = [datetime.fromtimestamp(instant).hour for instant in frame["instant"]]
        pairs = zip(frame["part"].tolist(), frame["whole"].tolist(), strict=True)
        return pd.DataFrame(
            {
                "bucket": pd.array([hash(customer) % 1000 for customer in frame["customer"]], dtype="int64"),
                "local_hour": pd.array(hours, dtype="int32"),
                "share": [str(decimal.Decimal(part) / whole) for part, whole in pairs],
                "threads": [os.environ.get("OMP_NUM_THREADS", "")] * len(frame),
                "greeting": [Path("parameters/greeting.txt").read_text().strip()] * len(frame),
            }
        )
