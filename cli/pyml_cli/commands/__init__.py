"""The commands of `pyml`, one file for each group, and what they print."""
