"""Signed statements of what a parity check said of an image, and the keys that sign them."""
