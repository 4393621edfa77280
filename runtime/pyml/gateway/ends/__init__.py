"""How a model server ended by itself, for the caller whose request it took with it."""
