"""The noise of a model's own arithmetic, separated from logic: in floats, and in labels that depend on them."""
