"""The SQL with which DuckDB compares."""
