"""What the checks run in: the model in its harness, rows, thresholds and the noise of batch sizes."""
