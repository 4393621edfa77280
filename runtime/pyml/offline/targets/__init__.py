"""The target of an offline job: what stands there, its swap, one partition of it, and rows inserted into it."""
