"""A model package: its files, its settings, and loading its model."""
