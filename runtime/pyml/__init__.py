"""pyml: write a model once, run it offline and online, and know that both agree."""
