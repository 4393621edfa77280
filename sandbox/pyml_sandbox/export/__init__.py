"""Manifests of a cluster: what runs a promoted image there, by its digest, and what admits proven images alone."""
