"""Faults on purpose, as data: what is struck and when, and what must hold afterwards. `make faults` strikes all."""
