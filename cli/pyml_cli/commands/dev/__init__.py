"""The commands of `pyml dev`: the sandbox, its tables, and SQL."""
