"""Spark's daemons of Python workers: one for each session, forked from one that has imported what all of them need."""
