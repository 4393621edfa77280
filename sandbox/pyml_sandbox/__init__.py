"""The laptop side of pyml: services, drivers, registry, parity."""
