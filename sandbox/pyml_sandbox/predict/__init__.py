"""Predictions on both paths: the gateway's client, Spark sessions, and a user's rows."""
