"""The Docker engine: found and asked, and its errors translated."""
