"""A container registry: manifests, blobs, and what is attached to an image there."""
