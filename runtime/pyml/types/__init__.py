"""The type rule: schemas, rows as the frame or tensors that `predict` sees, and predictions back to Arrow."""
