"""Both real paths, as a check uses them: batches, wire formats, digests, images."""
