"""Offline jobs of a sandbox: the history of their records, their cancellation, and the image that they ran in."""
