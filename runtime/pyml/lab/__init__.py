"""The laboratory: a model in a process of its own, asked under conditions that its two paths never meet together."""
