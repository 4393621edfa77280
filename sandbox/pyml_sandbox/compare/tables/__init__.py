"""The two sides of a comparison: Parquet files or Hive tables, and their columns."""
