"""Images: Python, base and model images, listed and pruned.

`python_image` finds the Python image, or `bootstrap` makes one; `base_image` adds Java, Spark and the runtime, and
`model_image` a model's packages and code. `builds` runs a Dockerfile of compose/, with access to package indexes and
mirrors; `inventory` lists and prunes.
"""
