"""Images of the container driver: the base image, one image for each model version, and what keeps them few.

The way: `python_image` finds the Python to start from (or `bootstrap` makes one), `base` puts Java, Spark and the
runtime on it, `model` a model's packages and code on that. `build` runs a Dockerfile of compose/, `inputs` says how
such a build reaches indexes and mirrors, `inventory` lists and prunes.
"""
