"""Scale-to-zero: starts a container's server on request, and stops what is idle."""
