"""How services run: one protocol, the process driver, and a fake for tests."""
