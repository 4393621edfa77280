"""The rows that a model is asked: frozen ones of the user's, and synthetic ones."""
