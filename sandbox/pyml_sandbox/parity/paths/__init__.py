"""Both real paths, asked for the check: batches, wire formats, digests, images."""
