"""A loaded model behind the type rule, digests of what it saw and gave, and who ran it."""
