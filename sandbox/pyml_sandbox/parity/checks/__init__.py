"""The checks: each asks a model about the same row in two situations, and says where its outputs differ."""
