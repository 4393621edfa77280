"""The checks: each asks about rows under two conditions and gives observations."""
