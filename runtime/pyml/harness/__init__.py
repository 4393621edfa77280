"""The test harness: one model in a process of its own, called under varied conditions for the parity check."""
