"""Which checks there are, what one of them sees, and which were made."""
