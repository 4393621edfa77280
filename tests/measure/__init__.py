"""Figures of the code: of ours, and of the code that it is held against."""
