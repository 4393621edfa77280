"""A comparison as text: its sentences, its tables, and its values."""
