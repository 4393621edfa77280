"""Formats of rows in files: CSV, JSON Lines and Parquet, read in the declared types."""
