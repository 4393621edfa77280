"""Where model versions get what they run in: a virtual environment (`virtual`) or an image (`image`)."""
