"""The container driver: everything that needs a Docker engine."""
