"""The Hive tables of a sandbox: listed, and loaded from files."""
