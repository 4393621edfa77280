"""The target of an offline job: what stands there, one partition of it, and rows inserted into it."""
