"""The checks: each predicts rows under two conditions and returns observations."""
