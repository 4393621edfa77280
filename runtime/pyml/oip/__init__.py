"""The Open Inference Protocol: its messages, and how frames and tensors travel in them."""
