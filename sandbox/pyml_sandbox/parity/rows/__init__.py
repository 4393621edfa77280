"""The rows of a parity check: the snapshot of the user's rows, and synthetic rows."""
