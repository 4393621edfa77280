"""Images: Python, base and model images, listed and pruned.

The way: `python_image` finds the Python to start from (or `bootstrap` makes one), `base_image` puts Java, Spark and the
runtime on it, `model_image` a model's packages and code on that. `build` runs a Dockerfile of compose/ and says how
such a build reaches indexes and mirrors, `inventory` lists and prunes.
"""
