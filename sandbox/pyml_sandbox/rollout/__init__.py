"""From specs to running services: plan, apply, wait until ready, and say why one failed."""
