"""A model that does to its process, in `predict`, what the column `act` of each row says."""

from __future__ import annotations

GUEST = '''
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema


def doubled(number):
    return 2 * number


def killed(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def says_handlers(_):
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


class Guest(DataFrameModel):
    inputs = Schema("act STRING NOT NULL, x DOUBLE NOT NULL")
    outputs = Schema("y DOUBLE NOT NULL, said STRING NOT NULL")

    def __init__(self, parameters):
        pass

    def predict(self, frame):
        said = pd.Series([str(getattr(self, act or "nothing")()) for act in frame["act"]], frame.index, dtype=object)
        return pd.DataFrame({"y": frame["x"] * 2, "said": said})

    def nothing(self):
        return ""

    def pid(self):
        return os.getpid()

    def fork_pool(self):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(doubled, [1, 2])

    def spawn_pool(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(doubled, [1, 2])

    def forkserver_pool(self):
        with multiprocessing.get_context("forkserver").Pool(1) as pool:
            return pool.map(doubled, [1, 2])

    def futures(self):
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            return list(pool.map(doubled, [1, 2]))

    def threads(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return list(pool.map(doubled, [1, 2]))

    def joblib(self):
        import joblib

        return joblib.Parallel(n_jobs=2)(joblib.delayed(doubled)(number) for number in (1, 2))

    def subprocesses(self):
        command = [sys.executable, "-c", "print([2, 4])"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def default_handlers(self):
        with multiprocessing.get_context("fork").Pool(1) as pool:
            return pool.map(says_handlers, [1])

    def killed_pool(self):
        """Pools whose children are killed."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            fork = multiprocessing.get_context("fork")
            with concurrent.futures.ProcessPoolExecutor(1, fork) as pool:
                try:
                    pool.submit(killed, number).result()
                except concurrent.futures.BrokenExecutor:
                    continue
                return f"{number} did nothing"
        return "killed"

    def child(self):
        """A child that stays, however it is asked about signals; its number, once it runs."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.write(writer, b"!")
            time.sleep(300)
            os._exit(0)
        os.read(reader, 1)
        return child

    def stay(self):
        time.sleep(300)

    def returning(self):
        """A child that goes on where its parent does."""
        return "parent" if os.fork() else "child"

    def raising(self):
        if not os.fork():
            raise ValueError("in the child")
        return "parent"

    def exiting(self):
        if not os.fork():
            sys.exit(0)
        os.wait()
        return "parent"

    def stdin(self):
        return repr(sys.stdin.read() + os.read(0, 10).decode())

    def asks(self):
        with contextlib.suppress(EOFError):
            input("a password, please: ")
        return "asked"

    def prints(self):
        os.write(1, b"\\xff\\xfe{\\"kind\\": \\n")
        print("{}", flush=True)
        return "printed"

    def prints_much(self):
        print("x" * 10_000_000, flush=True)
        return "printed"

    def prints_in_thread(self):
        def forever():
            while True:
                os.write(1, b"{}\\n")
                time.sleep(0.05)

        threading.Thread(target=forever, daemon=True).start()
        return "printed"

    def surrogate(self):
        with contextlib.suppress(UnicodeEncodeError):
            print("\\udc80", flush=True)
        return "printed"

    def closes_stdout(self):
        os.close(1)
        return "closed"
'''

CHILDREN = {
    "fork_pool": "[2, 4]",
    "spawn_pool": "[2, 4]",
    "forkserver_pool": "[2, 4]",
    "futures": "[2, 4]",
    "threads": "[2, 4]",
    "joblib": "[2, 4]",
    "subprocesses": "[2, 4]",
    "default_handlers": "[True]",
    "killed_pool": "killed",
    "returning": "parent",
    "raising": "parent",
    "exiting": "parent",
}
"""How children are started, and what is said then."""

STRANGE = {
    "stdin": "''",
    "asks": "asked",
    "prints": "printed",
    "prints_much": "printed",
    "prints_in_thread": "printed",
    "surrogate": "printed",
    "closes_stdout": "closed",
}
