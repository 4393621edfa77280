"""The parity check: do offline and online predictions agree, and if not, why not."""
