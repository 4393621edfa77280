"""From observations to the causes of docs/causes, and to findings."""
