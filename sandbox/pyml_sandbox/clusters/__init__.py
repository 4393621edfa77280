"""Clusters besides the sandbox: where they are, and how a version's environment gets to their workers."""
