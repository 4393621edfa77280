"""The Open Inference Protocol: messages, tensors, columns, Arrow and JSON, and the status of an error."""
