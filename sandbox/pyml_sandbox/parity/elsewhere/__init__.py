"""The check of paths outside the sandbox: those of a cluster, and of systems that are not ours."""
