"""Where one sandbox keeps its files, ports, state and lock, and the events that it reports."""
