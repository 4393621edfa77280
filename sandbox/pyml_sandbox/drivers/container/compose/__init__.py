"""Compose: its program, and the file that it is given."""
