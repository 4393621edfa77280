"""From the laptop to a registry: an image goes there with its proof, and is verified there."""
