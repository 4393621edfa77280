"""What a script gives to `spark-submit`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path


def submitted_words(script: str, master: str = "k8s://https://127.0.0.1:6443") -> list[str]:
    """The arguments that `spark-submit` gets from a script, as the shell splits them.

    Args:
        script: text of the script.
        master: value of `$SPARK_MASTER`.
    """
    with tempfile.TemporaryDirectory() as folder:
        told, stub, file = (Path(folder, name) for name in ("told", "spark-submit", "script.sh"))
        stub.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >{told}\n')
        stub.chmod(0o755)
        file.write_text(script)
        environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "SPARK_MASTER": master}
        subprocess.run(["sh", str(file)], env=environ, check=True)
        return told.read_text().split("\0")[:-1]
