"""What is known of a text: every character counts."""

import hashlib
import json
from pathlib import Path

import pandas as pd

from pyml import DataFrameModel, Schema


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Texts(DataFrameModel):
    inputs = Schema("title STRING NOT NULL, Code STRING NOT NULL, note STRING")
    outputs = Schema("shown STRING NOT NULL, length INT NOT NULL, digest STRING NOT NULL, note_length INT")

    def __init__(self, parameters: Path) -> None:
        self.mark = json.loads((parameters / "mark.json").read_text())

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "shown": frame["title"] + self.mark + frame["Code"],
                "length": pd.array([len(title) for title in frame["title"]], dtype="int32"),
                "digest": frame["title"].map(digest_of).astype(object),
                "note_length": pd.array([None if note is None else len(note) for note in frame["note"]], dtype="Int32"),
            }
        )
