"""What the container driver is made of: the engine it talks to, Compose, and how a service becomes a container."""
