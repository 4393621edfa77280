"""The noise of a model's own arithmetic, told apart from logic: of floats, and of labels that hang on them."""
