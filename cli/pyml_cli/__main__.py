"""`python -m pyml_cli`: the `pyml` command of this very installation."""

from pyml_cli import main

main()
