"""Loads, once and in one thread, what answers need: two threads that load pandas at the same time can break it."""

from __future__ import annotations

import contextlib
import importlib
import threading
import warnings

HEAVY = (
    "pandas",
    "pyarrow.compute",
    "pyarrow.parquet",
    "grpc",
    "pyspark.sql.connect.session",
    "pyml_sandbox.client",
    "pyml_sandbox.lifecycle.status",
    "pyml_sandbox.listings.model_list",
    "pyml_sandbox.promotion.history",
    "pyml_sandbox.parity.report.report_html",
    "pyml_sandbox.hive_tables.listing",
)
_loaded = threading.Event()


def load_in_background() -> None:
    """Begin to load; returns at once. A module that cannot be loaded is told by whoever needs it."""
    threading.Thread(target=_load, name="pyml-console-loads", daemon=True).start()


def wait_until_loaded() -> None:
    """Block until everything is loaded. Returns at once if nothing was asked to be loaded."""
    if any(thread.name == "pyml-console-loads" for thread in threading.enumerate()):
        _loaded.wait()


def _load() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PySpark thinks of pandas is said where a session is opened
        for name in HEAVY:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    _loaded.set()
