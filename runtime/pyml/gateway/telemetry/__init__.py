"""What the gateway says of its requests: figures for Prometheus, ids, and a line in its log for each that failed."""
