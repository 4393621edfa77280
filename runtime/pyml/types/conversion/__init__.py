"""Rows of any caller as the declared columns: converted where nothing is lost, else refused with a hint."""
