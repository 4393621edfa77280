"""The gateway: TCP in front, a Unix socket to each model server behind."""
