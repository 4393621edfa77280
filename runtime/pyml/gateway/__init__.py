"""The gateway: the Open Inference Protocol on TCP in front, a Unix socket to each model server behind."""
